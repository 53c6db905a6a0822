"""Whatever Elasticsearch does, what comes afterwards is what would have come anyway."""

import pytest

from tests.bench.cluster import Cluster
from tests.chaos.conftest import Sites
from tests.chaos.proxy import (
    Behaviour,
    Holding,
    Proxy,
    answering_html,
    answering_status,
    cut_short,
    resetting,
    resetting_afterwards,
    searching_partly,
    timing_out_inside,
)
from tests.chaos.world import Load, check_ends_right, check_same, load, started, titles_of

EVENTS = 2_000
#: What Elasticsearch, or something before it, does for a while.
FAULTS: dict[str, Behaviour] = {
    "resets": resetting,
    "loses its answers": resetting_afterwards,
    "cuts its answers short": cut_short,
    "503": answering_status(503, "no_shard_available_action_exception"),
    "429": answering_status(429, "circuit_breaking_exception"),
    "500": answering_status(500, "search_phase_execution_exception"),
    "a page": answering_html,
    "a shard fails": searching_partly,
    "timed out": timing_out_inside,
}


@pytest.mark.parametrize("reader", ["monitor", "reader"])
def test_each_fault_in_turn_loses_nothing(
    sites: Sites, elasticsearch: Cluster, proxy: Proxy, reader: str
) -> None:
    site = sites.make(getattr(elasticsearch.users, reader), proxy)
    process = started(site)
    coming = Load(site, EVENTS, step=EVENTS // len(FAULTS) + 1)
    for behaviour in FAULTS.values():
        with proxy.behaving(behaviour):
            assert proxy.wait_for_requests(3)
        assert proxy.wait_for_requests(5)
    coming.wait()
    check_ends_right(site, process, titles_of(EVENTS))
    undisturbed = sites.undisturbed(site, titles_of(EVENTS))
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())


def test_a_cluster_that_is_down_or_silent_is_waited_for(
    sites: Sites, elasticsearch: Cluster, proxy: Proxy
) -> None:
    site = sites.make(elasticsearch.users.monitor, proxy)
    site.add(load(500))
    process = started(site)
    proxy.close()
    site.add(load(500, 500))
    process.wait_for("failed: ")
    proxy.open()
    site.add(load(500, 1_000))
    assert proxy.wait_for_requests(10)
    holding = Holding()
    with proxy.behaving(holding):
        assert proxy.wait_for_requests(2)
        site.add(load(500, 1_500))
    holding.release()
    check_ends_right(site, process, titles_of(EVENTS))
    undisturbed = sites.undisturbed(site, titles_of(EVENTS))
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())


def test_a_service_that_starts_while_the_cluster_is_away_says_so_and_goes_on(
    sites: Sites, elasticsearch: Cluster, proxy: Proxy
) -> None:
    site = sites.make(elasticsearch.users.monitor, proxy)
    site.add(load(EVENTS))
    proxy.close()
    process = started(site)
    process.wait_for("failed: ")
    proxy.open()
    check_ends_right(site, process, titles_of(EVENTS))
