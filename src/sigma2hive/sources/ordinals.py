"""Which of several equal lines a line is, in bounded memory.

Takes digests in the order of a file; gives each its ordinal among equals. Up to a number of
digests are counted in memory, further ones in a temporary file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

_MAX_IN_MEMORY = 200_000


class Ordinals:
    """Counts equal digests of one file."""

    def __init__(self, max_in_memory: int = _MAX_IN_MEMORY) -> None:
        self._max_in_memory = max_in_memory
        self._in_memory: dict[bytes, int] = {}
        self._spilled: sqlite3.Connection | None = None

    def next_of(self, digest: bytes) -> int:
        """Return how many equal digests came before: 0 for the first."""
        seen = self._in_memory.get(digest)
        if seen is not None or len(self._in_memory) < self._max_in_memory:
            ordinal = seen or 0
            self._in_memory[digest] = ordinal + 1
            return ordinal
        return self._next_spilled(digest)

    def next_of_all(self, digests: Sequence[bytes]) -> list[int]:
        """Return the same for several digests, one after another."""
        fresh = dict.fromkeys(digests, 1)
        if (
            len(fresh) == len(digests)
            and len(self._in_memory) + len(fresh) <= self._max_in_memory
            and self._in_memory.keys().isdisjoint(fresh)
        ):
            self._in_memory.update(fresh)
            return [0] * len(digests)
        return list(map(self.next_of, digests))

    def _next_spilled(self, digest: bytes) -> int:
        if self._spilled is None:
            # "" is SQLite's private temporary database: it goes to disk as its cache fills up, and
            # away when it is closed.
            self._spilled = sqlite3.connect("", isolation_level=None)
            self._spilled.execute("PRAGMA synchronous=OFF")
            self._spilled.execute("PRAGMA journal_mode=OFF")
            self._spilled.execute(
                "CREATE TABLE seen (digest BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID"
            )
        (times,) = self._spilled.execute(
            """INSERT INTO seen VALUES (?, 1)
               ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times""",
            (digest,),
        ).fetchone()
        return int(times) - 1

    def close(self) -> None:
        """Let the temporary file go."""
        if self._spilled is not None:
            self._spilled.close()
