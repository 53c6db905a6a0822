"""Episodes that have fired, kept so that their identity never moves.

Takes and gives `StoredEpisode`s; keeps them in a SQLite file. Never decides what an episode is: the
engine does, and the runner asks here whether it fired before under another first event.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from sigma2hive.model.service import StoredEpisode
from sigma2hive.runner.store.episodes import episodes_near, save_episodes
from sigma2hive.runner.store.outbox import counts_in
from sigma2hive.runner.store.schema import SCHEMA
from sigma2hive.storage import (
    STATE_FOLDER,
    Database,
    StorageError,
    check_database,
    open_database,
    open_for_reading,
)

#: The state store, from the folder that sigma2hive works in.
DEFAULT_STATE = STATE_FOLDER / "state.db"


def check_state(path: Path) -> None:
    """Find out, without writing anything, whether the store could be opened.

    Raises:
        StorageError: it cannot be used.
    """
    check_database(path, SCHEMA)


def stored_naming(path: Path) -> tuple[str, str] | None:
    """Return what alerts are called, type and source; None where no run has remembered it.

    Raises:
        StorageError: the store cannot be used.
    """
    check_state(path)
    if not path.exists():
        return None
    try:
        database = open_for_reading(path, SCHEMA)
    except StorageError:
        return None  # of an older version, which had no names
    with database.reading() as connection:
        row = connection.execute("SELECT type, source FROM naming").fetchone()
    database.close()
    return None if row is None else (str(row[0]), str(row[1]))


def stored_waiting(path: Path) -> Mapping[str, int]:
    """Return how many alerts wait for each sink; none where no service has run.

    Raises:
        StorageError: the store cannot be used.
    """
    if not path.exists():
        return {}
    database = open_for_reading(path, SCHEMA)
    try:
        with database.reading() as connection:
            counts = counts_in(connection)
    finally:
        database.close()
    return {name: one.waiting for name, one in counts.items() if one.waiting}


class EpisodeStore:
    """The fired episodes of every correlation, in a SQLite file."""

    def __init__(self, path: Path) -> None:
        """Open the store, made where absent.

        Raises:
            StorageError: it cannot be used.
        """
        self._database: Database = open_database(path, SCHEMA)

    def near(
        self, rule_id: str, epoch: str, start_ns: int, end_ns: int
    ) -> tuple[StoredEpisode, ...]:
        """Return the episodes of a correlation's epoch that overlap [start_ns, end_ns]."""
        with self._database.reading() as connection:
            return episodes_near(connection, rule_id, epoch, start_ns, end_ns)

    def save(self, episode: StoredEpisode) -> None:
        """Store the episode; one that is stored under the same identity only ever grows."""
        with self._database.transaction() as connection:
            save_episodes(connection, (episode,))

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


__all__ = [
    "DEFAULT_STATE",
    "EpisodeStore",
    "StoredEpisode",
    "check_state",
    "stored_naming",
    "stored_waiting",
]
