"""A site with the service, the real Elasticsearch and the double of TheHive."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.cluster import Cluster, Indices
from tests.doubles.running import TheHive, running_thehive
from tests.service.site import Site


@pytest.fixture
def own_thehive() -> Iterator[TheHive]:
    """A double of its own, empty: the test counts what is in it."""
    with running_thehive() as running:
        yield running.thehive


@pytest.fixture
def site(
    tmp_path: Path, elasticsearch: Cluster, indices: Indices, own_thehive: TheHive
) -> Iterator[Site]:
    site = Site(tmp_path, elasticsearch, indices, own_thehive, elasticsearch.users.reader)
    site.settings["service"] = {"cadence_seconds": 1}
    site.set_up()
    yield site
    for process in site.processes:
        process.kill()
