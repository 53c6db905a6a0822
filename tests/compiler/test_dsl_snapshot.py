"""Queries from a snapshot against the reference evaluator, on indices with odd mappings.

What is pulled, kept as a file and read again is all that a query is made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from sigma2hive.compiler import compile_query
from sigma2hive.engine import prepare
from sigma2hive.model.events import Event
from sigma2hive.model.profiles import Logsource
from sigma2hive.sources.elasticsearch import read_hit
from tests.bench.cluster import Cluster
from tests.compiler.dsl_world import compile_detection, detections
from tests.compiler.odd_indices import ASKED, OddWorld, odd_world

DOCUMENTS, RULES = 100, 100


class Compared:
    """No dataclass: hypothesis would print all of its events."""

    def __init__(self, world: OddWorld, events: dict[str, Event]) -> None:
        self.world, self.events = world, events
        self.seen: Counter[str] = Counter()

    def compare(self, detection: Mapping[str, Any]) -> None:
        """Hold what is found and decided against what all events would give."""
        rule = compile_detection(detection, self.world.profile, self.world.folder)
        if rule is None:
            self.seen["refused"] += 1
            return
        query, meets = compile_query(rule), prepare(rule.condition)
        wanted = {key for key, event in self.events.items() if meets(event.values)}
        hits = events_of(self.world.search(query.body, query.computed))
        missed = sorted(wanted - hits.keys())
        assert not missed, (self.events[missed[0]].raw, query.body)
        assert {key for key, event in hits.items() if meets(event.values)} == wanted
        if query.exact:
            assert hits.keys() == wanted
        self.seen.update(
            pairs=len(self.events), wanted=len(wanted), hits=len(hits), exact=query.exact
        )


def events_of(hits: list[dict[str, Any]]) -> dict[str, Event]:
    read = {f"{hit['_index']}/{hit['_id']}": read_hit(hit) for hit in hits}
    return {key: event for key, event in read.items() if isinstance(event, Event)}


@pytest.fixture(scope="module")
def compared(
    elasticsearch: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compared]:
    with odd_world(elasticsearch, tmp_path_factory.mktemp("odd"), DOCUMENTS) as world:
        place = world.profile.place(Logsource("windows"))
        assert place is not None
        assert place.view is not None
        computed = tuple(sorted({f.path for f in place.types.known.values() if f.is_computed}))
        yield Compared(world, events_of(world.search({"match_all": {}}, computed)))


@settings(
    max_examples=RULES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(detection=detections(ASKED))
def test_queries_find_what_the_reference_evaluator_finds(
    compared: Compared, detection: dict[str, Any]
) -> None:
    compared.compare(detection)


@pytest.mark.parametrize("letter", ["k", "s", "i"])
def test_a_runtime_field_does_not_hide_letters_that_java_takes_for_others(
    compared: Compared, letter: str
) -> None:
    compared.compare({"a": {"at_once": letter}, "condition": "not a"})


def test_enough_was_compared(compared: Compared) -> None:
    assert compared.seen["pairs"] >= 5_000
    assert compared.seen["wanted"] > compared.seen["pairs"] / 50
    assert compared.seen["hits"] < compared.seen["pairs"]
