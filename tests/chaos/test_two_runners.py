"""Two services on one state store in Elasticsearch: one lost, stopped or cut off loses nothing."""

import signal
from collections.abc import Callable, Iterator

import pytest

from sigma2hive.runner.store.elastic.indices import PREFIX, Kind
from tests.bench.cluster import Cluster
from tests.chaos.conftest import Sites
from tests.chaos.proxy import Delaying, Holding, Proxy
from tests.chaos.world import (
    Load,
    check_ends_right,
    check_same,
    load,
    started,
    titles_of,
    wait_until,
)
from tests.service.site import Process, Site

EVENTS = 1_000
#: Events that the first service has read before the second starts.
FIRST = 100


@pytest.fixture
def site(sites: Sites, elasticsearch: Cluster) -> Iterator[Site]:
    """A site whose state is in Elasticsearch; what a runner holds is its own for 5 seconds."""
    site = sites.make(elasticsearch.users.admin)
    site.settings["service"] = {**site.settings["service"], "lease_seconds": 5}
    site.write_settings(state_store="elasticsearch")
    yield site
    for process in site.processes:
        process.kill()
    names = ",".join(f"{PREFIX}{kind.value}" for kind in Kind)
    elasticsearch.request("DELETE", f"/{names}?ignore_unavailable=true")


def _first_and_second(
    site: Site,
    *,
    elasticsearch: str = "",
    thehive: str = "",
    until: Callable[[], object] = lambda: None,
) -> tuple[Process, Process]:
    """Start two services; the first has the leases, and perhaps asks at other addresses.

    `until` waits for what the first does before there is a second.
    """
    straight = dict(site.settings)
    if elasticsearch:
        site.settings["elasticsearch"] = {
            **{"urls": [elasticsearch], "username": site.user.name},
            "timeout_seconds": 3,
        }
    if thehive:
        site.settings["thehive"] = {"url": thehive, "timeout_seconds": 60}
    site.write_settings(state="first")
    first = started(site)
    site.add(load(FIRST))
    first.wait_for(" events, ")
    until()
    site.settings = straight
    site.write_settings(state="second")
    return first, started(site)


def _check(sites: Sites, site: Site, process: Process) -> None:
    check_ends_right(site, process, titles_of(EVENTS))
    site.settings |= {"state_store": "sqlite", "state": "undisturbed"}
    undisturbed = sites.undisturbed(site, titles_of(EVENTS))
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())


def test_when_one_is_killed_the_other_tells_the_rest(sites: Sites, site: Site) -> None:
    first, second = _first_and_second(site)
    coming = Load(site, EVENTS, added=FIRST)
    wait_until(lambda: coming.added > EVENTS // 2)
    first.kill()
    coming.wait()
    _check(sites, site, second)


def test_one_that_wakes_after_its_lease_adds_nothing(sites: Sites, site: Site) -> None:
    first, second = _first_and_second(site)
    coming = Load(site, EVENTS // 2, added=FIRST)
    first.process.send_signal(signal.SIGSTOP)
    coming.wait()
    # All of it is told while the first is stopped: the second has taken over.
    site.wait_for_titles(*titles_of(EVENTS // 2))
    first.process.send_signal(signal.SIGCONT)
    site.add(load(EVENTS // 2, EVENTS // 2))
    site.wait_for_titles(*titles_of(EVENTS))
    assert first.end() == 0, "\n".join(first.lines)
    _check(sites, site, second)


def test_what_one_sends_after_its_lease_changes_nothing(sites: Sites, site: Site) -> None:
    proxy, delaying = Proxy(site.thehive.url), Delaying()
    try:
        proxy.behaviour = delaying

        def is_sending() -> None:
            assert proxy.wait_for_requests(1, since=0)

        # Whoever comes first sends: the second must not be there yet.
        first, second = _first_and_second(site, thehive=proxy.url, until=is_sending)
        # Stopped in the midst of what it sends, which arrives when it is another's to send.
        first.process.send_signal(signal.SIGSTOP)
        coming = Load(site, EVENTS, added=FIRST)
        coming.wait()
        site.wait_for_titles(*titles_of(EVENTS))
        delaying.release()
        first.process.send_signal(signal.SIGCONT)
        assert first.end() == 0, "\n".join(first.lines)
        _check(sites, site, second)
    finally:
        proxy.close()


def test_one_that_is_cut_off_is_stood_in_for_and_comes_back(
    sites: Sites, site: Site, proxy: Proxy
) -> None:
    first, second = _first_and_second(site, elasticsearch=proxy.url)
    coming = Load(site, EVENTS // 2, added=FIRST)
    holding = Holding()
    with proxy.behaving(holding):
        coming.wait()
        site.wait_for_titles(*titles_of(EVENTS // 2))
    holding.release()
    site.add(load(EVENTS // 2, EVENTS // 2))
    site.wait_for_titles(*titles_of(EVENTS))
    assert first.end() == 0, "\n".join(first.lines)
    _check(sites, site, second)
