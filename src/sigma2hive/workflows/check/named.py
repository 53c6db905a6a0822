"""Whether TheHive has what mappings and rules name: `compile --check --thehive`.

Takes a `Project`; asks the TheHive of its settings, as `doctor` does; gives findings at the places
where the names are written. Changes nothing there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location, Severity
from sigma2hive.repository import SourceFiles, shown_path
from sigma2hive.runner.delivery import sink_requests
from sigma2hive.workflows.doctor import Status, examine_names
from sigma2hive.workflows.project import Project

_CODE = "S2H419"
_SEVERITIES = {Status.PROBLEM: Severity.ERROR, Status.WARNING: Severity.WARNING}


def find_unknown_names(project: Project, findings: Diagnostics) -> None:
    """Report custom fields, types, case templates and techniques that TheHive does not have.

    Raises:
        ServerError: TheHive does not answer, or refuses to.
        ConfigurationError: the settings name no TheHive, or the key cannot be used.
    """
    sinks = sink_requests(project.settings, (), Path.cwd())
    files = _NamingFiles(project)
    for found in examine_names(project, sinks):
        severity = _SEVERITIES.get(found.status)
        if severity is None:
            continue
        for name in found.names or ("",):
            message = f"{found.seen}: {name}" if name else found.seen
            place = files.place_of(name)
            findings.found.append(Diagnostic(_CODE, severity, place, message, found.to_do))


class _NamingFiles:
    """The files of mappings and rules, each read once however many names are looked for."""

    def __init__(self, project: Project) -> None:
        root = project.settings.root
        self._sources = SourceFiles(root)
        self._mappings = shown_path(project.settings.mappings, root)
        self._paths = [shown_path(file, root) for file in _naming_files(project)]

    def place_of(self, name: str) -> Location:
        """Return the first place where a name is written."""
        word = name.partition(" (")[0]
        # A technique is a tag there: attack.t1059.001.
        pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])", re.IGNORECASE)
        for path in self._paths if word else ():
            for number, line in enumerate(self._sources.lines(Location(path, 1)), 1):
                if match := pattern.search(line.partition(" #")[0]):
                    return Location(path, number, match.start() + 1)
        return Location(self._mappings)


def _naming_files(project: Project) -> Iterator[Path]:
    folder = project.settings.mappings
    yield from sorted(folder.glob("*.yml"))
    yield from project.rule_files
