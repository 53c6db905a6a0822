"""What correlations count, in SQLite: events by the group that they belong to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sigma2hive.model.service import Counted
from sigma2hive.runner.store.file import StoreFile
from sigma2hive.runner.store.matches import written_key
from sigma2hive.sinks.lines import parse_key

_COLUMNS = "unit, grouped_by, time_ns, key, source, body"


class StoredCounted:
    """What `interface.Counting` says."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def counted_after(self, unit: str, number: int) -> Sequence[tuple[int, Counted]]:
        """Return what a correlation counts since the entry with this number, in order."""
        with self._file.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS}, number FROM counted WHERE unit = ? AND number > ? "  # noqa: S608
                "ORDER BY number",
                (unit, number),
            ).fetchall()
        return [(row[6], _counted(row[:6])) for row in rows]

    def counted(self, unit: str, group: str, start_ns: int, end_ns: int) -> Sequence[Counted]:
        """Return what is counted in one group, by event time in [start_ns, end_ns), in order."""
        with self._file.reading() as connection:
            rows = connection.execute(
                f"""SELECT {_COLUMNS} FROM counted
                    WHERE unit = ? AND grouped_by = ? AND time_ns >= ? AND time_ns < ?
                    ORDER BY time_ns, number""",  # noqa: S608
                (unit, group, start_ns, end_ns),
            ).fetchall()
        return [_counted(row) for row in rows]

    def prune_counted(self, unit: str, before_ns: int) -> None:
        """Forget what happened before."""
        with self._file.transaction() as connection:
            connection.execute(
                "DELETE FROM counted WHERE unit = ? AND time_ns < ?", (unit, before_ns)
            )


def insert_counted(connection: sqlite3.Connection, entries: Iterable[Counted]) -> None:
    """Store entries; one that is stored already stays as it is."""
    connection.executemany(
        f"INSERT INTO counted ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",  # noqa: S608
        (
            (
                *(entry.unit, entry.group, entry.time_ns, written_key(entry.key), entry.source),
                json.dumps(entry.body),
            )
            for entry in entries
        ),
    )


def _counted(row: Sequence[Any]) -> Counted:
    unit, group, time_ns, key, source, body = row
    return Counted(unit, group, time_ns, parse_key(json.loads(key)), source, json.loads(body))
