"""Mutes in SQLite: asked for by somebody, for a time, and never forgotten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sigma2hive.model.service import Mute
from sigma2hive.runner.store.file import StoreFile


class StoredMutes:
    """What `interface.Mutes` says."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def mutes(self, now_ns: int | None = None) -> Sequence[Mute]:
        """Return all mutes, or those that hold at a time, with how many matches each has hidden."""
        with self._file.reading() as connection:
            rows = connection.execute(
                """SELECT number, rule_id, conditions, since_ns, until_ns, reason, asked_by,
                          ended_ns,
                          (SELECT count(*) FROM match WHERE muted_by = mute.number)
                   FROM mute
                   WHERE :now IS NULL
                      OR (since_ns <= :now AND :now < until_ns AND ended_ns IS NULL)
                   ORDER BY number""",
                {"now": now_ns},
            ).fetchall()
        return [_mute(row) for row in rows]

    def mute(self, mute: Mute) -> Mute:
        """Store a mute, and return it with its number."""
        with self._file.transaction() as connection:
            cursor = connection.execute(
                """INSERT INTO mute (rule_id, conditions, since_ns, until_ns, reason, asked_by)
                   VALUES (?, ?, ?, ?, ?, ?)""",
                (
                    *(mute.rule_id, json.dumps(mute.where), mute.since_ns, mute.until_ns),
                    *(mute.reason, mute.by),
                ),
            )
        return replace(mute, number=cursor.lastrowid or 0)

    def unmute(self, number: int, now_ns: int) -> bool:
        """End a mute early; False where there is none that holds."""
        with self._file.transaction() as connection:
            cursor = connection.execute(
                """UPDATE mute SET ended_ns = :now
                   WHERE number = :number AND ended_ns IS NULL AND until_ns > :now""",
                {"now": now_ns, "number": number},
            )
        return cursor.rowcount > 0


def _mute(row: Sequence[Any]) -> Mute:
    number, rule_id, conditions, since_ns, until_ns, reason, asked_by, ended_ns, hidden = row
    where = tuple((name, value) for name, value in json.loads(conditions))
    return Mute(number, rule_id, where, since_ns, until_ns, reason, asked_by, ended_ns, hidden)
