"""How far was read and what came of it, in SQLite: a step is one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.service import (
    Interval,
    Position,
    RuleRecord,
    Searched,
    SearchStatus,
    Step,
)
from sigma2hive.runner.store.counted import insert_counted
from sigma2hive.runner.store.episodes import save_episodes
from sigma2hive.runner.store.file import StoreFile
from sigma2hive.runner.store.matches import insert_matches
from sigma2hive.runner.store.outbox import queue_alerts
from sigma2hive.runner.store.progress_forms import (
    RULE_FIELDS,
    check_it_stands,
    rule_fields,
    rule_of,
    written,
)


class StoredProgress:
    """Cursors, ledger and rules; what `interface.Progress` says."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def positions(self, prefix: str = "") -> Mapping[str, Position]:
        """Return where each unit stands whose name begins so."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT unit, position FROM cursor WHERE substr(unit, 1, length(:start)) = :start",
                {"start": prefix},
            ).fetchall()
        return {unit: json.loads(position) for unit, position in rows}

    def commit(self, step: Step) -> None:
        """Store a step whole.

        Raises:
            MovedError: its unit stands elsewhere than the step expects.
            StorageError: the file cannot be written.
        """
        with self._file.transaction() as connection:
            if step.unit:
                _move(connection, step)
            insert_matches(connection, step.matches)
            queue_alerts(connection, step.alerts)
            save_episodes(connection, step.episodes)
            insert_counted(connection, step.counted)
            _enter(connection, step.searched)

    def forget(self, units: Collection[str]) -> None:
        """Forget the cursors of units that are gone for good."""
        with self._file.transaction() as connection:
            connection.executemany("DELETE FROM cursor WHERE unit = ?", [(unit,) for unit in units])

    def rules(self) -> Mapping[str, RuleRecord]:
        """Return what is known of rules and correlations, by id."""
        with self._file.reading() as connection:
            rows = connection.execute(f"SELECT {', '.join(RULE_FIELDS)} FROM rule").fetchall()  # noqa: S608
        found = (rule_of(dict(zip(RULE_FIELDS, row, strict=True))) for row in rows)
        return {record.rule_id: record for record in found}

    def save_rules(self, records: Collection[RuleRecord]) -> None:
        """Store what is known of these rules."""
        with self._file.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO rule VALUES (?, ?, ?, ?, ?, ?, ?)",
                [tuple(rule_fields(record).values()) for record in records],
            )

    def note(self, name: str, value: JsonValue) -> None:
        """Keep something that whoever looks from outside should know; the last value counts."""
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO note VALUES (?, ?)",
                (name, written(value)),
            )

    def notes(self) -> Mapping[str, JsonValue]:
        """Return all of it, by name."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT name, value FROM note ORDER BY name").fetchall()
        return {name: json.loads(value) for name, value in rows}

    def ledger(self, units: Collection[str] | None = None) -> Sequence[Searched]:
        """Return the ledger, in the order of unit and time."""
        with self._file.reading() as connection:
            rows = connection.execute(
                """SELECT unit, target, start_ns, end_ns, status, reason, patterns
                   FROM searched ORDER BY unit, start_ns, end_ns"""
            ).fetchall()
        return [_searched(row) for row in rows if units is None or row[0] in units]


def _searched(row: Sequence[Any]) -> Searched:
    unit, target, start, end, status, reason, patterns = row
    interval = Interval(start, end)
    return Searched(
        unit, target, interval, SearchStatus(status), reason, tuple(json.loads(patterns))
    )


def _move(connection: sqlite3.Connection, step: Step) -> None:
    row = connection.execute("SELECT position FROM cursor WHERE unit = ?", (step.unit,)).fetchone()
    check_it_stands(step, None if row is None else row[0])
    if step.position is not None:
        connection.execute(
            "INSERT OR REPLACE INTO cursor VALUES (?, ?)", (step.unit, written(step.position))
        )


def _enter(connection: sqlite3.Connection, entries: Iterable[Searched]) -> None:
    for entry in entries:
        start, end = entry.interval.start_ns, entry.interval.end_ns
        if entry.status is not SearchStatus.FAILED:
            # What failed before is done with as far as this reaches.
            _cut_failures(connection, entry.unit, start, end)
        adjoining = connection.execute(
            """SELECT rowid, start_ns, end_ns FROM searched
               WHERE unit = ? AND target = ? AND status = ? AND reason = ?
                 AND start_ns <= ? AND end_ns >= ?""",
            (entry.unit, entry.target, entry.status.value, entry.reason, end, start),
        ).fetchall()
        for rowid, other_start, other_end in adjoining:
            start, end = min(start, other_start), max(end, other_end)
            connection.execute("DELETE FROM searched WHERE rowid = ?", (rowid,))
        connection.execute(
            "INSERT INTO searched VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(entry.unit, entry.target, start, end, entry.status.value, entry.reason),
                json.dumps(list(entry.patterns)),
            ),
        )


def _cut_failures(connection: sqlite3.Connection, unit: str, start: int, end: int) -> None:
    rows = connection.execute(
        """SELECT rowid, target, start_ns, end_ns, reason, patterns FROM searched
           WHERE unit = ? AND status = 'failed' AND start_ns < ? AND end_ns > ?""",
        (unit, end, start),
    ).fetchall()
    for rowid, target, failed_start, failed_end, reason, patterns in rows:
        connection.execute("DELETE FROM searched WHERE rowid = ?", (rowid,))
        for left in ((failed_start, min(start, failed_end)), (max(end, failed_start), failed_end)):
            if left[0] < left[1]:
                connection.execute(
                    "INSERT INTO searched VALUES (?, ?, ?, ?, 'failed', ?, ?)",
                    (unit, target, *left, reason, patterns),
                )
