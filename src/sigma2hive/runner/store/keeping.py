"""Retention in SQLite: what is old is forgotten, a bite at a time, and its room given back.

A sweep looks at events that are up to 25 hours old again: what is younger than two days is never
forgotten, whatever room it takes, or it would be told anew.
"""

from __future__ import annotations

import sqlite3

from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.store.file import StoreFile

LEAST_KEEP_NS = 2 * 24 * 3_600 * NANOSECONDS
#: Of each kind what is forgotten at once, at most: whoever else needs the store waits so long.
BITE = 5_000
#: Pages of the file that are given back at once.
_PAGES = 2_000


def check_keep(keep_ns: int) -> None:
    """Refuse to forget what a sweep may find again.

    Raises:
        ValueError: it is less than two days.
    """
    if keep_ns < LEAST_KEEP_NS:
        raise ValueError("less than two days: a sweep would find again what is forgotten")


class StoredKeeping:
    """What `interface.Keeping` says."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def purge(self, now_ns: int, keep_ns: int, most_bytes: int) -> int:
        """Forget a bite of what is older than `keep_ns`, or too much; return how much that was."""
        check_keep(keep_ns)
        before_ns = now_ns - keep_ns
        forgotten = 0
        for forget in (_forget_matches, _forget_alerts, _forget_rest):
            with self._file.transaction() as connection:
                forgotten += forget(connection, before_ns, BITE)
        if not forgotten:
            forgotten = self._make_room(now_ns - LEAST_KEEP_NS, most_bytes)
        with self._file.reading() as connection:
            # As a script: executed alone it is given up after the first page.
            connection.executescript(f"PRAGMA incremental_vacuum({_PAGES})")
        return forgotten

    def _make_room(self, before_ns: int, most_bytes: int) -> int:
        with self._file.transaction() as connection:
            held = _held_bytes(connection)
            if held <= most_bytes:
                return 0
            (matches,) = connection.execute("SELECT count(*) FROM match").fetchone()
            bite = min(BITE, int(matches * (1 - most_bytes / held)) + 1)
            forgotten = _forget_matches(connection, before_ns, bite)
            return forgotten + _forget_alerts(connection, before_ns, bite)


def _held_bytes(connection: sqlite3.Connection) -> int:
    """Return what is in use of the file, without pages that are free to be used again."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _forget_matches(connection: sqlite3.Connection, before_ns: int, most: int) -> int:
    return connection.execute(
        """DELETE FROM match WHERE number IN
           (SELECT number FROM match WHERE found_ns < ? ORDER BY found_ns LIMIT ?)""",
        (before_ns, most),
    ).rowcount


def _forget_alerts(connection: sqlite3.Connection, before_ns: int, most: int) -> int:
    """Forget alerts that are delivered everywhere since long ago."""
    old = connection.execute(
        """SELECT number FROM alert
           WHERE queued_ns < :before AND NOT EXISTS
               (SELECT 1 FROM delivery
                WHERE alert = number AND (state <> 'delivered' OR told_ns >= :before))
           ORDER BY queued_ns LIMIT :most""",
        {"before": before_ns, "most": most},
    ).fetchall()
    connection.executemany("DELETE FROM delivery WHERE alert = ?", old)
    connection.executemany("DELETE FROM alert WHERE number = ?", old)
    return len(old)


def _forget_rest(connection: sqlite3.Connection, before_ns: int, most: int) -> int:
    """Forget episodes, ended mutes and what the ledger says of long ago; a unit's last stays."""
    episodes = connection.execute(
        """DELETE FROM episode WHERE (rule_id, epoch, grouped_by, identity) IN
           (SELECT rule_id, epoch, grouped_by, identity FROM episode WHERE end_ns < ? LIMIT ?)""",
        (before_ns, most),
    ).rowcount
    searched = connection.execute(
        """DELETE FROM searched WHERE end_ns < ? AND end_ns <
           (SELECT max(end_ns) FROM searched AS other WHERE other.unit = searched.unit)""",
        (before_ns,),
    ).rowcount
    mutes = connection.execute(
        "DELETE FROM mute WHERE min(until_ns, coalesce(ended_ns, until_ns)) < ?", (before_ns,)
    ).rowcount
    return episodes + searched + mutes
