"""A folder of artefacts, kept in step with the rules: written whole, and only what is ours.

Takes what the folder is to hold and what is known of it; gives what has to change, then changes it.
A file is ours where it starts with its target's mark, and a plain one (.txt) where it stands beside
such a file. Anything else is neither replaced nor removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR

from sigma2hive.compiler.targets import Artefact, Gathering, Target
from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.records import dataclass
from sigma2hive.workflows.looks import Look, is_settled, look_of, looks_in
from sigma2hive.workflows.writing import telling_of_disk

#: What ends the name of a file that holds nothing but a query.
_PLAIN = ".txt"
#: Where files lie until all are whole, and what ends their names so long: no program takes them for
#: rules meanwhile.
_STAGING, _UNFINISHED = ".sigma2hive-", ".part"
#: A folder so young may belong to a process that has not locked it yet.
_YOUNG_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes a folder hold these artefacts and no older ones: file names, sorted."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]


class Standing:
    """What stands in a folder: files by name, each looked into at most once.

    `looks` are how they look now. `known` are looks and digests of earlier; a file that looks as it
    did then has that digest.
    """

    def __init__(
        self,
        folder: Path,
        target: Target,
        known: Mapping[str, tuple[Look, bytes]],
        looks: Mapping[str, Look] | None = None,
    ) -> None:
        """Look at everything in the folder, unless somebody did.

        Raises:
            OSError: it cannot be read.
        """
        self.folder, self._target = folder, target
        self._looks = looks_in(folder) if looks is None else looks
        seen = self._looks.get
        self._digests: dict[str, bytes | None] = {
            name: digest for name, (look, digest) in known.items() if seen(name) == look
        }

    def digest(self, name: str) -> bytes | None:
        """Return the digest of a file, ours or not; None where there is none.

        Raises:
            OSError: it cannot be read.
        """
        if name not in self._digests:
            self._digests[name] = self._digest(name) if name in self._looks else None
        return self._digests[name]

    def holds(self, files: Iterable[tuple[str, bytes]]) -> bool:
        """Whether there are files with these names and digests.

        Raises:
            OSError: one cannot be read.
        """
        known = self._digests
        for name, digest in files:
            if known.get(name) != digest and self.digest(name) != digest:
                return False
        return True

    def is_foreign(self, name: str) -> bool:
        """Whether something that is not ours stands under a name."""
        path = self.folder / name
        if name not in self._looks or _is_ours(path, self._target):
            return False
        return os.path.lexists(path)  # or another process has removed it meanwhile

    def own_names_beside(self, wanted: Container[str]) -> Iterator[str]:
        """Yield the names of files of ours that nobody wants."""
        for name in self._looks:
            if name in wanted:
                continue
            path = self.folder / name
            if _has_our_name(path, self._target) and _is_ours(path, self._target):
                yield name

    def remove_abandoned(self) -> None:
        """Remove what processes that were killed left behind; what another writes stays."""
        remove_abandoned(self.folder, self._looks)

    def look(self, name: str) -> Look | None:
        """Return how a file looked before its digest was made."""
        return self._looks.get(name)

    def _digest(self, name: str) -> bytes | None:
        path = self.folder / name
        # What a link leads to may be anything, and a pipe would keep us waiting.
        is_file = path.is_file() and not path.is_symlink()
        return digest_of(read_artefact(path)) if is_file else None


def read_artefact(path: Path | str) -> bytes:
    """Return what a file holds.

    Raises:
        OSError: it cannot be read.
    """
    # Without a buffer, which of thousands of small files takes as long as their contents.
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123
        return stream.readall()


def digest_of(content: bytes) -> bytes:
    """Return the digest of a file's content."""
    return hashlib.sha256(content).digest()


def plan_changes(standing: Standing, wanted: Mapping[str, bytes]) -> Changes:
    """Return what has to change so that files have the digests of `wanted`; writes nothing.

    Raises:
        ConfigurationError: a file that is not ours stands where one has to be written (S2H109).
    """
    foreign, unchanged = Diagnostics(), []
    with telling_of_disk(standing.folder, "folder"):
        for name, digest in wanted.items():
            if standing.digest(name) == digest:
                unchanged.append(name)
            elif standing.is_foreign(name):
                _refuse(standing.folder / name, foreign)
        removed = list(standing.own_names_beside(wanted))
    if foreign.errors:
        raise ConfigurationError(foreign)
    return Changes(
        written=tuple(sorted(wanted.keys() - set(unchanged))),
        unchanged=tuple(sorted(unchanged)),
        removed=tuple(sorted(removed)),
    )


def apply_changes(
    standing: Standing, changes: Changes, texts: Mapping[str, bytes]
) -> Mapping[str, Look]:
    """Write and remove what was planned, and return how what was written looks.

    Every file is whole before the first takes its place, so that a process that is killed leaves
    whole files only, and at most a hidden folder, which the next one removes.

    Raises:
        ConfigurationError: the folder cannot be written (S2H109).
    """
    looks: dict[str, Look] = {}
    folder = standing.folder
    with telling_of_disk(folder, "folder"):
        standing.remove_abandoned()
        if changes.written:
            folder.mkdir(parents=True, exist_ok=True)
            with _staging(folder) as staging:
                # Paths as texts: of tens of thousands, making objects would cost as much as files.
                for name in changes.written:
                    with open(f"{staging}/{name}{_UNFINISHED}", "wb") as stream:  # noqa: PTH123
                        stream.write(texts[name])
                # A marked file first: the plain one beside it is ours by it.
                for name in sorted(changes.written, key=_is_plain):
                    place = f"{folder}/{name}"
                    os.replace(f"{staging}/{name}{_UNFINISHED}", place)  # noqa: PTH105
                    looks[name] = look_of(os.lstat(place))
        for name in sorted(changes.removed, key=_is_plain, reverse=True):
            (folder / name).unlink(missing_ok=True)
    return looks


def settled(looks: Mapping[str, tuple[Look, bytes]]) -> dict[str, tuple[Look, bytes]]:
    """Return the files that would look otherwise by now if they had changed since."""
    now = time.time_ns()
    return {name: entry for name, entry in looks.items() if is_settled(entry[0], now)}


def files_of(artefact: Artefact) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file, a plain one after the marked one it belongs to."""
    yield artefact.name, artefact.text.encode("utf-8")
    if artefact.plain is not None:
        yield Path(artefact.name).stem + _PLAIN, artefact.plain.encode("utf-8")


def rules_among(names: Sequence[str], target: Target) -> set[str]:
    """Return the ids of the rules that files are of: one may have two, and some are of all."""
    gathered = target.gathered_suffix if isinstance(target, Gathering) else None
    return {name.rpartition(".")[0] for name in names if not (gathered and name.endswith(gathered))}


def _is_plain(name: str) -> bool:
    return name.endswith(_PLAIN)


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    # Inside the folder: only there is renaming sure to stay on one disk.
    with tempfile.TemporaryDirectory(prefix=_STAGING, dir=folder) as name:
        handle = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)  # let go of when this process ends, however
            yield Path(name)
        finally:
            os.close(handle)


def remove_abandoned(folder: Path, names: Iterable[str]) -> None:
    """Remove those of the names in a folder that processes which were killed left behind."""
    for name in names:
        if name.startswith(_STAGING):
            _remove_if_abandoned(folder / name)


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):
        status = path.lstat()
        if not S_ISDIR(status.st_mode) or status.st_mtime > time.time() - _YOUNG_SECONDS:
            return
        handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
        finally:
            os.close(handle)


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
