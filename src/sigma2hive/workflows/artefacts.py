"""A folder of artefacts, kept in step with the rules: written whole, and only what is ours.

Takes artefacts and a folder; gives what has to change, then changes it. A file is ours where it
starts with its target's mark. Anything else is neither replaced nor removed.
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
    texts = {artefact.name: artefact.text for artefact in artefacts}
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
                ready = [entry for entry in artefacts if entry.name in wanted]
                for artefact in ready:
                    (Path(staging) / artefact.name).write_bytes(artefact.text.encode("utf-8"))
                for artefact in ready:
                    (Path(staging) / artefact.name).replace(folder / artefact.name)
        for name in changes.removed:
            (folder / name).unlink(missing_ok=True)


def _own_files(folder: Path, target: Target) -> Iterator[Path]:
    if folder.is_dir():
        for path in folder.iterdir():
            if _has_our_name(path, target) and _is_ours(path, target):
                yield path


def _has_our_name(path: Path, target: Target) -> bool:
    if isinstance(target, Gathering) and path.name in target.gathered:
        return True
    return path.suffix == target.suffix


def _is_ours(path: Path, target: Target) -> bool:
    # What a link leads to may be anything, and may be needed elsewhere.
    if path.is_symlink() or not path.is_file():
        return False
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
