"""Which of several equal lines a line is, in bounded memory.

Takes digests in the order of a file; gives each its ordinal among equals. Up to a number of
digests are counted in memory, further ones in a temporary file.
"""

from __future__ import annotations

import sqlite3
import weakref

_MAX_IN_MEMORY = 200_000


class Ordinals:
    """Counts equal digests of one file; the temporary file goes with it."""

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

    def _next_spilled(self, digest: bytes) -> int:
        if self._spilled is None:
            # "" is SQLite's private temporary database: it goes to disk as its cache fills up, and
            # away when it is closed.
            self._spilled = sqlite3.connect("", isolation_level=None)
            weakref.finalize(self, self._spilled.close)
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
