"""Files of the user's cache folder: many pieces in one, whole or not there.

Takes bytes by the name of a file; gives them back as they were, or nothing. A file that is damaged,
or lies in a folder that others may write, counts as none. Processes may read and write the same
name at once: each file is written aside and takes its name when it is whole, and whoever reads one
keeps what was there when it was opened. Knows nothing of what the pieces mean.

Where most pieces are those that were read under the same name, a second file beside the first says
which they are, and holds the rest: who changes one rule of thousands does not write all of them.
Without the first, or beside another one, it counts as none.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from sigma2hive.records import dataclass

MAGIC = b"sigma2hive made 2\n"
#: Files of one kind that are kept, the last used ones: some branches and profiles.
_KEPT = 12
#: What all files together may take, the last used ones first.
_MAX_BYTES = 512 * 1024 * 1024
#: After so long nobody is still writing a file that has not got its name.
_ABANDONED_SECONDS = 24 * 60 * 60
_UNFINISHED = ".new-"
_DIGEST_BYTES = 32
#: What ends the name of a file that says what is new beside another.
_BESIDE = "-new"
#: A piece of the file itself, among the places of pieces in the file beside it.
_OWN = -1
#: All is written anew where more than one byte in so many is new.
_FEW = 4
_SIZE_BYTES = 8


@dataclass(frozen=True, slots=True)
class _Whole:
    """A file as it was read: what stands for it, and its pieces."""

    digest: bytes
    pieces: Sequence[memoryview]


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read under a name: the file itself, and its pieces with those beside it."""

    whole: _Whole
    pieces: Sequence[memoryview]


@dataclass(frozen=True, slots=True)
class Folder:
    """The user's own folder for what can be made again."""

    path: Path
    _read: dict[str, _Read] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of_user(cls) -> Folder | None:
        """Return it, be it not there yet; None where there is none, or it is not ours alone."""
        base = os.environ.get("XDG_CACHE_HOME")
        path = Path(base) if base else Path("~/.cache").expanduser()
        if not path.is_absolute():
            return None
        folder = cls(path / "sigma2hive")
        try:
            return folder if folder._is_ours_alone() else None
        except FileNotFoundError:
            return folder
        except OSError:
            return None

    def read(self, name: str) -> Sequence[memoryview]:
        """Return the pieces of a file; none where there is nothing that can be used.

        Until `let_go`, they are what they were the first time.
        """
        if name not in self._read:
            whole = self._read_file(name)
            if whole is None:
                return ()
            beside = self._read_file(name + _BESIDE)
            pieces = whole.pieces if beside is None else _joined(whole, beside.pieces)
            self._read[name] = _Read(whole, pieces)
        return self._read[name].pieces

    def let_go(self) -> None:
        """Remember nothing of what was read: whoever does not write it any more needs the room."""
        self._read.clear()

    def read_like(self, name: str, prefix: str) -> Sequence[memoryview]:
        """Return the pieces of `name`; without it, of the last used that begins with `prefix`."""
        pieces = self.read(name)
        if pieces:
            return pieces
        suffix = Path(name).suffix
        for path in _last_used_first(self.path.glob(f"{prefix}*{suffix}"))[:1]:
            return self.read(path.name)
        return ()

    def write(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        """Keep the pieces; a folder that cannot be written costs the next start some time."""
        if sum(map(len, pieces)) > _MAX_BYTES // 2:
            return
        with suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours_alone():
                return
            read = self._read.get(name)
            beside = _apart(read.whole, pieces) if read else None
            if beside is not None:
                self._write_file(name + _BESIDE, beside)
            else:
                self._write_file(name, pieces)
                (self.path / (name + _BESIDE)).unlink(missing_ok=True)
            self._forget_old()

    def _read_file(self, name: str) -> _Whole | None:
        path = self.path / name
        try:
            whole = _unpacked(path.read_bytes())
            if whole is not None:
                os.utime(path)
        except (OSError, ValueError):
            return None
        return whole

    def _write_file(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        sizes = array("Q", map(len, pieces))
        body = b"".join((len(sizes).to_bytes(_SIZE_BYTES, sys.byteorder), sizes.tobytes(), *pieces))
        handle, aside = tempfile.mkstemp(dir=self.path, prefix=_UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(MAGIC + hashlib.sha256(body).digest())
                stream.write(body)
            Path(aside).replace(self.path / name)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise

    def _is_ours_alone(self) -> bool:
        status = self.path.lstat()
        return self.path.is_dir() and status.st_uid == os.geteuid() and not status.st_mode & 0o022

    def _forget_old(self) -> None:
        total = 0
        kept: dict[str, int] = {}
        for path in _last_used_first(self.path.iterdir()):
            status = path.stat()
            if path.name.startswith(_UNFINISHED):
                if status.st_mtime < time.time() - _ABANDONED_SECONDS:
                    path.unlink(missing_ok=True)
                continue
            total += status.st_size
            kept[path.suffix] = kept.get(path.suffix, 0) + 1
            if total > _MAX_BYTES or kept[path.suffix] > _KEPT:
                path.unlink(missing_ok=True)


def _last_used_first(paths: Iterable[Path]) -> list[Path]:
    used: dict[Path, float] = {}
    for path in paths:
        with suppress(OSError):  # another process may have forgotten it
            used[path] = path.stat().st_mtime
    return sorted(used, key=lambda path: used[path], reverse=True)


def _apart(
    whole: _Whole, pieces: Sequence[bytes | memoryview]
) -> Sequence[bytes | memoryview] | None:
    """Return what a file beside `whole` holds for there to be these pieces; None: too much is new.

    What was read is told by what it is, not by what it says: nothing is compared.
    """
    known = {id(piece): place for place, piece in enumerate(whole.pieces)}
    places = array("q", (known.get(id(piece), _OWN) for piece in pieces))
    own = [piece for piece, place in zip(pieces, places, strict=True) if place == _OWN]
    if sum(map(len, own)) * _FEW > sum(map(len, pieces)):
        return None
    return [whole.digest, places.tobytes(), *own]


def _joined(whole: _Whole, beside: Sequence[memoryview]) -> Sequence[memoryview]:
    """Return the pieces that a file beside `whole` tells of; those of `whole` if of another."""
    digest, places, *own = beside
    if digest != whole.digest:  # another process wrote all anew meanwhile
        return whole.pieces
    rest = iter(own)
    return [
        next(rest) if place == _OWN else whole.pieces[place] for place in array("q", bytes(places))
    ]


def _unpacked(content: bytes) -> _Whole | None:
    start = len(MAGIC) + _DIGEST_BYTES
    body = memoryview(content)[start:]
    digest = hashlib.sha256(body).digest()
    if content[:start] != MAGIC + digest:
        return None
    count = int.from_bytes(body[:_SIZE_BYTES], sys.byteorder)
    first = _SIZE_BYTES * (1 + count)
    sizes = array("Q", bytes(body[_SIZE_BYTES:first]))
    if first + sum(sizes) != len(body):
        return None
    pieces = []
    for size in sizes:
        pieces.append(body[first : first + size])
        first += size
    return _Whole(digest, pieces)
