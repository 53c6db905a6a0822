"""Alerts on their way, in SQLite: every sink has its own progress with every alert."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sigma2hive.model.alerts import Alert, Identity
from sigma2hive.model.service import Delivery, DeliveryCounts, DeliveryState, QueuedAlert, Receipt
from sigma2hive.runner.store.file import StoreFile
from sigma2hive.runner.store.interface import LONGEST_WAIT_NS
from sigma2hive.sinks.joining import join_alerts
from sigma2hive.sinks.lines import parse_alert, render_line

_SELECT = """SELECT d.sink, a.line, a.version, a.queued_ns, d.attempts, d.not_before_ns, d.state,
                    d.reason, d.delivered_version
             FROM delivery AS d JOIN alert AS a ON a.number = d.alert"""
_OF_ALERT = """sink = ? AND alert =
               (SELECT number FROM alert WHERE type = ? AND source = ? AND source_ref = ?)"""


class StoredOutbox:
    """What `interface.Outbox` says."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def open_sinks(self, sinks: Collection[str]) -> None:
        """Say which sinks alerts go to from now on; what waits for others stays."""
        with self._file.transaction() as connection:
            connection.execute("UPDATE sink SET is_open = 0")
            connection.executemany(
                "INSERT INTO sink VALUES (?, 1, '') ON CONFLICT DO UPDATE SET is_open = 1",
                [(sink,) for sink in sinks],
            )

    def due(self, sink: str, now_ns: int, limit: int) -> Sequence[Delivery]:
        """Return what may be sent now: by severity, then age."""
        with self._file.reading() as connection:
            # Sorted without the lines, of which only a few are wanted.
            rows = connection.execute(
                f"""WITH first AS MATERIALIZED (
                        SELECT a.number FROM delivery AS d JOIN alert AS a ON a.number = d.alert
                        WHERE d.sink = :sink AND d.state = 'waiting'
                          AND (d.not_before_ns <= :now OR d.not_before_ns > :far)
                        ORDER BY a.severity DESC, a.number LIMIT :most)
                    {_SELECT} WHERE d.sink = :sink AND d.alert IN (SELECT number FROM first)
                    ORDER BY a.severity DESC, a.number""",  # noqa: S608
                {"sink": sink, "now": now_ns, "most": limit, "far": now_ns + LONGEST_WAIT_NS},
            ).fetchall()
        return [_delivery(row) for row in rows]

    def arrived(self, receipts: Sequence[Receipt]) -> None:
        """Note that these versions of alerts are there; later ones that came meanwhile wait."""
        with self._file.transaction() as connection:
            connection.executemany(
                f"""UPDATE delivery SET delivered_version = ?, attempts = 0, reason = ?,
                        told_ns = ?, not_before_ns = 0,
                        state = CASE WHEN (SELECT version FROM alert WHERE number = alert) > ?
                                THEN 'waiting' ELSE 'delivered' END
                    WHERE {_OF_ALERT}""",  # noqa: S608
                [
                    (
                        *(one.delivery.version, one.told, one.at_ns, one.delivery.version),
                        *_of(one.delivery),
                    )
                    for one in receipts
                ],
            )

    def delivered(self, delivery: Delivery, now_ns: int, told: str = "") -> None:
        """Note one of them."""
        self.arrived([Receipt(delivery, now_ns, told)])

    def postponed(self, delivery: Delivery, not_before_ns: int, reason: str) -> None:
        """Note an attempt that failed, and when to try again."""
        with self._file.transaction() as connection:
            connection.execute(
                f"""UPDATE delivery SET attempts = attempts + 1, not_before_ns = ?, reason = ?
                    WHERE {_OF_ALERT}""",  # noqa: S608
                (not_before_ns, reason, *_of(delivery)),
            )

    def refused(self, delivery: Delivery, now_ns: int, reason: str) -> None:
        """Make it a dead letter, but where a later version has come meanwhile."""
        with self._file.transaction() as connection:
            connection.execute(
                f"""UPDATE delivery SET attempts = attempts + 1, reason = ?, told_ns = ?,
                        state = CASE WHEN (SELECT version FROM alert WHERE number = alert) > ?
                                THEN 'waiting' ELSE 'dead' END
                    WHERE {_OF_ALERT}""",  # noqa: S608
                (reason, now_ns, delivery.version, *_of(delivery)),
            )

    def replay(self, sink: str = "", alerts: Collection[Identity] = ()) -> int:
        """Let dead letters wait again, all of them or these; return how many."""
        wanted = {json.dumps(identity) for identity in alerts}
        replayed = 0
        with self._file.transaction() as connection:
            rows = connection.execute(
                """SELECT d.sink, d.alert, a.type, a.source, a.source_ref
                   FROM delivery AS d JOIN alert AS a ON a.number = d.alert
                   WHERE d.state = 'dead' AND (:sink = '' OR d.sink = :sink)""",
                {"sink": sink},
            ).fetchall()
            for name, number, *identity in rows:
                if not wanted or json.dumps(identity) in wanted:
                    connection.execute(
                        """UPDATE delivery SET state = 'waiting', not_before_ns = 0, attempts = 0
                           WHERE sink = ? AND alert = ?""",
                        (name, number),
                    )
                    replayed += 1
        return replayed

    def dead(self, sink: str = "", limit: int = 100) -> Sequence[Delivery]:
        """Return dead letters, the latest first."""
        with self._file.reading() as connection:
            rows = connection.execute(
                f"""{_SELECT} WHERE d.state = 'dead' AND (:sink = '' OR d.sink = :sink)
                    ORDER BY d.told_ns DESC LIMIT :most""",
                {"sink": sink, "most": limit},
            ).fetchall()
        return [_delivery(row) for row in rows]

    def counts(self) -> Mapping[str, DeliveryCounts]:
        """Return how each sink stands."""
        with self._file.reading() as connection:
            return counts_in(connection)

    def pause(self, sink: str, reason: str) -> None:
        """Note why nothing is sent to a sink; "" ends it."""
        with self._file.transaction() as connection:
            connection.execute("UPDATE sink SET paused = ? WHERE name = ?", (reason, sink))

    def has_alert(self, identity: Identity) -> bool:
        """Whether an alert is stored."""
        with self._file.reading() as connection:
            row = connection.execute(
                "SELECT 1 FROM alert WHERE type = ? AND source = ? AND source_ref = ?", identity
            ).fetchone()
        return row is not None

    def alert(self, identity: Identity) -> Alert | None:
        """Return an alert as it was stored last."""
        with self._file.reading() as connection:
            row = connection.execute(
                "SELECT line FROM alert WHERE type = ? AND source = ? AND source_ref = ?", identity
            ).fetchone()
        return None if row is None else _parsed(row[0])


