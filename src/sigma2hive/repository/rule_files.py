"""Which files are rules.

Takes paths of files and folders; gives files in a stable order, each once, and findings for what
cannot be looked into. Reads none of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from sigma2hive.diagnostics import Diagnostics, Location

_SUFFIXES = (".yml", ".yaml")
#: Tests and settings lie beside rules; neither is one.
_NOT_RULES = (".test.yml", ".test.yaml")


def shown_path(path: Path, root: Path) -> str:
    """Return the path as findings show it: relative to `root` where it lies inside."""
    absolute = path if path.is_absolute() else Path.cwd() / path
    try:
        return absolute.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()


def rule_files(
    paths: Sequence[Path], root: Path, diagnostics: Diagnostics
) -> Iterator[Path | Location]:
    """Yield each file once, and the place of each path that cannot be looked into."""
    seen: set[str] = set()
    real = _RealPaths()
    for path in paths:
        found: list[Path] = []
        if path.is_dir():
            unread: list[OSError] = []
            found = sorted(_files_below(path, unread))
            yield from (_report_unread(error, root, diagnostics) for error in unread)
            if not found and not unread:
                diagnostics.warning(
                    "S2H108",
                    Location(shown_path(path, root)),
                    "the folder holds no .yml or .yaml file",
                    "name the folder that the rules are in",
                )
        elif os.path.lexists(path):
            found = [path]
        else:
            place = Location(shown_path(path, root))
            diagnostics.error(
                "S2H108",
                place,
                "there is no such file or folder",
                "check `rules` in sigma2hive.yml or --rules",
            )
            yield place
        for file in found:
            absolute = real(file)
            if absolute not in seen:
                seen.add(absolute)
                yield file


class _RealPaths:
    """The real path of files, of which many lie in one folder."""

    def __init__(self) -> None:
        self._folders: dict[Path, str] = {}

    def __call__(self, file: Path) -> str:
        # Unlike Path.resolve, realpath gives a path for a link that leads to itself.
        if file.is_symlink():
            return os.path.realpath(file)
        folder = file.parent
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return f"{self._folders[folder]}{os.sep}{file.name}"


def _files_below(folder: Path, unread: list[OSError]) -> Iterator[Path]:
    # os.walk does not follow links to folders, so that a loop of links ends.
    for where, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if name.endswith(_SUFFIXES) and not name.endswith(_NOT_RULES) and name[0] != ".":
                yield Path(where, name)


def _report_unread(error: OSError, root: Path, diagnostics: Diagnostics) -> Location:
    place = Location(shown_path(Path(error.filename), root))
    message = f"the folder cannot be read: {error.strerror}"
    diagnostics.error("S2H101", place, message, "check that this user may read it")
    return place
