"""Queries against the engine, on a real Elasticsearch: no query finds too little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from sigma2hive.compiler import compile_query
from sigma2hive.engine import prepare
from sigma2hive.model.conditions import And
from sigma2hive.model.profiles import Profile
from sigma2hive.model.values import Values
from tests.bench.cluster import Cluster
from tests.compiler.dsl_world import (
    MAPPING,
    SETTINGS,
    compile_detection,
    detections,
    draw_documents,
    load_world,
    values_of,
)

DOCUMENTS, SEED, RULES = 300, 4, 150


@dataclass(frozen=True)
class World:
    cluster: Cluster
    index: str
    profile: Profile
    folder: Path
    documents: list[dict[str, Any]]
    values: list[Values]
    seen: Counter[str]

    def found(self, detection: Mapping[str, Any], gated: bool = False) -> tuple[set[int], set[int]]:
        """What the engine and the query find; both empty where the rule itself is refused."""
        rule = compile_detection(detection, self.profile, self.folder, gated)
        if rule is None:
            self.seen["refused"] += 1
            return set(), set()
        query = compile_query(rule)
        meets = prepare(And((rule.gate, rule.condition)))
        wanted = {number for number, values in enumerate(self.values) if meets(values)}
        body = {"query": query.body, "size": len(self.documents), "_source": False}
        answer = self.cluster.request("POST", f"{self.index}/_search", body)
        hits = {int(hit["_id"]) for hit in answer["hits"]["hits"]}
        assert answer["_shards"]["failed"] == 0
        if query.exact:
            assert hits == wanted
        self.seen.update(
            rules=1,
            pairs=len(self.documents),
            wanted=len(wanted),
            hits=len(hits),
            exact=query.exact,
            same=hits == wanted,
        )
        return wanted, hits


@pytest.fixture(scope="module")
def world(elasticsearch: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    documents = draw_documents(DOCUMENTS, SEED)
    with elasticsearch.indices() as indices:
        index = indices.create(MAPPING, documents, settings=SETTINGS)
        values = [values_of(document) for document in documents]
        profile = load_world(folder)
        yield World(elasticsearch, index, profile, folder, documents, values, Counter())


@settings(
    max_examples=RULES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(detection=detections())
def test_a_query_finds_everything_that_the_engine_finds(
    world: World, detection: dict[str, Any]
) -> None:
    wanted, hits = world.found(detection)
    missed = sorted(wanted - hits)
    assert not missed, world.documents[missed[0]]


def test_enough_was_compared(world: World) -> None:
    print(dict(world.seen))
    assert world.seen["pairs"] >= 5_000
    assert world.seen["wanted"] > world.seen["pairs"] / 20
    assert world.seen["hits"] < world.seen["pairs"] * 0.9
