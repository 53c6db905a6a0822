"""The inbox: alerts kept in a SQLite file, for people without a server and for tests.

Takes alerts; each push is one transaction, so what `push` answered for is kept. Gives them back,
shortened for lists or whole. Unique by (type, source, source_ref).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sigma2hive.clock import Clock
from sigma2hive.diagnostics import SinkError
from sigma2hive.model.alerts import Alert
from sigma2hive.model.canonical import canonical_json
from sigma2hive.model.events import Event
from sigma2hive.records import dataclass
from sigma2hive.sinks.courier import Courier
from sigma2hive.sinks.interface import Closing, Sink, SinkRequest
from sigma2hive.sinks.joining import join_alerts
from sigma2hive.sinks.lines import parse_alert, parse_key, render_head
from sigma2hive.sinks.local import LocalCourier
from sigma2hive.sinks.outcomes import Outcome
from sigma2hive.storage import STATE_FOLDER, Schema, check_database, open_database, open_for_reading

#: The inbox, from the folder that sigma2hive works in.
DEFAULT_INBOX = STATE_FOLDER / "inbox.db"

#: Of a sourceRef so many characters are asked for: fewer are a number that was mistyped.
MIN_START = 8
_MAX_CANDIDATES = 10

SCHEMA = Schema(
    name="inbox",
    application_id=0x53324849,  # "S2HI"
    migrations=(
        """
        CREATE TABLE alert (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            type TEXT NOT NULL,
            source TEXT NOT NULL,
            source_ref TEXT NOT NULL,
            rule_id TEXT NOT NULL,
            title TEXT NOT NULL,
            severity INTEGER NOT NULL,
            date_ns INTEGER NOT NULL,
            stored_ns INTEGER NOT NULL,
            updated_ns INTEGER NOT NULL,
            head TEXT NOT NULL,  -- everything but the events, as JSON (sinks/lines.py)
            UNIQUE (type, source, source_ref)
        ) STRICT;
        CREATE INDEX alert_by_date ON alert (date_ns);
        CREATE TABLE event (
            alert INTEGER NOT NULL REFERENCES alert (number),
            key TEXT NOT NULL,  -- canonical JSON
            time_ns INTEGER NOT NULL,
            ingested_ns INTEGER,
            origin TEXT NOT NULL,
            raw BLOB NOT NULL,
            PRIMARY KEY (alert, key)
        ) STRICT, WITHOUT ROWID;
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts to list: everything that is set must hold.

    `title` is a part of the title in any ASCII letter case; times are the alert's own.
    """

    rule_id: str = ""
    title: str = ""
    min_severity: int = 1
    since_ns: int | None = None
    until_ns: int | None = None


@dataclass(frozen=True, slots=True)
class AlertSummary:
    """One alert in a list; `stored_ns` and `updated_ns` are when the inbox took it."""

    number: int
    source_ref: str
    rule_id: str
    title: str
    severity: int
    date_ns: int
    stored_ns: int
    updated_ns: int
    events: int


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert with its events whole; their `values` are empty."""

    number: int
    stored_ns: int
    updated_ns: int
    alert: Alert


class AmbiguousError(SinkError):
    """Several alerts may be meant: `candidates` are number and title of the first of them."""

    def __init__(self, reference: str, candidates: tuple[tuple[int, str], ...]) -> None:
        super().__init__(f"several alerts begin with {reference!r}")
        self.candidates = candidates


class Inbox:
    """A sink and what reads it."""

    def __init__(self, path: Path, name: str = "inbox", *, read_only: bool = False) -> None:
        """Open the inbox; one that is `read_only` has to be there, and takes no alerts.

        Raises:
            SinkError: it cannot be used.
        """
        self.name = name
        opened = open_for_reading if read_only else open_database
        self._database = opened(path, SCHEMA, error=SinkError)

    def push(self, alert: Alert) -> Outcome:
        """Store the alert, or join it to the one of the same identity.

        Raises:
            SinkError: it cannot be written; then nothing of it was.
        """
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT number, head FROM alert WHERE type = ? AND source = ? AND source_ref = ?",
                (alert.type, alert.source, alert.source_ref),
            ).fetchone()
            if row is None:
                _insert(connection, alert)
                return Outcome.STORED
            return _update(connection, row[0], row[1], alert)

    def list_alerts(
        self, limit: int = 100, filters: AlertFilter | None = None
    ) -> list[AlertSummary]:
        """Return the alerts that meet `filters`, those with the latest date first."""
        wanted = filters or AlertFilter()
        with self._database.reading() as connection:
            rows = connection.execute(
                """SELECT number, source_ref, rule_id, title, severity, date_ns, stored_ns,
                          updated_ns, (SELECT count(*) FROM event WHERE event.alert = number)
                   FROM alert
                   WHERE (:rule_id = '' OR rule_id = :rule_id)
                     AND (:title = '' OR instr(lower(title), lower(:title)))
                     AND severity >= :min_severity
                     AND (:since_ns IS NULL OR date_ns >= :since_ns)
                     AND (:until_ns IS NULL OR date_ns < :until_ns)
                   ORDER BY date_ns DESC, number DESC LIMIT :limit""",
                {
                    "rule_id": wanted.rule_id,
                    "title": _storable(wanted.title),
                    "min_severity": wanted.min_severity,
                    "since_ns": wanted.since_ns,
                    "until_ns": wanted.until_ns,
                    "limit": limit,
                },
            ).fetchall()
        return [AlertSummary(*row) for row in rows]

    def load_alert(self, reference: str) -> StoredAlert | None:
        """Return the alert of a number ("12") or the start of a sourceRef; None where none is.

        A number is an inbox number; a start has at least `MIN_START` characters.

        Raises:
            AmbiguousError: several alerts begin like this.
        """
        with self._database.reading() as connection:
            number = _find_number(connection, reference)
            if number is None:
                return None
            stored_ns, updated_ns, head = connection.execute(
                "SELECT stored_ns, updated_ns, head FROM alert WHERE number = ?", (number,)
            ).fetchone()
            events = _events(connection, number, with_raw=True)
        return StoredAlert(number, stored_ns, updated_ns, parse_alert(head, events))

    def close(self) -> Closing:
        """Close the file; everything pushed is in it already."""
        self._database.close()
        return Closing()

    def discard(self) -> None:
        """Close the file; what was pushed stays, for `push` has answered for it."""
        self._database.connection.close()


