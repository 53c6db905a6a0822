"""Every match that was found, in SQLite, with the event that it was found in."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sigma2hive.model.alerts import Identity
from sigma2hive.model.canonical import canonical_json
from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.service import (
    Fate,
    MatchFilter,
    OwnAlert,
    RecordedMatch,
    Stored,
    StoredEpisode,
)
from sigma2hive.model.values import Values, flatten
from sigma2hive.runner.store.episodes import episodes_near
from sigma2hive.runner.store.file import StoreFile
from sigma2hive.sinks.lines import parse_key
from sigma2hive.sources import Limits
from sigma2hive.sources.interface import PutAsideError
from sigma2hive.sources.parsing import parse_object

_COLUMNS = """rule_id, key, time_ns, ingested_ns, found_ns, origin, index_name, fate, grouped_by,
              alert, muted_by, raw, more"""
#: Matches that are read at once.
_PAGE = 500


class StoredMatches:
    """What `interface.Matches` says."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def known(self, pairs: Collection[tuple[str, EventKey]]) -> set[tuple[str, EventKey]]:
        """Return those (rule id, event key) that are recorded already."""
        found = set()
        with self._file.reading() as connection:
            for rule_id, key in pairs:
                row = connection.execute(
                    "SELECT 1 FROM match WHERE rule_id = ? AND key = ?", (rule_id, written_key(key))
                ).fetchone()
                if row is not None:
                    found.add((rule_id, key))
        return found

    def events_of(
        self, rule_ids: Collection[str], start_ns: int, end_ns: int
    ) -> Iterator[tuple[str, Event]]:
        """Yield (rule id, event) recorded for these rules, by event time in [start_ns, end_ns)."""
        for rule_id in rule_ids:
            with self._file.reading() as connection:
                rows = connection.execute(
                    f"""SELECT {_COLUMNS} FROM match
                        WHERE rule_id = ? AND time_ns >= ? AND time_ns < ? ORDER BY time_ns, key""",  # noqa: S608
                    (rule_id, start_ns, end_ns),
                ).fetchall()
            for row in rows:
                yield rule_id, _match(row).event

    def find(self, wanted: MatchFilter, limit: int) -> Sequence[RecordedMatch]:
        """Return recorded matches, those found last first."""
        return list(islice(self._found(wanted, "DESC"), limit))

    def walk(self, wanted: MatchFilter) -> Iterator[RecordedMatch]:
        """Yield recorded matches, those found first first, in bounded memory."""
        yield from self._found(wanted, "ASC")

    def _found(self, wanted: MatchFilter, direction: str) -> Iterator[RecordedMatch]:
        """Yield in pages, so that nobody waits for whoever reads on."""
        is_rising = direction == "ASC"
        last: tuple[int, int] | None = None
        while True:
            conditions, values = _conditions(wanted)
            if last is not None:
                # The bound on the time alone is what the index is asked for.
                more, is_after = (">=", ">") if is_rising else ("<=", "<")
                conditions += [f"found_ns {more} ?", f"(found_ns, rowid) {is_after} (?, ?)"]
                values += [last[0], *last]
            where = " AND ".join(conditions) or "1"
            with self._file.reading() as connection:
                rows = connection.execute(
                    f"""SELECT rowid, {_COLUMNS} FROM match WHERE {where}
                        ORDER BY found_ns {direction}, rowid {direction} LIMIT {_PAGE}""",  # noqa: S608
                    values,
                ).fetchall()
            for rowid, *row in rows:
                match = _match(row)
                last = (match.found_ns, rowid)
                if wanted.admits(match.event):
                    yield match
            if len(rows) < _PAGE:
                return

    def recorded(self, rule_id: str, key: EventKey) -> RecordedMatch | None:
        """Return what is recorded of a rule and an event."""
        with self._file.reading() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM match WHERE rule_id = ? AND key = ?",  # noqa: S608
                (rule_id, written_key(key)),
            ).fetchone()
        return None if row is None else _match(row)

    def count_fates(self, since_ns: int) -> Mapping[tuple[str, str], int]:
        """Return (rule id, fate) → how many were found since then."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT rule_id, fate, count(*) FROM match WHERE found_ns >= ? GROUP BY 1, 2",
                (since_ns,),
            ).fetchall()
        return {(rule_id, fate): count for rule_id, fate, count in rows}

    def own_alerts(self, since_ns: int, rule_id: str = "") -> Sequence[OwnAlert]:
        """Return the alerts of matches' own made since then, of a rule or of all, oldest first."""
        with self._file.reading() as connection:
            rows = connection.execute(
                """SELECT rule_id, grouped_by, type, source, source_ref, queued_ns FROM alert
                   WHERE queued_ns >= :since AND NOT is_summary
                     AND (:rule = '' OR rule_id = :rule)
                   ORDER BY queued_ns, number""",
                {"since": since_ns, "rule": rule_id},
            ).fetchall()
        return [
            OwnAlert(rule, group, (type_, source, ref), made_ns)
            for rule, group, type_, source, ref, made_ns in rows
        ]

    def near(
        self, rule_id: str, epoch: str, start_ns: int, end_ns: int, group: str | None = None
    ) -> Sequence[StoredEpisode]:
        """Return the episodes of a correlation's epoch, or of one group, that overlap this span."""
        with self._file.reading() as connection:
            return episodes_near(connection, rule_id, epoch, start_ns, end_ns, group)

    def matches_after(self, rule_id: str, number: int, limit: int) -> Sequence[Stored]:
        """Return matches of a rule that were stored after the one with this number, in order."""
        with self._file.reading() as connection:
            rows = connection.execute(
                """SELECT number, rule_id, key, time_ns, found_ns FROM match
                   WHERE rule_id = ? AND number > ? ORDER BY number LIMIT ?""",
                (rule_id, number, limit),
            ).fetchall()
        return [
            Stored(row[0], row[1], parse_key(json.loads(row[2])), row[3], row[4]) for row in rows
        ]

    def last_match(self) -> int:
        """Return the number of the match that was stored last, 0 where there is none."""
        with self._file.reading() as connection:
            row = connection.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'match'"
            ).fetchone()
        return 0 if row is None else int(row[0])

    def time_of_next(
        self, rule_ids: Collection[str], start_ns: int, end_ns: int, ordinal: int
    ) -> int | None:
        """Return the event time of the match with this ordinal in [start_ns, end_ns), from 0."""
        marks = ", ".join("?" * len(rule_ids))
        with self._file.reading() as connection:
            row = connection.execute(
                f"""SELECT time_ns FROM match
                    WHERE rule_id IN ({marks}) AND time_ns >= ? AND time_ns < ?
                    ORDER BY time_ns LIMIT 1 OFFSET ?""",  # noqa: S608
                (*rule_ids, start_ns, end_ns, ordinal),
            ).fetchone()
        return None if row is None else int(row[0])

    def load(self, pairs: Iterable[tuple[str, EventKey]]) -> Iterator[tuple[str, Event]]:
        """Yield (rule id, event) of these matches, in this order; what is not there is left out."""
        for rule_id, key in pairs:
            with self._file.reading() as connection:
                row = connection.execute(
                    f"SELECT {_COLUMNS} FROM match WHERE rule_id = ? AND key = ?",  # noqa: S608
                    (rule_id, written_key(key)),
                ).fetchone()
            if row is not None:
                yield rule_id, _match(row).event


