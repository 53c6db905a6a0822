"""Files of the user's cache folder: many pieces in one, whole or not there.

Takes bytes by the name of a file; gives them back as they were, or nothing. A file that is damaged,
or lies in a folder that others may write, counts as none. Processes may read and write the same
name at once: each file is written aside and takes its name when it is whole, and whoever reads one
keeps what was there when it was opened. Knows nothing of what the pieces mean.
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
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"sigma2hive made 2\n"
#: Files of one kind that are kept, the last used ones: some branches and profiles.
_KEPT = 12
#: What all files together may take, the last used ones first.
_MAX_BYTES = 512 * 1024 * 1024
#: After so long nobody is still writing a file that has not got its name.
_ABANDONED_SECONDS = 24 * 60 * 60
_UNFINISHED = ".new-"
_DIGEST_BYTES = 32
_SIZE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Folder:
    """The user's own folder for what can be made again."""

    path: Path

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
        """Return the pieces of a file; none where there is nothing that can be used."""
        path = self.path / name
        try:
            pieces = _unpacked(path.read_bytes())
            if pieces:
                os.utime(path)
        except (OSError, ValueError):
            return ()
        return pieces

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
        sizes = array("Q", map(len, pieces))
        if sum(sizes) > _MAX_BYTES // 2:
            return
        with suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours_alone():
                return
            body = b"".join(
                (len(sizes).to_bytes(_SIZE_BYTES, sys.byteorder), sizes.tobytes(), *pieces)
            )
            handle, aside = tempfile.mkstemp(dir=self.path, prefix=_UNFINISHED)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(MAGIC + hashlib.sha256(body).digest())
                    stream.write(body)
                Path(aside).replace(self.path / name)
            except BaseException:
                Path(aside).unlink(missing_ok=True)
                raise
            self._forget_old()

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


def _unpacked(content: bytes) -> Sequence[memoryview]:
    start = len(MAGIC) + _DIGEST_BYTES
    body = memoryview(content)[start:]
    if content[:start] != MAGIC + hashlib.sha256(body).digest():
        return ()
    count = int.from_bytes(body[:_SIZE_BYTES], sys.byteorder)
    first = _SIZE_BYTES * (1 + count)
    sizes = array("Q", bytes(body[_SIZE_BYTES:first]))
    if first + sum(sizes) != len(body):
        return ()
    pieces = []
    for size in sizes:
        pieces.append(body[first : first + size])
        first += size
    return pieces
