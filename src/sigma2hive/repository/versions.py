"""The commits that rules are from, where they lie in a Git checkout.

Takes paths as findings show them; gives `RuleVersion`s. Runs the program `git`, which only reads;
it is asked when a version is wanted, and no more of the history is read than that needs. Where it
fails in any way, the version is unknown: an alert without it is better than none.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from sigma2hive.model.versions import RuleVersion, VersionState
from sigma2hive.repository.git import (
    PATIENCE_SECONDS,
    ask_git,
    git_command,
    git_environment,
)

#: Bytes of the history that are read at once.
_PIECE = 4096
_ALL = ("--ignored", "--untracked-files=all", "--no-renames")
_COMMIT = re.compile(rb"\x01([0-9a-f]{40}(?:[0-9a-f]{24})?)")
_UNKNOWN = RuleVersion()


class Versions:
    """Tells the versions of files; ends what it started at the end of a `with`.

    `root` is the folder that relative paths are seen from; those that do not lie there are seen
    from the current one.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, RuleVersion] = {}
        self._checkouts: dict[Path, _Checkout | None] = {}

    def __enter__(self) -> Versions:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for checkout in self._checkouts.values():
            if checkout is not None:
                checkout.close()

    def of(self, shown: str) -> RuleVersion:
        """Return the version of a file, by its path as findings show it."""
        if shown not in self._known:
            self._known[shown] = self._look(shown)
        return self._known[shown]

    def _look(self, shown: str) -> RuleVersion:
        try:
            file = self._root / shown
            file = (file if file.is_file() else Path.cwd() / shown).resolve(strict=True)
            checkout = self._checkout_of(file.parent)
            return _UNKNOWN if checkout is None else checkout.version_of(file)
        except (OSError, ValueError):
            return _UNKNOWN

    def _checkout_of(self, folder: Path) -> _Checkout | None:
        if folder not in self._checkouts:
            self._checkouts[folder] = self._find_checkout(folder)
        return self._checkouts[folder]

    def _find_checkout(self, folder: Path) -> _Checkout | None:
        if not any((place / ".git").exists() for place in (folder, *folder.parents)):
            return None  # told without a process of its own for each folder
        try:
            top = ask_git(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")
        except OSError:
            return None
        root = Path(os.fsdecode(top))
        known = (one for one in self._checkouts.values() if one and one.root == root)
        return next(known, None) or _Checkout(root)


@dataclass(slots=True)
class _Checkout:
    """One working tree; its history is read from the newest commit backwards, as far as needed."""

    root: Path
    _commits: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _history: Iterator[tuple[str, str]] | None = None

    def version_of(self, file: Path) -> RuleVersion:
        path = file.relative_to(self.root).as_posix()
        state = ask_git(self.root, "status", "--porcelain", "-z", *_ALL, "--", path)
        if state.startswith((b"??", b"!!", b"A")):
            return RuleVersion(VersionState.NEW)
        commit = self._commit_of(path)
        if not commit:
            return _UNKNOWN
        return RuleVersion(VersionState.CHANGED if state else VersionState.COMMITTED, commit)

    def _commit_of(self, path: str) -> str:
        if self._history is None:
            self._history = self._read_history()
        while path not in self._commits:
            touched = next(self._history, None)
            if touched is None:
                break
            self._commits.setdefault(*touched)
        return self._commits.get(path, "")

    def _read_history(self) -> Iterator[tuple[str, str]]:
        """Yield paths, each with a commit of the branch that brought or changed it."""
        # A merge counts as the commit that brought what it merged: only then is its text that of
        # the branch, whatever the order of the commits that were merged.
        wanted = ("log", "-z", "--first-parent", "-m", "--no-renames", "--name-only")
        self._process = process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
            git_command(self.root, *wanted, "--format=%x01%H"),
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        timer = threading.Timer(PATIENCE_SECONDS, process.kill)
        timer.daemon = True
        timer.start()
        commit = ""
        try:
            for token in _tokens(cast(IO[bytes], process.stdout)):
                if found := _COMMIT.fullmatch(token):
                    commit = found[1].decode("ascii")
                elif token and commit:
                    yield os.fsdecode(token), commit
        finally:
            timer.cancel()

    def close(self) -> None:
        """End what reads the history; again, this does nothing."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.kill()
            process.communicate()


def _tokens(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while read := stream.read(_PIECE):
        *whole, rest = (rest + read).split(b"\0")
        yield from (token.removeprefix(b"\n") for token in whole)
    yield rest.removeprefix(b"\n")
