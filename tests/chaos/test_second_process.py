"""Whatever becomes of the process that reads and decides, and of the one that it does it for."""

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress

from tests.bench.cluster import Cluster
from tests.chaos.conftest import Sites
from tests.chaos.proxy import Holding, Proxy, Reply, Request
from tests.chaos.world import (
    Load,
    at_a_random_moment,
    check_ends_right,
    check_same,
    load,
    started,
    titles_of,
    wait_until,
)
from tests.service.site import RULES, Process, Site, deciders_of, service_installed

EVENTS = 3_000
KILLS = 4


def decider_of(process: Process) -> int:
    """Return the second process of a service, which may be about to be started again."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = deciders_of(process.process.pid)
        return bool(found)

    wait_until(is_there)
    return found[0]


def in_two_processes(site: Site) -> Site:
    """Let the service work so on a machine with one core, too."""
    site.write_settings(service={**site.settings["service"], "processes": 2})
    return site


def test_killed_over_and_over_it_loses_and_doubles_nothing(
    sites: Sites, elasticsearch: Cluster
) -> None:
    site = in_two_processes(sites.make(elasticsearch.users.monitor))
    chance = random.Random(3)
    process = started(site)
    coming = Load(site, EVENTS)
    for _ in range(KILLS):
        at_a_random_moment(chance, 2)
        with suppress(ProcessLookupError):
            os.kill(decider_of(process), signal.SIGKILL)
    coming.wait()
    check_ends_right(site, process, titles_of(EVENTS))
    undisturbed = sites.undisturbed(site, titles_of(EVENTS))
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())


def test_killed_while_a_page_is_on_its_way(
    sites: Sites, elasticsearch: Cluster, proxy: Proxy
) -> None:
    site = in_two_processes(sites.make(elasticsearch.users.monitor, proxy))
    process = started(site)
    wait_until(lambda: site.status()["cycle"] != {})
    holding = Holding()
    searches = 0

    def hold(request: Request, pass_on: Callable[[], Reply]) -> Reply | None:
        nonlocal searches
        if not request.path.startswith("/_search"):
            return pass_on()
        searches += 1
        return holding(request, pass_on)

    with proxy.behaving(hold):
        site.add(load(500))
        wait_until(lambda: searches > 0)
        os.kill(decider_of(process), signal.SIGKILL)
        process.wait_for("ended by signal 9")
    holding.release()
    check_ends_right(site, process, titles_of(500))
    assert not any("failed: " in line for line in process.lines)


def test_it_goes_when_the_service_is_killed(sites: Sites, elasticsearch: Cluster) -> None:
    site = in_two_processes(sites.make(elasticsearch.users.monitor))
    process = started(site)
    pid = decider_of(process)
    # A terminal and a unit of systemd send these to all processes: they are the service's to hear.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(pid, number)
    site.add([service_installed(1)])
    site.wait_for_titles("Service 1 installed on host-1")
    assert decider_of(process) == pid
    process.kill()
    wait_until(lambda: not _is_there(pid))


def test_rules_that_are_loaded_again_are_its_rules(sites: Sites, elasticsearch: Cluster) -> None:
    site = in_two_processes(sites.make(elasticsearch.users.monitor))
    process = started(site)
    before = decider_of(process)
    rules = RULES.replace("title: Service installed", "title: Task made").replace("7045", "4698")
    (site.folder / "sigma_rules" / "rules.yml").write_text(rules)
    process.process.send_signal(signal.SIGHUP)
    wait_until(lambda: decider_of(process) != before)
    wait_until(lambda: sum(" rules of " in line for line in process.lines) == 2)
    after = decider_of(process)
    site.add([{**service_installed(2), "event": {"code": "4698"}}, service_installed(3)])
    site.wait_for_titles("Service 2 installed on host-2")
    assert deciders_of(process.process.pid) == [after]
    assert not _is_there(before)
    assert process.end() == 0
    assert not _is_there(after)
    assert not any("looked at again" in line for line in process.lines)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
