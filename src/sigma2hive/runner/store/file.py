"""The SQLite file of the state store, for several threads: one connection, one at a time."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigma2hive.runner.store.schema import SCHEMA
from sigma2hive.storage import Database, StorageError, open_database

#: What every file of ours has, in the order in which it is made: no migration drops a table.
_TABLES = re.findall(r"CREATE TABLE (\w+)", "".join(SCHEMA.migrations))


class StoreFile:
    """What the parts of the store share."""

    def __init__(self, path: Path, *, is_checked: bool = False) -> None:
        """Open the file, made and brought up to date where needed.

        With `is_checked` all of it is looked at, which takes seconds a gigabyte.

        Raises:
            StorageError: it cannot be used, or is damaged.
        """
        self.path = path
        self._database: Database = open_database(path, SCHEMA, is_shared=True)
        self._lock = threading.RLock()
        self._is_of = _identity_of(path)
        if is_checked:
            self._check_whole()

    def check(self) -> None:
        """Look whether the file is where it was.

        Raises:
            StorageError: it was removed or replaced: what is written now would be lost.
        """
        if _identity_of(self.path) != self._is_of:
            raise StorageError(
                f"{self.path}: it was removed or replaced while it was in use: nothing that is "
                "written now would be found again; start the service anew with the file, or a "
                "backup, in its place"
            )

    def _check_whole(self) -> None:
        with self.reading() as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        lacking = [name for name in _TABLES if name not in there]
        if lacking:
            verdict = f"tables that were there are gone ({', '.join(lacking)})"
        if verdict != "ok":
            self.close()
            raise StorageError(
                f"{self.path}: the database is damaged ({verdict}); put a backup in its place, or "
                "move it away: the next start begins anew, and raises again what it finds"
            )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do everything inside or, where anything is raised, nothing.

        Raises:
            StorageError: SQLite refuses.
        """
        with self._lock, self._database.transaction() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read, with SQLite's failures raised as StorageError."""
        with self._lock, self._database.reading() as connection:
            yield connection

    def back_up(self, path: Path) -> None:
        """Write a copy that is whole, while the store is in use.

        Raises:
            StorageError: it cannot be written.
        """
        copy = open_database(path, SCHEMA)
        try:
            with self.reading() as connection:
                connection.backup(copy.connection)
        finally:
            copy.close()

    def close(self) -> None:
        """Close the file; closing twice is no mistake."""
        with self._lock:
            self._database.close()


def _identity_of(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of its name, None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
