"""A folder of artefacts, kept in step with the rules: written whole, and only what is ours.

Takes artefacts and a folder; gives what has to change, then changes it. A file is ours where it
starts with its target's mark, and a plain one (.txt) where it stands beside such a file. Anything
else is neither replaced nor removed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sigma2hive.compiler import Artefact, Target
from sigma2hive.compiler.targets import Gathering
from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.workflows.writing import telling_of_disk

#: What ends the name of a file that holds nothing but a query.
_PLAIN = ".txt"


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes a folder hold these artefacts and no older ones: file names, sorted."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]


def plan_changes(folder: Path, target: Target, artefacts: Sequence[Artefact]) -> Changes:
    """Return what has to change; writes nothing.

    Raises:
        ConfigurationError: a file that is not ours stands where one has to be written (S2H109).
    """
    texts = files_of(artefacts)
    foreign, unchanged = Diagnostics(), []
    with telling_of_disk(folder, "folder"):
        for name, text in texts.items():
            path = folder / name
            if path.is_symlink() or path.exists():
                if not _is_ours(path, target):
                    _refuse(path, foreign)
                elif path.read_bytes() == text.encode("utf-8"):
                    unchanged.append(name)
        removed = [path.name for path in _own_files(folder, target) if path.name not in texts]
    if foreign.errors:
        raise ConfigurationError(foreign)
    return Changes(
        written=tuple(sorted(texts.keys() - set(unchanged))),
        unchanged=tuple(sorted(unchanged)),
        removed=tuple(sorted(removed)),
    )


def apply_changes(folder: Path, changes: Changes, artefacts: Sequence[Artefact]) -> None:
    """Write and remove what was planned. Every file is whole before the first takes its place.

    Raises:
        ConfigurationError: the folder cannot be written (S2H109).
    """
    wanted = set(changes.written)
    with telling_of_disk(folder, "folder"):
        if wanted:
            folder.mkdir(parents=True, exist_ok=True)
            # Inside the folder: only there is renaming sure to stay on one disk.
            with tempfile.TemporaryDirectory(prefix=".sigma2hive-", dir=folder) as staging:
                ready = {name: text for name, text in files_of(artefacts).items() if name in wanted}
                for name, text in ready.items():
                    (Path(staging) / name).write_bytes(text.encode("utf-8"))
                for name in ready:
                    (Path(staging) / name).replace(folder / name)
        for name in sorted(changes.removed, key=lambda name: not name.endswith(_PLAIN)):
            (folder / name).unlink(missing_ok=True)


def files_of(artefacts: Sequence[Artefact]) -> dict[str, str]:
    """Return the text of each file, a plain one after the marked one that it belongs to."""
    texts: dict[str, str] = {}
    for artefact in artefacts:
        texts[artefact.name] = artefact.text
        if artefact.plain is not None:
            texts[Path(artefact.name).stem + _PLAIN] = artefact.plain
    return texts


def _own_files(folder: Path, target: Target) -> Iterator[Path]:
    if folder.is_dir():
        for path in folder.iterdir():
            if _has_our_name(path, target) and _is_ours(path, target):
                yield path


def _has_our_name(path: Path, target: Target) -> bool:
    if isinstance(target, Gathering) and path.suffix == target.gathered_suffix:
        return True
    return path.suffix in (target.suffix, _PLAIN)


def _is_ours(path: Path, target: Target) -> bool:
    # What a link leads to may be anything, and may be needed elsewhere.
    if path.is_symlink() or not path.is_file():
        return False
    if path.suffix == _PLAIN and target.suffix != _PLAIN:
        return _is_ours(path.with_suffix(target.suffix), target)
    with path.open("rb") as stream:
        # Git may have changed the line breaks.
        start = stream.read(2 * len(target.mark)).replace(b"\r\n", b"\n")
    return start.startswith(target.mark.encode("ascii"))


def _refuse(path: Path, diagnostics: Diagnostics) -> None:
    diagnostics.error(
        "S2H109",
        Location(path.as_posix()),
        "something that sigma2hive did not write stands here, so it is left alone",
        "move it away, or name another folder with --output",
    )
