"""Which files are rules.

Takes paths of files and folders; gives files in a stable order, each once, and findings for what
cannot be looked into, or is a link that leads elsewhere. Reads none of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location
from sigma2hive.records import dataclass

_SUFFIXES = (".yml", ".yaml")
#: Tests and settings lie beside rules; neither is one.
_NOT_RULES = (".test.yml", ".test.yaml")


def shown_path(path: Path, root: Path) -> str:
    """Return the path as findings show it: relative to `root` where it lies inside."""
    # As texts: of thousands of paths, objects for the whole ones took five times as long.
    text, start = str(path), os.path.join(root, "")  # noqa: PTH118
    if not path.is_absolute():
        working = os.getcwd()  # noqa: PTH109
        text = working if text == "." else os.path.join(working, text)  # noqa: PTH118
    if text == str(root):
        return "."
    is_inside = text.startswith(start)
    return text[len(start) :].replace(os.sep, "/") if is_inside else path.as_posix()


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """The rule files of some paths, each once, and the place of each that cannot be looked into."""

    entries: tuple[Path | Location, ...]
    findings: tuple[Diagnostic, ...] = ()

    @property
    def paths(self) -> tuple[Path | None, ...]:
        """The files, None for what is none."""
        return tuple(entry if isinstance(entry, Path) else None for entry in self.entries)

    @property
    def files(self) -> list[Path]:
        """The files alone."""
        return [entry for entry in self.entries if isinstance(entry, Path)]


def rule_files(paths: Sequence[Path], root: Path) -> RuleFiles:
    """Return the rule files of paths; findings name them relative to `root` where inside it."""
    diagnostics = Diagnostics()
    return RuleFiles(tuple(_entries(paths, root, diagnostics)), tuple(diagnostics))


def _entries(
    paths: Sequence[Path], root: Path, diagnostics: Diagnostics
) -> Iterator[Path | Location]:
    seen: set[str] = set()
    within = tuple(os.path.join(os.path.realpath(path), "") for path in (root, *paths))  # noqa: PTH118
    for path in paths:
        if path.is_dir():
            unread: list[OSError] = []
            links: list[Path] = []
            found = list(_files_below(path, os.path.realpath(path), unread, links))
            _report_folders(links, within, root, diagnostics)
            yield from (_report_unread(error, root, diagnostics) for error in unread)
            if not found and not unread:
                diagnostics.warning(
                    "S2H108",
                    Location(shown_path(path, root)),
                    "the folder holds no .yml or .yaml file",
                    "name the folder that the rules are in",
                )
        elif os.path.lexists(path):
            found = [(path, os.path.realpath(path))]
        else:
            place = Location(shown_path(path, root))
            diagnostics.error(
                "S2H108",
                place,
                "there is no such file or folder",
                "check `rules` in sigma2hive.yml or --rules",
            )
            yield place
            continue
        for file, real in found:
            if file is not path and not real.startswith(within):  # only a link leads there
                yield _report_link(file, root, diagnostics)
            elif real not in seen:
                seen.add(real)
                yield file


def _files_below(
    folder: Path, real: str, unread: list[OSError], links: list[Path]
) -> Iterator[tuple[Path, str]]:
    """Yield each file and its real path, ordered as paths are: part by part.

    Folders that cannot be read go to `unread`, links to folders to `links`.
    """
    try:
        with os.scandir(folder) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        unread.append(error)
        return
    for entry in inside:
        name = entry.name
        if name.startswith("."):
            continue
        inner = f"{real}{os.sep}{name}"
        if _is_folder(entry):
            # A link is neither followed, so that a loop of links ends, nor taken for a file.
            if entry.is_symlink():
                links.append(folder / name)
            else:
                yield from _files_below(folder / name, inner, unread, links)
        elif name.endswith(_SUFFIXES) and not name.endswith(_NOT_RULES):
            # Unlike Path.resolve, realpath gives a path for a link that leads to itself.
            yield folder / name, os.path.realpath(inner) if entry.is_symlink() else inner


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _report_unread(error: OSError, root: Path, diagnostics: Diagnostics) -> Location:
    place = Location(shown_path(Path(error.filename), root))
    message = f"the folder cannot be read: {error.strerror}"
    diagnostics.error("S2H101", place, message, "check that this user may read it")
    return place


def _report_link(link: Path, root: Path, diagnostics: Diagnostics) -> Location:
    """Refuse a rule that nobody would see change in a pull request."""
    place = Location(shown_path(link, root))
    diagnostics.error(
        "S2H111",
        place,
        f"the file is a link to {link.readlink()}, outside of the repository: changes of it are "
        "not reviewed with the rules, so it is not read",
        "put the rule itself here, or name the folder that it is in with --rules or in `rules`",
    )
    return place


def _report_folders(
    links: Sequence[Path], within: tuple[str, ...], root: Path, diagnostics: Diagnostics
) -> None:
    """Warn of links to folders, whose rules are not read, but for those that are read anyway."""
    read = within[1:]  # the root itself is not read, what was named is
    for link in links:
        if not os.path.join(os.path.realpath(link), "").startswith(read):  # noqa: PTH118
            diagnostics.warning(
                "S2H111",
                Location(shown_path(link, root)),
                "links to folders are not followed, so rules in this one are not read",
                "name the folder that it leads to with --rules or in `rules`",
            )