def counts_in(connection: sqlite3.Connection) -> Mapping[str, DeliveryCounts]:
    """Return how each sink stands in a file."""
    sinks = connection.execute("SELECT name, paused, is_open FROM sink").fetchall()
    rows = connection.execute(
        """SELECT d.sink, d.state, count(*), min(a.queued_ns)
           FROM delivery AS d JOIN alert AS a ON a.number = d.alert GROUP BY 1, 2"""
    ).fetchall()
    by_sink: dict[str, dict[str, tuple[int, int]]] = {}
    for sink, state, count, oldest in rows:
        by_sink.setdefault(sink, {})[state] = (count, oldest)
    none = (0, None)
    return {
        name: DeliveryCounts(
            waiting=by_sink.get(name, {}).get("waiting", none)[0],
            delivered=by_sink.get(name, {}).get("delivered", none)[0],
            dead=by_sink.get(name, {}).get("dead", none)[0],
            oldest_ns=by_sink.get(name, {}).get("waiting", none)[1],
            paused=paused,
            is_open=bool(is_open),
        )
        for name, paused, is_open in sinks
    }


def queue_alerts(connection: sqlite3.Connection, queued: Iterable[QueuedAlert]) -> None:
    """Store alerts for every open sink; those that are known are joined, and wait if changed."""
    for entry in queued:
        alert = entry.alert
        row = connection.execute(
            "SELECT number, line FROM alert WHERE type = ? AND source = ? AND source_ref = ?",
            alert.identity,
        ).fetchone()
        if row is None:
            _insert(connection, entry)
            continue
        number, line = row
        joined = _written(join_alerts(_parsed(line), alert))
        if joined == line:
            continue
        connection.execute(
            """UPDATE alert SET version = version + 1, line = ?, severity = max(severity, ?)
               WHERE number = ?""",
            (joined, alert.severity, number),
        )
        connection.execute(
            """UPDATE delivery SET state = 'waiting', not_before_ns = 0
               WHERE alert = ? AND state <> 'waiting'""",
            (number,),
        )


def _insert(connection: sqlite3.Connection, entry: QueuedAlert) -> None:
    alert = entry.alert
    cursor = connection.execute(
        """INSERT INTO alert (type, source, source_ref, rule_id, grouped_by, is_summary, severity,
                              version, queued_ns, line)
           VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)""",
        (
            *(*alert.identity, alert.rule_id, entry.grouped_by, entry.is_summary, alert.severity),
            *(entry.made_ns, _written(alert)),
        ),
    )
    connection.execute(
        """INSERT INTO delivery SELECT name, ?, 'waiting', 0, 0, 0, '', NULL
           FROM sink WHERE is_open""",
        (cursor.lastrowid,),
    )


def _written(alert: Alert) -> bytes:
    return zlib.compress(render_line(alert).encode("ascii"), 1)


def _parsed(line: bytes) -> Alert:
    return parse_alert(zlib.decompress(line).decode("ascii"))


def _of(delivery: Delivery) -> tuple[str, ...]:
    return (delivery.sink, *delivery.alert.identity)


def _delivery(row: Sequence[Any]) -> Delivery:
    sink, line, version, queued_ns, attempts, not_before_ns, state, reason, delivered = row
    return Delivery(
        *(sink, _parsed(line), version, queued_ns, attempts, not_before_ns),
        *(DeliveryState(state), reason, bool(delivered)),
    )
