"""Whether the files of a repository have changed, and stand still again.

Takes where they are; gives a mark of their names, sizes and times, which costs a look at each
folder and no reading. While Git is at work on them nothing has changed yet: half of a pull is no
version that anybody wants to run.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_IGNORED = frozenset({"__pycache__", ".git", ".venv"})


@dataclass(slots=True)
class Watched:
    """The files below some paths. `known` is the mark of the version at work."""

    paths: tuple[Path, ...]
    known: str = ""
    _seen: str = ""

    def remember(self) -> None:
        """Take what is there now as the version at work."""
        self.known = self._seen = mark_of(self.paths)

    def forget(self) -> None:
        """Take what is there as another version: the one at work is not of these files."""
        self.known = ""

    def has_changed(self) -> bool:
        """Whether the files are others than `known`, and the same as when this was last asked."""
        if any(map(_is_git_at_work, self.paths)):
            return False
        before, self._seen = self._seen, mark_of(self.paths)
        return self._seen != self.known and self._seen == before

    def newest_ns(self) -> int:
        """Return when anything there was last changed, made, renamed or removed."""
        return max((entry for path in self.paths for entry in _changes(path)), default=0)


def _changes(path: Path) -> Iterator[int]:
    """Yield when each file and folder was changed; in doubt, now."""
    try:
        yield path.stat().st_ctime_ns
        if path.is_dir():
            for entry in path.iterdir():
                if entry.name not in _IGNORED:
                    yield from _changes(entry)
    except FileNotFoundError:
        return
    except OSError:
        yield time.time_ns()


def mark_of(paths: Iterable[Path]) -> str:
    """Return what changes when a file below the paths is changed, made, removed or renamed."""
    digest = hashlib.sha256()
    for path in paths:
        for line in _lines(path):
            digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def _lines(path: Path) -> Iterator[str]:
    try:
        if not path.is_dir():
            status = path.stat()
            yield f"{path} {status.st_size} {status.st_mtime_ns}"
            return
        with os.scandir(path) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield f"{path} {error.errno}"
        return
    for entry in found:
        if entry.name in _IGNORED:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _lines(Path(entry.path))
        else:
            yield from _status_line(entry)


def _status_line(entry: os.DirEntry[str]) -> Iterator[str]:
    try:
        status = entry.stat()
    except OSError as error:
        yield f"{entry.path} {error.errno}"
    else:
        yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"


def _is_git_at_work(path: Path) -> bool:
    for folder in (path, *path.parents):
        git = folder / ".git"
        if git.exists():
            return (git / "index.lock").exists()
    return False
