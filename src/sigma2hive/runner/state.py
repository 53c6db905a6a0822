"""Episodes that have fired, kept so that their identity never moves.

Takes and gives `StoredEpisode`s; keeps them in a SQLite file. Never decides what an episode is: the
engine does, and the runner asks here whether it fired before under another first event.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from sigma2hive.model.canonical import JsonValue, canonical_json
from sigma2hive.model.rules import Figure
from sigma2hive.storage import (
    STATE_FOLDER,
    Database,
    Schema,
    StorageError,
    check_database,
    open_database,
    open_for_reading,
)

#: The state store, from the folder that sigma2hive works in.
DEFAULT_STATE = STATE_FOLDER / "state.db"

_SCHEMA = Schema(
    name="state store",
    application_id=0x53324853,  # "S2HS"
    migrations=(
        """
        CREATE TABLE episode (
            rule_id TEXT NOT NULL,
            epoch TEXT NOT NULL,
            grouped_by TEXT NOT NULL,  -- canonical JSON
            identity TEXT NOT NULL,    -- canonical JSON
            start_ns INTEGER NOT NULL,
            end_ns INTEGER NOT NULL,
            PRIMARY KEY (rule_id, epoch, grouped_by, identity)
        ) STRICT, WITHOUT ROWID;
        """,
        "ALTER TABLE episode ADD COLUMN figure INTEGER NOT NULL DEFAULT 0;",
        """
        CREATE TABLE naming (
            row INTEGER PRIMARY KEY CHECK (row = 1),
            type TEXT NOT NULL,
            source TEXT NOT NULL
        ) STRICT;
        """,
        # Sums and averages are more than SQLite's integers can hold: a whole number, or "10/3".
        """
        ALTER TABLE episode ADD COLUMN exact_figure TEXT NOT NULL DEFAULT '0';
        UPDATE episode SET exact_figure = CAST(figure AS TEXT);
        ALTER TABLE episode DROP COLUMN figure;
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    """An episode that has fired.

    `group` is its group's canonical JSON; `start_ns`, when it fired, to `end_ns`, both included, is
    the time in which further events belong to it, in nanoseconds since the epoch. `figure` is what
    was counted, summed or worked out when it fired.
    """

    rule_id: str
    epoch: str
    group: str
    start_ns: int
    end_ns: int
    identity: JsonValue
    figure: Figure = 0


def check_state(path: Path) -> None:
    """Find out, without writing anything, whether the store could be opened.

    Raises:
        StorageError: it cannot be used.
    """
    check_database(path, _SCHEMA)


def stored_naming(path: Path) -> tuple[str, str] | None:
    """Return what alerts are called, type and source; None where no run has remembered it.

    Raises:
        StorageError: the store cannot be used.
    """
    check_state(path)
    if not path.exists():
        return None
    try:
        database = open_for_reading(path, _SCHEMA)
    except StorageError:
        return None  # of an older version, which had no names
    with database.reading() as connection:
        row = connection.execute("SELECT type, source FROM naming").fetchone()
    database.close()
    return None if row is None else (str(row[0]), str(row[1]))


class EpisodeStore:
    """The fired episodes of every correlation, in a SQLite file."""

    def __init__(self, path: Path) -> None:
        """Open the store, made where absent.

        Raises:
            StorageError: it cannot be used.
        """
        self._database: Database = open_database(path, _SCHEMA)

    def near(
        self, rule_id: str, epoch: str, start_ns: int, end_ns: int
    ) -> tuple[StoredEpisode, ...]:
        """Return the episodes of a correlation's epoch that overlap [start_ns, end_ns]."""
        with self._database.reading() as connection:
            rows = connection.execute(
                """SELECT grouped_by, start_ns, end_ns, identity, exact_figure FROM episode
                   WHERE rule_id = ? AND epoch = ? AND start_ns <= ? AND end_ns >= ?""",
                (rule_id, epoch, _bounded(end_ns), _bounded(start_ns)),
            ).fetchall()
        return tuple(
            StoredEpisode(rule_id, epoch, group, start, end, json.loads(identity), _figure(figure))
            for group, start, end, identity, figure in rows
        )

    def save(self, episode: StoredEpisode) -> None:
        """Store the episode; one that is stored under the same identity only ever grows."""
        with self._database.transaction() as connection:
            connection.execute(
                """INSERT INTO episode
                       (rule_id, epoch, grouped_by, identity, start_ns, end_ns, exact_figure)
                   VALUES (?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET
                       start_ns = min(start_ns, excluded.start_ns),
                       end_ns = max(end_ns, excluded.end_ns)""",
                (
                    *(episode.rule_id, episode.epoch, episode.group),
                    canonical_json(episode.identity).decode("ascii"),
                    *(_bounded(episode.start_ns), _bounded(episode.end_ns), str(episode.figure)),
                ),
            )

    def save_naming(self, type_: str, source: str) -> None:
        """Remember what alerts are called."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO naming VALUES (1, ?, ?)", (type_, source))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> EpisodeStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _figure(text: str) -> Figure:
    figure = Fraction(text)
    return figure.numerator if figure.denominator == 1 else figure


def _bounded(time_ns: int) -> int:
    """Cut to what SQLite's integers hold; an end may lie beyond the last time there is."""
    return max(-(2**63), min(time_ns, 2**63 - 1))
