"""Which files hold events.

Takes paths of files and folders; gives the files in a stable order, each once, and findings for
what cannot be read. Opens nothing but to see what kind a file of an unknown name is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.sources.interface import EventFile

#: Names that are read in folders, with or without .gz. A .log is too often no JSON: name it
#: yourself, and it is read.
JSON_ENDINGS = (".ndjson", ".jsonl", ".json")
EVTX_ENDING = ".evtx"
EVTX_MAGIC = b"ElfFile\0"

_EVENT_ENDINGS = (*JSON_ENDINGS, EVTX_ENDING)
#: Packed in a way that is not read: said, for to pass over such a file would lose its events.
_PACKERS = (".zip", ".bz2", ".xz", ".zst", ".7z")
_PACKED_ENDINGS = (
    EVTX_ENDING + ".gz",
    *(ending + packer for ending in _EVENT_ENDINGS for packer in _PACKERS),
)


def find_event_files(
    paths: Sequence[Path], root: Path, own: Sequence[Path] = ()
) -> Iterator[EventFile | Diagnostic]:
    """Yield the event files of `paths`: folders recursively and sorted, files as they are named.

    Hidden files and folders are passed over, unless they are named themselves. A file reached in
    several ways, through links for instance, comes once. What is `own` is passed over: of such a
    file that is named a finding says so; such a folder that is named is read.
    """
    ours = _identities(own)
    seen = set(ours)
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            yield _missing(path, display_path(path, root), error)
            continue
        mode, identity = status.st_mode, (status.st_dev, status.st_ino)
        if S_ISREG(mode) and identity in ours:
            yield _own(display_path(path, root))
            continue
        if S_ISDIR(mode):
            # What is ours is passed over, but not where it is asked for.
            seen -= {identity} & ours
            yield from _in_folder(path, root, seen)
        elif not S_ISREG(mode):
            yield _endless(display_path(path, root))
        elif _is_new(status, seen):
            yield from _named(path, root)


def display_path(path: Path, root: Path) -> str:
    """Return the path as a person sees it: relative to `root` inside it, no control characters."""
    absolute, base = Path(os.path.abspath(path)), Path(os.path.abspath(root))  # noqa: PTH100
    return _visible(absolute.relative_to(base) if absolute.is_relative_to(base) else path)


def _visible(path: Path | str) -> str:
    """Return a path, or a part of one, without control characters."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _named(path: Path, root: Path) -> Iterator[EventFile | Diagnostic]:
    name = path.name.lower()
    display = display_path(path, root)
    if name.endswith(_PACKED_ENDINGS):
        yield _packed(display)
    elif name.endswith(EVTX_ENDING):
        yield EventFile(path, display, "evtx")
    elif _kind_of(path.name):
        yield EventFile(path, display, "ndjson")
    else:
        yield EventFile(path, display, "evtx" if _begins_as_evtx(path) else "ndjson")


def _in_folder(
    folder: Path, root: Path, seen: set[tuple[int, int]]
) -> Iterator[EventFile | Diagnostic]:
    has_found = False
    # Last in, first out: the children are put in backwards, each with how a person sees it.
    stack = [(str(folder), display_path(folder, root))]
    while stack:
        path, display = stack.pop()
        try:
            status = os.stat(path)  # noqa: PTH116  # a log may be thousands of files
            if S_ISDIR(status.st_mode):
                if not _is_new(status, seen):
                    has_found = True  # whoever came first found what is in it, or said so
                else:
                    names = [name for name in os.listdir(path) if name[0] != "."]  # noqa: PTH208
                    names.sort(key=os.path.normcase, reverse=True)
                    # Not as the folder above it: the root may lie between the two.
                    seen_as = display_path(Path(path), root)
                    within = "" if seen_as == os.curdir else os.path.join(seen_as, "")  # noqa: PTH118
                    stack.extend(
                        (os.path.join(path, name), within + _visible(name))  # noqa: PTH118
                        for name in names
                    )
                continue
        except OSError as error:
            has_found = True
            yield _missing(Path(path), display, error)
            continue
        if not S_ISREG(status.st_mode):
            continue
        name = os.path.basename(path)  # noqa: PTH119
        kind = _kind_of(name)
        if kind:
            has_found = True
            if _is_new(status, seen):
                yield EventFile(Path(path), display, kind)
        elif name.lower().endswith(_PACKED_ENDINGS):
            has_found = True
            yield _packed(display)
    if not has_found:
        yield Diagnostic(
            "S2H505",
            Severity.WARNING,
            Location(display_path(folder, root)),
            "the folder holds no event file",
            f"events are read from {', '.join(_EVENT_ENDINGS)}, the JSON ones also as .gz",
        )


def _kind_of(name: str) -> str:
    lower = name.lower()
    if lower.endswith(EVTX_ENDING):
        return "evtx"
    return "ndjson" if lower.removesuffix(".gz").endswith(JSON_ENDINGS) else ""


def _begins_as_evtx(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(EVTX_MAGIC)) == EVTX_MAGIC
    except OSError:
        return False  # whoever reads it will say why it cannot be read


def _identities(paths: Sequence[Path]) -> set[tuple[int, int]]:
    """Return the identities of those files and folders that are there."""
    found: set[tuple[int, int]] = set()
    for path in paths:
        with suppress(OSError):
            _is_new(path.stat(), found)
    return found


def _own(display: str) -> Diagnostic:
    return Diagnostic(
        "S2H505",
        Severity.ERROR,
        Location(display),
        "is what sigma2hive writes itself, and holds no events: alerts of alerts would never end",
        "name the files that the events are in",
    )


def _is_new(status: os.stat_result, seen: set[tuple[int, int]]) -> bool:
    """Whether the file or folder of this status, by whatever path, comes for the first time."""
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return False
    seen.add(identity)
    return True


def _missing(path: Path, display: str, error: OSError) -> Diagnostic:
    place = Location(display)
    if isinstance(error, FileNotFoundError) and not path.is_symlink():
        return Diagnostic(
            "S2H108", Severity.ERROR, place, "there is no such file or folder", "check the path"
        )
    return cannot_open(place, error)


def cannot_open(place: Location, error: OSError) -> Diagnostic:
    """Return the finding about a file or folder that the system does not let us read."""
    return Diagnostic(
        "S2H505",
        Severity.ERROR,
        place,
        f"cannot be opened: {error.strerror or error}",
        "check its permissions and whether another program keeps it locked",
    )


def _endless(display: str) -> Diagnostic:
    return Diagnostic(
        "S2H505",
        Severity.ERROR,
        Location(display),
        "is a pipe or a device, which may never end",
        "write the events to a file first, and name that",
    )


def _packed(display: str) -> Diagnostic:
    return Diagnostic(
        "S2H505",
        Severity.ERROR,
        Location(display),
        "events packed in this way are not read",
        "unpack the file, then run again",
    )
