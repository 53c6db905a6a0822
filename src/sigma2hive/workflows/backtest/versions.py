"""The project as it was at a Git ref: rules, mappings and settings in a folder of their own.

Takes what a command asks for and a ref; gives that `Project`. The folder is removed at the end.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.records import dataclass
from sigma2hive.repository import PastTree, open_past
from sigma2hive.settings import SETTINGS_FILE, load_settings
from sigma2hive.workflows.project import Project, ProjectOptions, load_project


@dataclass(frozen=True, slots=True)
class PastProject:
    """A project as it was at `commit`."""

    project: Project
    commit: str


@contextmanager
def past_project(present: Project, options: ProjectOptions, ref: str) -> Iterator[PastProject]:
    """Give the project as it was at a ref, for as long as the `with` lasts.

    Raises:
        ConfigurationError: there is no such commit, or it cannot be compared with.
    """
    # What Git calls the top has no links in it.
    root = Path(os.path.realpath(present.settings.root))
    tree = open_past(root, ref)
    with tempfile.TemporaryDirectory(prefix="sigma2hive-") as made:
        folder = Path(os.path.realpath(made))
        try:
            project = load_project(_options(tree, folder, root, present, options))
        except ConfigurationError as error:
            raise _told(ref, error) from None
        except OSError as error:
            raise _cannot(ref, str(error)) from None
        if project.profile.windows_events is not present.profile.windows_events:
            raise _cannot(
                ref,
                f"its profile {project.profile.name} has Windows events in other fields than "
                f"{present.profile.name}",
            )
        if project.profile.time_fields != present.profile.time_fields:
            raise _cannot(
                ref,
                f"its profile {project.profile.name} has the time of events in other fields than "
                f"{present.profile.name}",
            )
        yield PastProject(project, tree.commit)


def _options(
    tree: PastTree, folder: Path, root: Path, present: Project, options: ProjectOptions
) -> ProjectOptions:
    """Write what the project needs below `folder`; return how to load it from there."""

    def there(path: Path) -> Path:
        path = Path(os.path.realpath(path))
        return folder / path.relative_to(tree.top) if path.is_relative_to(tree.top) else path

    def here(path: Path) -> Path:
        return tree.top / path.relative_to(folder) if path.is_relative_to(folder) else path

    start = there(root)
    start.mkdir(parents=True, exist_ok=True)
    file = present.settings.file or root / SETTINGS_FILE
    tree.write([Path(os.path.realpath(file))], folder)
    settings_file = there(file) if there(file).is_file() else None
    settings = load_settings(start, settings_file, Diagnostics())
    rules = tuple(there(path) for path in options.rules)
    wanted = [*(rules or settings.rules), settings.mappings]
    wanted += [settings.placeholders] if settings.placeholders else []
    tree.write([here(path) for path in wanted], folder)
    # A folder of rules that was not there yet is one without rules.
    for path in rules or settings.rules:
        if path.is_relative_to(folder) and not path.exists():
            path.mkdir(parents=True)
    return replace(
        options,
        start=start,
        settings_file=settings_file,
        rules=rules,
    )


def _told(ref: str, error: ConfigurationError) -> ConfigurationError:
    """Return the error with the places named as Git does."""
    problem = Diagnostics(
        [
            replace(
                finding,
                location=replace(finding.location, path=f"{ref}:{finding.location.path}"),
            )
            for finding in error.diagnostics
        ]
    )
    return ConfigurationError(problem)


def _cannot(ref: str, why: str) -> ConfigurationError:
    problem = Diagnostics()
    problem.error(
        "S2H101",
        Location("--against"),
        f"the rules at {ref} cannot be compared with: {why}",
        "name another ref",
    )
    return ConfigurationError(problem)
