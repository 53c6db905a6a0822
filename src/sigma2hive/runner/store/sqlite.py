"""The state store in one SQLite file: for one runner."""

from __future__ import annotations

from pathlib import Path

from sigma2hive.runner.store.counted import StoredCounted
from sigma2hive.runner.store.file import StoreFile
from sigma2hive.runner.store.keeping import StoredKeeping
from sigma2hive.runner.store.leases import AlwaysOurs
from sigma2hive.runner.store.matches import StoredMatches
from sigma2hive.runner.store.mutes import StoredMutes
from sigma2hive.runner.store.outbox import StoredOutbox
from sigma2hive.runner.store.progress import StoredProgress


class SqliteStore(
    StoredProgress,
    StoredMatches,
    StoredCounted,
    StoredOutbox,
    StoredMutes,
    StoredKeeping,
    AlwaysOurs,
):
    """What `interface.StateStore` says; a step is one transaction."""

    def __init__(self, path: Path, *, is_checked: bool = False) -> None:
        """Open the file, made and brought up to date where needed.

        With `is_checked` all of it is looked at, which takes seconds a gigabyte.

        Raises:
            StorageError: it cannot be used, or is damaged.
        """
        self._file = StoreFile(path, is_checked=is_checked)

    def back_up(self, path: Path) -> None:
        """Write a copy that is whole, while the store is in use.

        Raises:
            StorageError: it cannot be written.
        """
        self._file.back_up(path)

    def check(self) -> None:
        """Look whether the file is where it was.

        Raises:
            StorageError: it was removed or replaced: what is written now would be lost.
        """
        self._file.check()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
