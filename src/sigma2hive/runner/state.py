"""Episodes that have fired, kept so that their identity never moves.

Takes and gives `StoredEpisode`s; keeps them in a SQLite file. Never decides what an episode is: the
engine does, and the runner asks here whether it fired before under another first event.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from sigma2hive.model.canonical import JsonValue, canonical_json
from sigma2hive.storage import STATE_FOLDER, Database, Schema, open_database

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
    ),
)


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    """An episode that has fired.

    `group` is its group's canonical JSON; `start_ns` to `end_ns`, both included, is the time in
    which further events belong to it, in nanoseconds since the epoch.
    """

    rule_id: str
    epoch: str
    group: str
    start_ns: int
    end_ns: int
    identity: JsonValue


class EpisodeStore:
    """The fired episodes of every correlation, in a SQLite file."""

    def __init__(self, path: Path) -> None:
        """Open the store, made where absent.

        Raises:
            StorageError: it cannot be used.
        """
        self._database: Database = open_database(path, _SCHEMA)

    def find(self, episode: StoredEpisode) -> StoredEpisode | None:
        """Return the stored episode of the same rule, epoch and group that overlaps in time.

        Of several the one that started first: a late event that joins two episodes leaves the
        elder's identity. The `identity` of the one asked for does not matter.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                """SELECT start_ns, end_ns, identity FROM episode
                   WHERE rule_id = ? AND epoch = ? AND grouped_by = ?
                     AND start_ns <= ? AND end_ns >= ?
                   ORDER BY start_ns, identity LIMIT 1""",
                (
                    *(episode.rule_id, episode.epoch, episode.group),
                    *(_bounded(episode.end_ns), _bounded(episode.start_ns)),
                ),
            ).fetchone()
        if row is None:
            return None
        start_ns, end_ns, identity = row
        return StoredEpisode(
            rule_id=episode.rule_id,
            epoch=episode.epoch,
            group=episode.group,
            start_ns=start_ns,
            end_ns=end_ns,
            identity=json.loads(identity),
        )

    def save(self, episode: StoredEpisode) -> None:
        """Store the episode; one that is stored under the same identity only ever grows."""
        with self._database.transaction() as connection:
            connection.execute(
                """INSERT INTO episode (rule_id, epoch, grouped_by, identity, start_ns, end_ns)
                   VALUES (?, ?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET
                       start_ns = min(start_ns, excluded.start_ns),
                       end_ns = max(end_ns, excluded.end_ns)""",
                (
                    *(episode.rule_id, episode.epoch, episode.group),
                    canonical_json(episode.identity).decode("ascii"),
                    *(_bounded(episode.start_ns), _bounded(episode.end_ns)),
                ),
            )

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


def _bounded(time_ns: int) -> int:
    """Cut to what SQLite's integers hold; an end may lie beyond the last time there is."""
    return max(-(2**63), min(time_ns, 2**63 - 1))
