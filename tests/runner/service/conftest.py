"""What the tests of the service share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sigma2hive.runner.store.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty state with one sink."""
    store = SqliteStore(tmp_path / "state.db")
    store.open_sinks(["sink"])
    yield store
    store.close()
