"""Slices that are finished, kept so that an interrupted back-test goes on.

Takes what a slice gave for each side; keeps it in a SQLite file, a slice in one transaction. What
belongs together is named by a digest of rules, fields and window. A finished back-test is removed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.matches import Suppression
from sigma2hive.records import dataclass
from sigma2hive.runner.querying import Window
from sigma2hive.storage import Database, Schema, open_database
from sigma2hive.workflows.backtest.sides import Part
from sigma2hive.workflows.backtest.tallies import RuleTally

#: The file, from the state folder.
JOURNAL = Path("backtest.db")
#: An unfinished back-test of the last so many nanoseconds is gone on with, an older one forgotten.
KEPT_NS = 24 * 3_600 * 1_000_000_000

_SCHEMA = Schema(
    name="journal of back-tests",
    application_id=0x53324842,  # "S2HB"
    migrations=(
        """
        CREATE TABLE backtest (
            question TEXT PRIMARY KEY,  -- digest of what is asked
            started_ns INTEGER NOT NULL,
            start_ns INTEGER NOT NULL,
            end_ns INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE slice (
            question TEXT NOT NULL,
            start_ns INTEGER NOT NULL,
            found TEXT NOT NULL,  -- JSON
            PRIMARY KEY (question, start_ns)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE fed (
            question TEXT NOT NULL,
            start_ns INTEGER NOT NULL,
            side INTEGER NOT NULL,
            event TEXT NOT NULL  -- JSON
        ) STRICT;
        CREATE INDEX fed_by_slice ON fed (question, start_ns);
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What one slice gave: a part a side, how the sides differ, and what was not searched."""

    parts: Sequence[Part]
    differences: dict[str, tuple[int, int]]
    unsearched: dict[str, str]


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where the journal is, and when one goes on: `asked` names what the command line asks for.

    `now_ns` is when the back-test starts; `anew` forgets what an earlier one finished.
    """

    file: Path
    asked: tuple[str, ...]
    now_ns: int
    anew: bool = False


class Journal:
    """The finished slices of one back-test, in a SQLite file."""

    def __init__(self, path: Path, question: str) -> None:
        """Open the journal, made where absent.

        Raises:
            StorageError: it cannot be used.
        """
        self._database: Database = open_database(path, _SCHEMA)
        self._question = question

    def begin(self, window: Window, now_ns: int, *, anew: bool) -> Window:
        """Return the window of the unfinished back-test with this question, else `window`."""
        with self._database.transaction() as connection:
            for table in ("fed", "slice"):
                connection.execute(
                    f"DELETE FROM {table} WHERE question IN "  # noqa: S608 - our own names
                    "(SELECT question FROM backtest WHERE started_ns < ?)",
                    (now_ns - KEPT_NS,),
                )
            connection.execute("DELETE FROM backtest WHERE started_ns < ?", (now_ns - KEPT_NS,))
            if anew:
                self._remove(connection)
            connection.execute(
                "INSERT OR IGNORE INTO backtest VALUES (?, ?, ?, ?)",
                (self._question, now_ns, window.start_ns, window.end_ns),
            )
            row = connection.execute(
                "SELECT start_ns, end_ns FROM backtest WHERE question = ?", (self._question,)
            ).fetchone()
        return Window(*row)

    def save(self, part: Window, finished: Finished) -> None:
        """Keep what a slice gave."""
        found = {
            "parts": [_part_as_json(entry) for entry in finished.parts],
            "differences": finished.differences,
            "unsearched": finished.unsearched,
        }
        key = (self._question, part.start_ns)
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO slice VALUES (?, ?, ?)", (*key, json.dumps(found)))
            connection.executemany(
                "INSERT INTO fed VALUES (?, ?, ?, ?)",
                (
                    (*key, side, _fed_as_json(rule_id, event))
                    for side, entry in enumerate(finished.parts)
                    for rule_id, event in entry.fed
                ),
            )

    def load(self, part: Window) -> Finished | None:
        """Return what a slice gave, None where it is not finished."""
        key = (self._question, part.start_ns)
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT found FROM slice WHERE question = ? AND start_ns = ?", key
            ).fetchone()
            fed = connection.execute(
                "SELECT side, event FROM fed WHERE question = ? AND start_ns = ? ORDER BY rowid",
                key,
            ).fetchall()
        if row is None:
            return None
        found = json.loads(row[0])
        parts = [_part_from_json(entry) for entry in found["parts"]]
        for side, event in fed:
            parts[side].fed.append(_fed_from_json(event))
        differences = {key: (more, fewer) for key, (more, fewer) in found["differences"].items()}
        return Finished(parts, differences, found["unsearched"])

    def end(self) -> None:
        """Forget the back-test: it is finished."""
        with self._database.transaction() as connection:
            self._remove(connection)

    def _remove(self, connection: Any) -> None:
        for table in ("fed", "slice", "backtest"):
            connection.execute(
                f"DELETE FROM {table} WHERE question = ?",  # noqa: S608 - our own names
                (self._question,),
            )

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()


def _part_as_json(part: Part) -> Any:
    return {
        "events": part.events,
        "rules": {rule_id: tally.as_json() for rule_id, tally in part.rules.items()},
        "suppressed": [
            [entry.filter_id, entry.filter_title, entry.rule_id, count]
            for entry, count in part.suppressed.items()
        ],
    }


def _part_from_json(value: Any) -> Part:
    suppressed: Iterator[tuple[Suppression, int]] = (
        (Suppression(filter_id, title, rule_id), count)
        for filter_id, title, rule_id, count in value["suppressed"]
    )
    return Part(
        events=value["events"],
        rules={rule_id: RuleTally.from_json(tally) for rule_id, tally in value["rules"].items()},
        suppressed=Counter(dict(suppressed)),
    )


def _fed_as_json(rule_id: str, event: Event) -> str:
    key = [event.key.kind.value, *event.key.parts]
    return json.dumps([rule_id, key, event.time_ns, event.values, event.origin])


def _fed_from_json(text: str) -> tuple[str, Event]:
    rule_id, (kind, *parts), time_ns, values, origin = json.loads(text)
    return rule_id, Event(
        key=EventKey(EventKeyKind(kind), tuple(parts)),
        time_ns=time_ns,
        values={path: tuple(texts) for path, texts in values.items()},
        raw=b"",
        origin=origin,
    )
