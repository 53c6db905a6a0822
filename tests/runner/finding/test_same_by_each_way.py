"""Each way finds the same events for the same rules, in the same order, on a real Elasticsearch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import CompiledRule
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile
from sigma2hive.sources.windows import normalise_windows
from tests.bench.cluster import Cluster
from tests.bench.corpus import case_changed, regression_cases
from tests.clients.connecting import client_of
from tests.compiler import dsl_world, index_mapping
from tests.runner.finding.world import Ways, named, slice_of

DOCUMENTS, SEED, EXAMPLES = 700, 5, 40


@dataclass(frozen=True)
class World:
    """An index with every field type, full of documents that are hard on purpose."""

    client: ElasticsearchClient
    index: str
    profile: Profile
    folder: Path
    seen: Counter[str]

    def compiled(self, detection: Mapping[str, Any], is_gated: bool) -> CompiledRule | None:
        rule = dsl_world.compile_detection(detection, self.profile, self.folder, is_gated)
        return None if rule is None else named(rule)


@pytest.fixture(scope="module")
def client(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    with client_of(elasticsearch, elasticsearch.users.reader) as client:
        yield client


@pytest.fixture(scope="module")
def world(
    client: ElasticsearchClient,
    elasticsearch: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    mapping = {
        **dsl_world.MAPPING,
        "properties": {**dsl_world.MAPPING["properties"], "@timestamp": {"type": "date"}},
    }
    documents: list[dict[str, Any]] = [
        {**document, "@timestamp": f"2026-11-20T00:{number // 60 % 60:02}:{number % 60:02}Z"}
        for number, document in enumerate(dsl_world.draw_documents(DOCUMENTS, SEED))
    ]
    # No event: no time that can be used.
    for document in documents[::97]:
        del document["@timestamp"]
    with elasticsearch.indices() as indices:
        index = indices.create(mapping, documents, settings=dsl_world.SETTINGS)
        profile = dsl_world.load_world(folder)
        yield World(client, index, profile, folder, Counter())


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    drawn=st.lists(st.tuples(dsl_world.detections(), st.booleans()), min_size=1, max_size=8),
    is_part=st.booleans(),
)
def test_rules_of_any_kind(
    world: World, drawn: list[tuple[dict[str, Any], bool]], is_part: bool
) -> None:
    rules = [rule for made in drawn if (rule := world.compiled(*made)) is not None]
    ways = Ways(world.client, rules, computed=["alias"])
    some = {"range": {"@timestamp": {"gte": "2026-11-20T00:03:00Z", "lt": "2026-11-20T00:06:00Z"}}}
    part = slice_of(world.index, "world-*", some if is_part else {"match_all": {}})
    streamed = ways.found("stream", part)
    assert ways.found("query", part) == streamed
    assert not ways.told, [finding.message for finding in ways.told]
    world.seen.update(rules=len(rules), hits=len(streamed), pages=any_has_pages(streamed))


def any_has_pages(found: list[Any]) -> int:
    """Whether a rule has more hits than one search brings at first."""
    return any(count > 100 for count in Counter(hit[0] for hit in found).values())


def test_enough_was_compared(world: World) -> None:
    print(dict(world.seen))
    assert world.seen["rules"] > EXAMPLES
    assert world.seen["hits"] > 10 * EXAMPLES
    assert world.seen["pages"] > 3


def test_rules_of_sigmahq_on_its_regression_events(
    client: ElasticsearchClient, shared: Path, elasticsearch: Cluster
) -> None:
    """The rules of its cases, and some others; tests/regression searches for all of them."""
    profile = load_profile("winlogbeat", None, Diagnostics())
    assert profile is not None
    repository = load_repository([shared / "data" / "sigmahq"], shared, {}, Diagnostics())
    compiled = compile_all(repository, profile, Diagnostics())
    place = profile.place(Logsource("windows"))
    assert place is not None
    cases = list(regression_cases(shared))
    raw = [event for case in cases for event in case.events]
    both = [*raw, *map(case_changed, raw)]
    documents = [normalise_windows(event, profile.windows_events.value) for event in both]
    with elasticsearch.indices() as indices:
        index = indices.create(
            index_mapping.mapping_of(place.types), documents, settings=index_mapping.SETTINGS
        )
        own = {case.rule_id for case in cases}
        windows = [rule for rule in compiled.rules if rule.logsource.product == "windows"]
        rules = [
            replace(rule, indices=(index,))
            for number, rule in enumerate(windows)
            if rule.info.id in own or not number % 100
        ]
        ways = Ways(client, rules)
        part = slice_of(index, index)
        streamed = ways.found("stream", part)
        assert own <= {hit[0] for hit in streamed}
        assert ways.found("query", part) == streamed
        assert not ways.told, [finding.message for finding in ways.told]
