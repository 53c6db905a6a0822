"""Stores to hold against the contract of `runner.store.interface`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sigma2hive.runner.store.interface import StateStore
from sigma2hive.runner.store.sqlite import SqliteStore

#: Opens the store of one test: once more, it finds what was stored.
Open = Callable[[], StateStore]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    opened: list[StateStore] = []

    def open_again() -> StateStore:
        opened.append(SqliteStore(tmp_path / "state.db"))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()