def insert_matches(connection: sqlite3.Connection, matches: Iterable[RecordedMatch]) -> None:
    """Store matches; one that is stored already stays as it is."""
    connection.executemany(
        f"""INSERT INTO match ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO NOTHING""",  # noqa: S608
        (
            (
                *(match.rule_id, written_key(match.event.key), match.event.time_ns),
                *(match.event.ingested_ns, match.found_ns, _storable(match.event.origin)),
                *(_storable(match.index), match.fate.value, _storable(match.grouped_by)),
                *(None if match.alert is None else json.dumps(match.alert), match.muted_by),
                *(zlib.compress(match.event.raw, 1), _more(match.event)),
            )
            for match in matches
        ),
    )


def _conditions(wanted: MatchFilter) -> tuple[list[str], list[object]]:
    """Return what SQL can ask of a match, and the values for it."""
    asked: list[tuple[str, object]] = []
    if wanted.rule_id:
        asked.append(("rule_id = ?", wanted.rule_id))
    if wanted.fate is not None:
        asked.append(("fate = ?", wanted.fate.value))
    if wanted.since_ns is not None:
        asked.append(("found_ns >= ?", wanted.since_ns))
    if wanted.until_ns is not None:
        asked.append(("found_ns < ?", wanted.until_ns))
    if wanted.alert is not None:
        asked.append(("alert = ?", json.dumps(wanted.alert)))
    return [condition for condition, _ in asked], [value for _, value in asked]


def written_key(key: EventKey) -> str:
    """Return the key as the store has it."""
    return canonical_json(key.as_json()).decode("ascii")


def _more(event: Event) -> bytes | None:
    """Return the values that reading `raw` again would not give."""
    if event.values == values_in(event.raw):
        return None
    values = {path: list(texts) for path, texts in event.values.items()}
    return zlib.compress(json.dumps(values).encode("ascii"), 1)


def values_in(raw: bytes) -> Values:
    """Return what reading an event again gives, as far as that needs no more than `raw`."""
    try:
        return flatten(parse_object(raw, Limits()))
    except PutAsideError:
        return {}


def _match(row: Sequence[Any]) -> RecordedMatch:
    (rule_id, key, time_ns, ingested_ns, found_ns, origin, index, fate, grouped_by, *rest) = row
    alert, muted_by, raw, more = rest
    raw = zlib.decompress(raw)
    values = values_in(raw) if more is None else _read_more(more)
    event = Event(parse_key(json.loads(key)), time_ns, values, raw, origin, ingested_ns)
    identity: Identity | None = None if alert is None else tuple(json.loads(alert))
    return RecordedMatch(
        rule_id, event, index, found_ns, Fate(fate), identity, grouped_by, muted_by
    )


def _read_more(more: bytes) -> Values:
    return {path: tuple(texts) for path, texts in json.loads(zlib.decompress(more)).items()}


def _storable(text: str) -> str:
    """Make lone surrogates visible: SQLite's text is UTF-8, which has none."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
