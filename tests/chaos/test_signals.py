"""Ended in good order at any moment, or given changed rules, it loses nothing."""

import random
import signal

from tests.bench.cluster import Cluster
from tests.chaos.conftest import Sites
from tests.chaos.world import (
    Load,
    at_a_random_moment,
    check_ends_right,
    check_same,
    started,
    titles_of,
)
from tests.service.site import RULES, Site

EVENTS = 2_000
ENDS, CHANGES = 3, 3


def test_ended_in_the_middle_it_goes_on_where_it_was(sites: Sites, elasticsearch: Cluster) -> None:
    site = sites.make(elasticsearch.users.monitor)
    chance = random.Random(1)
    coming = Load(site, EVENTS)
    for _ in range(ENDS):
        process = started(site)
        at_a_random_moment(chance, 3)
        assert process.end() == 0, "\n".join(process.lines)
    coming.wait()
    check_ends_right(site, started(site), titles_of(EVENTS))
    undisturbed = sites.undisturbed(site, titles_of(EVENTS))
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())


def test_rules_that_change_in_the_middle_lose_nothing_of_those_that_stay(
    sites: Sites, elasticsearch: Cluster
) -> None:
    site = sites.make(elasticsearch.users.monitor)
    chance = random.Random(2)
    process = started(site)
    coming = Load(site, EVENTS)
    for number in range(CHANGES):
        at_a_random_moment(chance, 2)
        _add_rule(site, number)
        process.process.send_signal(signal.SIGHUP)
        process.wait_for(f"{4 + number} rules")
    coming.wait()
    check_ends_right(site, process, titles_of(EVENTS))
    undisturbed = sites.undisturbed(site, titles_of(EVENTS))
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())


def _add_rule(site: Site, number: int) -> None:
    """Write a rule that nothing meets beside the others."""
    other = RULES.rpartition("---\n")[2].replace("33333333-3333", f"{number:08x}-4444", 1)
    text = other.replace("7045", f"{90_000 + number}")
    (site.folder / "sigma_rules" / f"more-{number}.yml").write_text(text)
