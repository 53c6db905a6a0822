"""Killed at random moments, the service loses nothing and tells nothing twice."""

import random

import pytest

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

EVENTS = 3_000
KILLS = 4
#: Who reads by `_seq_no`, and who reads by `event.ingested`.
READERS = ["monitor", "reader"]


@pytest.mark.parametrize("reader", READERS)
def test_a_killed_service_tells_what_an_undisturbed_one_tells(
    sites: Sites, elasticsearch: Cluster, reader: str
) -> None:
    site = sites.make(getattr(elasticsearch.users, reader))
    chance = random.Random(reader)
    coming = Load(site, EVENTS)
    for _ in range(KILLS):
        process = started(site)
        at_a_random_moment(chance, 3)
        process.kill()
    coming.wait()
    check_ends_right(site, started(site), titles_of(EVENTS))
    undisturbed = sites.undisturbed(site, titles_of(EVENTS))
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())
