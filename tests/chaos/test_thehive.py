"""Whatever TheHive does, it has each alert once in the end."""

from pathlib import Path

from tests.bench.cluster import Cluster
from tests.chaos.conftest import Sites
from tests.chaos.hours import Hours
from tests.chaos.proxy import Proxy, resetting
from tests.chaos.world import (
    Load,
    check_ends_right,
    check_same,
    load,
    started,
    titles_of,
    wait_until,
)
from tests.doubles.running import running_thehive

EVENTS = 1_000
#: Events of each of the minutes in which TheHive is away.
A_MINUTE = 100


def test_each_fault_in_turn_loses_nothing(sites: Sites, elasticsearch: Cluster) -> None:
    site = sites.make(elasticsearch.users.monitor)
    hive = site.thehive
    for is_stored in (False, True):
        hive.fail("status", method="POST", status=500, times=3, skip=5, stored=is_stored)
        hive.fail("html", method="POST", times=2, skip=8, stored=is_stored)
        hive.fail("reset", method="POST", times=3, skip=10, stored=is_stored)
        hive.fail("truncated", method="POST", times=2, skip=12)
        hive.fail("status", method="POST", status=429, retry_after=1, skip=14)
        hive.fail("status", method="POST", status=503, skip=15, stored=is_stored)
    hive.fail("hang", method="POST", skip=20)
    process = started(site)
    Load(site, EVENTS).wait()
    check_ends_right(site, process, titles_of(EVENTS))
    undisturbed = sites.undisturbed(site, titles_of(EVENTS))
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())


def test_killed_and_started_again_it_has_each_alert_once(
    sites: Sites, elasticsearch: Cluster, tmp_path: Path
) -> None:
    site = sites.make(elasticsearch.users.monitor)
    kept = ("--state", str(tmp_path / "thehive.log"))
    with running_thehive(*kept) as first:
        site.thehive = first.thehive
        site.write_settings()
        site.add(load(EVENTS // 2))
        process = started(site)
        wait_until(lambda: bool(first.thehive.alerts()))
        first.kill()
        site.add(load(EVENTS // 2, EVENTS // 2))
        process.wait_for("thehive: paused")
    port = first.thehive.url.rpartition(":")[2]
    with running_thehive(*kept, "--port", port) as second:
        site.thehive = second.thehive
        check_ends_right(site, process, titles_of(EVENTS))
        undisturbed = sites.undisturbed(site, titles_of(EVENTS))
        check_same(second.thehive.alerts(), undisturbed.thehive.alerts())


def test_after_an_hour_away_it_has_each_alert_once(sites: Sites, elasticsearch: Cluster) -> None:
    site = sites.make(elasticsearch.users.monitor)
    proxy = Proxy(site.thehive.url)
    try:
        site.write_settings(
            thehive={"url": proxy.url, "timeout_seconds": 5, "service_requests_per_second": 1000},
            service={**site.settings["service"], "first_start_seconds": 2 * 3_600},
        )
        hours = Hours(site)
        with proxy.behaving(resetting):
            for minute in range(60):
                site.add(hours.dated(load(A_MINUTE, minute * A_MINUTE)))
                before = proxy.requests
                hours.go_on(60)
                # It is tried all the time, but not often.
                assert proxy.wait_for_requests(1, since=before)
        assert proxy.requests < 10 * 60
        assert not site.thehive.alerts()
        hours.process.wait_for("thehive: paused")
        hours.go_on(60)
        titles = titles_of(60 * A_MINUTE)
        check_ends_right(site, hours.process, titles)
        del site.settings["thehive"]
        undisturbed = sites.undisturbed(site, titles)
        check_same(site.thehive.alerts(), undisturbed.thehive.alerts())
    finally:
        proxy.close()
