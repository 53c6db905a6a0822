"""Stores to hold against the contract of `runner.store.interface`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sigma2hive.runner.store.interface import StateStore
from sigma2hive.runner.store.sqlite import SqliteStore
from tests.bench.cluster import Cluster
from tests.runner.store.elastic_world import Site, emptied, site_of

#: Opens the store of one test: once more, it finds what was stored.
Open = Callable[[], StateStore]


@pytest.fixture(
    params=["sqlite", pytest.param("elasticsearch", marks=pytest.mark.elasticsearch)],
)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    opened: list[StateStore] = []
    site: Site | None = None
    if request.param == "elasticsearch":
        site = request.getfixturevalue("site")

    def open_again() -> StateStore:
        made = SqliteStore(tmp_path / "state.db") if site is None else site.store()
        opened.append(made)
        return made

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture(scope="session")
def _state_indices(elasticsearch: Cluster) -> Iterator[Site]:
    with site_of(elasticsearch) as found:
        yield found


@pytest.fixture
def site(_state_indices: Site, elasticsearch: Cluster) -> Site:
    """The indices of a state store, with nothing in them."""
    return emptied(_state_indices, elasticsearch)


@pytest.fixture
def new_site(elasticsearch: Cluster) -> Iterator[Site]:
    """A place for a state store where nothing is made yet."""
    with site_of(elasticsearch) as found:
        yield found