def open_inbox(request: SinkRequest) -> Sink:
    """Open the inbox that is asked for: the target, or the one in the state folder.

    Raises:
        SinkError: it cannot be used.
    """
    return Inbox(_path_of(request), request.spec)


def inbox_courier(request: SinkRequest, _clock: Clock) -> Courier:
    """Return how a service delivers to the inbox: each alert one transaction.

    Raises:
        SinkError: it cannot be used.
    """
    path = _path_of(request)
    Inbox(path, request.spec).close()

    def put(alert: Alert) -> Outcome:
        with closing(Inbox(path, request.spec)) as inbox:
            return inbox.push(alert)

    return LocalCourier(put)


def check_inbox(request: SinkRequest) -> None:
    """Find out, without writing anything, whether the inbox could be opened.

    Raises:
        SinkError: it cannot be used.
    """
    check_database(_path_of(request), SCHEMA, error=SinkError)


def _path_of(request: SinkRequest) -> Path:
    return request.folder / (request.target or request.state / DEFAULT_INBOX.name)


def _insert(connection: sqlite3.Connection, alert: Alert) -> None:
    now_ns = time.time_ns()
    cursor = connection.execute(
        """INSERT INTO alert (type, source, source_ref, rule_id, title, severity, date_ns,
                              stored_ns, updated_ns, head)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *(alert.type, alert.source, alert.source_ref, alert.rule_id),
            *(_storable(alert.title), alert.severity, alert.date_ns),
            *(now_ns, now_ns, render_head(alert)),
        ),
    )
    _insert_events(connection, cursor.lastrowid, alert.events)


def _update(connection: sqlite3.Connection, number: int, head: str, pushed: Alert) -> Outcome:
    stored = parse_alert(head, _events(connection, number, with_raw=False))
    joined = join_alerts(stored, pushed)
    known = {event.key for event in stored.events}
    new_events = [event for event in joined.events if event.key not in known]
    new_head = render_head(joined)
    if not new_events and new_head == head:
        return Outcome.ALREADY_THERE
    connection.execute(
        """UPDATE alert SET rule_id = ?, title = ?, severity = ?, date_ns = ?, updated_ns = ?,
                            head = ? WHERE number = ?""",
        (
            *(joined.rule_id, _storable(joined.title), joined.severity, joined.date_ns),
            *(time.time_ns(), new_head, number),
        ),
    )
    _insert_events(connection, number, new_events)
    return Outcome.UPDATED


def _insert_events(
    connection: sqlite3.Connection, number: int | None, events: Iterable[Event]
) -> None:
    connection.executemany(
        """INSERT INTO event (alert, key, time_ns, ingested_ns, origin, raw)
           VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING""",
        (
            (
                *(number, canonical_json(event.key.as_json()).decode("ascii")),
                *(event.time_ns, event.ingested_ns, _storable(event.origin), event.raw),
            )
            for event in events
        ),
    )


def _events(connection: sqlite3.Connection, number: int, *, with_raw: bool) -> tuple[Event, ...]:
    raw = "raw" if with_raw else "x''"
    rows = connection.execute(
        f"SELECT key, time_ns, ingested_ns, origin, {raw} FROM event WHERE alert = ?",  # noqa: S608
        (number,),
    )
    events = (
        Event(
            key=parse_key(json.loads(key)),
            time_ns=time_ns,
            values={},
            raw=raw,
            origin=origin,
            ingested_ns=ingested_ns,
        )
        for key, time_ns, ingested_ns, origin, raw in rows
    )
    return tuple(sorted(events, key=lambda event: (event.time_ns, event.key)))


def _find_number(connection: sqlite3.Connection, reference: str) -> int | None:
    if reference.isascii() and reference.isdecimal() and len(reference) < 19:
        row = connection.execute(
            "SELECT number FROM alert WHERE number = ?", (int(reference),)
        ).fetchone()
        if row is not None:
            return int(row[0])
    start = len(reference) if len(reference) >= MIN_START else -1
    rows = connection.execute(
        """SELECT number, source_ref, title FROM alert
           WHERE source_ref = :text OR (:start > 0 AND substr(source_ref, 1, :start) = :text)
           ORDER BY source_ref <> :text, number LIMIT :limit""",
        {"text": _storable(reference), "start": start, "limit": _MAX_CANDIDATES},
    ).fetchall()
    if len(rows) > 1 and rows[0][1] != reference:
        raise AmbiguousError(reference, tuple((number, title) for number, _, title in rows))
    return int(rows[0][0]) if rows else None


def _storable(text: str) -> str:
    """Make lone surrogates visible: SQLite's text is UTF-8, which has none. `head` keeps them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
