"""Keys of rule files as an earlier start worked them out, by how each file looked.

Takes what was kept; gives the key of a file. One that looks otherwise, or was looked at in the tick
of the clock in which it changed, is read.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from sigma2hive.workflows.looks import Look, is_settled, look_of
from sigma2hive.workflows.store.contents import content_of, key_of_file

#: How a file looked, None where it might look the same if it changed, and its key.
Seen = tuple[Look | None, bytes]
#: Fewer files are read sooner than all is written anew.
_MANY = 32


class KnownKeys:
    """The keys of the rule files of one start."""

    def __init__(self, known: Mapping[str, tuple[Look, bytes]]) -> None:
        """Start with what was `to_keep` earlier."""
        self._known = known
        self._new: dict[str, tuple[Look, bytes]] = {}
        self._seen: set[str] = set()

    def key(self, file: Path) -> bytes:
        """Return the key of a file.

        Raises:
            OSError: it cannot be read.
        """
        name = str(file)
        self._seen.add(name)
        look, is_certain = looked_at(file)
        before, key = self._known.get(name, (None, b""))
        if before == look:
            return key
        key = key_of_file(file, content_of(file))
        if is_certain:
            self._new[name] = look, key
        return key

    def take(self, seen: Mapping[Path, Seen]) -> None:
        """Take over the keys of files that others looked into."""
        for file, (look, key) in seen.items():
            self._seen.add(str(file))
            if look is not None:
                self._new[str(file)] = look, key

    def to_keep(self) -> Mapping[str, tuple[Look, bytes]] | None:
        """Return what to keep for the next start; None where that would not be worth it."""
        if len(self._new) < _MANY:
            return None
        known = {name: entry for name, entry in self._known.items() if name in self._seen}
        return known | self._new


def looked_at(file: Path) -> tuple[Look, bool]:
    """Return how a file looks, and whether it would look otherwise if it changed from now on.

    Raises:
        OSError: it cannot be looked at.
    """
    # The clock first: what changes from now on looks otherwise, unless it changed just now.
    now = time.time_ns()
    look = look_of(file.stat())
    return look, is_settled(look, now)
