"""Elasticsearch ends in the middle, and is there again: nothing is lost, nothing told twice."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench.accounts import new_users
from tests.bench.cluster import Cluster
from tests.bench.elasticsearch_server import Restartable, restartable_elasticsearch
from tests.bench.fixtures import DOWNLOADS
from tests.bench.missing import MissingPart, skip_or_fail
from tests.chaos.conftest import Sites
from tests.chaos.world import check_ends_right, check_same, load, started, titles_of, wait_until
from tests.service.site import Site

EVENTS = 2_000
PART = EVENTS // 4


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Restartable, Cluster]]:
    """An Elasticsearch of its own: it may be stopped without harm to other tests."""
    users = new_users()
    with ExitStack() as stack:
        try:
            server = stack.enter_context(restartable_elasticsearch(DOWNLOADS, users))
        except MissingPart as missing:
            skip_or_fail(missing, in_ci=bool(os.environ.get("CI")))
        yield server, Cluster(server.url, users)


@pytest.fixture
def own_sites(tmp_path: Path, server: tuple[Restartable, Cluster]) -> Iterator[Sites]:
    """What makes sites on that Elasticsearch."""
    _, cluster = server
    with ExitStack() as stack:
        sites = Sites(tmp_path, cluster, stack.enter_context(cluster.indices()), stack)
        yield sites
        for site in sites.made:
            for process in site.processes:
                process.kill()


@pytest.mark.elasticsearch
@pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("reader", ["monitor", "reader"])
def test_started_again_it_is_read_on_where_it_was(
    own_sites: Sites, server: tuple[Restartable, Cluster], reader: str, is_killed: bool
) -> None:
    elasticsearch, cluster = server
    site = own_sites.make(getattr(cluster.users, reader))
    site.add(load(PART))
    process = started(site)
    wait_until(lambda: bool(site.titles()))
    # Some of it is read, and some of it is not.
    site.add(load(PART, PART))
    elasticsearch.stop(is_killed=is_killed)
    process.wait_for("failed: ")
    elasticsearch.start()
    _wait_for_shards(site)
    site.add(load(PART, 2 * PART))
    process.wait_for(" events, ")
    site.add(load(PART, 3 * PART))
    check_ends_right(site, process, titles_of(EVENTS))
    undisturbed = own_sites.undisturbed(site, titles_of(EVENTS))
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())


def _wait_for_shards(site: Site) -> None:
    health = f"_cluster/health/{site.index}?wait_for_status=yellow&timeout=60s"
    assert not site.cluster.request("GET", health)["timed_out"]
