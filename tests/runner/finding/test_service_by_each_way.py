"""The service alerts alike in each way, whatever it meets, and whenever the way is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clock import FrozenClock
from sigma2hive.runner.finding.costs import costs_of
from tests.bench.cluster import Cluster, Indices
from tests.clients.connecting import client_of
from tests.runner.finding.service_world import (
    EVERY,
    LONG,
    MAPPING,
    REFUSED,
    SETTINGS,
    Place,
    ways_of,
)

WAYS = ("stream", "query", "auto")


@dataclass
class Filling:
    """Puts events into the index of a place, each number once."""

    place: Place
    indices: Indices
    next: int = 0

    def add(self, count: int) -> None:
        numbers = range(self.next, self.next + count)
        self.indices.add(self.place.index, map(self.place.document, numbers), self.next)
        self.next += count


@pytest.fixture(scope="module", params=["monitor", "reader"])
def client(request: pytest.FixtureRequest, elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    """Who reads by number, and who reads by event.ingested."""
    user = getattr(elasticsearch.users, request.param)
    with client_of(elasticsearch, user) as client:
        yield client


@pytest.fixture
def filling(tmp_path: Path, client: ElasticsearchClient, indices: Indices) -> Filling:
    index = indices.create(MAPPING, settings={**SETTINGS, "number_of_shards": 2})
    place = Place(tmp_path, client, index)
    place.write()
    return Filling(place, indices)


def test_all_ways_alert_alike(filling: Filling) -> None:
    place = filling.place
    started = place.clock.now_ns()
    # More than one slice a shard, and more hits of a rule than one search brings.
    filling.add(800)
    seen = {}
    for way in WAYS:
        place.clock = FrozenClock(started)
        with place.service(way, way) as service:
            for _ in range(3):
                place.clock.advance(5)
                service.cycle()
            standing = service.standing()
            suppressed = sorted((each.filter_id, each.matches) for each in standing.suppressed)
            seen[way] = (service.matches(), service.alerts(), suppressed, standing.is_well)
    matches, alerts, suppressed, is_well = seen["stream"]
    assert is_well
    assert len(suppressed) == 2
    by_rule = {str(match[0])[:8] for match in matches}
    assert by_rule == {f"{number:08}" for number in range(1, 6)}
    assert any("Many failed logons" in str(alert[1]) for alert in alerts)
    for way in WAYS:
        assert seen[way] == seen["stream"], way


def test_a_value_that_the_index_does_not_keep_and_a_query_that_it_refuses(
    filling: Filling,
) -> None:
    filling.add(50)
    with filling.place.service("query") as service:
        filling.place.clock.advance(5)
        service.cycle()
        found = service.matches()
        # Two of five command lines are evil, one of them longer than what is kept.
        assert sum(str(match[0]).startswith(f"{LONG:08}") for match in found) == 20
        # "powershell" lacks what the rule asks for between its parts.
        assert sum(str(match[0]).startswith(f"{REFUSED:08}") for match in found) == 10
        assert sum(str(match[0]).startswith(f"{EVERY:08}") for match in found) == 50
        (refused,) = {finding.message for finding in filling.place.told}
        assert "refuses to search for this rule" in refused
        assert "max_regex_length" in refused
        (ways,) = service.standing().ways.values()
        assert isinstance(ways, dict)
        assert [rule_id[:8] for rule_id in ways["refused"]] == [f"{REFUSED:08}"]
        filling.add(50)
        filling.place.clock.advance(5)
        service.cycle()
        assert len(filling.place.told) == 1  # once
        assert service.standing().is_well


def test_a_change_of_way_at_a_restart_loses_and_doubles_nothing(filling: Filling) -> None:
    place = filling.place
    ways = ["query", "stream", "auto", "query"]
    with place.service("stream", "all") as undisturbed:
        taken = []
        for way in ways:
            filling.add(300)
            place.clock.advance(5)
            undisturbed.cycle()
            with place.service(way, "changed") as service:
                taken += ways_of([service.cycle()])
        place.clock.advance(5)
        undisturbed.cycle()
        with place.service("stream", "changed") as service:
            service.cycle()
            assert {*taken} == {"query", "stream"}
            # A rule looks since the service first saw it, which both did at different times.
            assert service.matches() == undisturbed.matches()
            assert [alert[0] for alert in service.alerts()] == [
                alert[0] for alert in undisturbed.alerts()
            ]


def test_auto_takes_the_cheaper_way_and_remembers_it_over_a_restart(filling: Filling) -> None:
    place = filling.place
    with place.service("auto") as service:
        filling.add(200)
        place.clock.advance(5)
        assert {*ways_of([service.cycle()])} == {"stream"}  # nothing was measured before
        (note,) = service.standing().ways.values()
        costs = costs_of(note)
        assert costs is not None
        assert costs.stream_ns and costs.query_ns
        costs.search_ns.total, costs.event_ns.total = 1e3, 1e12
        costs.read(1, 10**10, costs.streamed_ns)
        assert costs.way == "query"
        service.store.note("cycle", {"ways": {place.index: costs.as_note()}})
    filling.add(200)
    place.clock.advance(5)
    with place.service("auto") as service:
        assert ways_of([service.cycle()])[0] == "query"
