"""SigmaHQ's rules as queries on a real Elasticsearch, over all regression events.

Elasticsearch takes every query, in an index that has every field which a profile knows, and no
rule's query misses an event that the engine finds. Windows rules in their own two profiles are held
against it in tests/regression/test_elasticsearch.py; here are rules for everything else, and a part
of all in the profile `ecs`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.compiler import compile_all, compile_query
from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.engine import prepare
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import Compiled, DetectionRepository
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile
from sigma2hive.sources import SourceOptions, read_events
from tests.bench.cluster import Cluster
from tests.compiler.index_mapping import SETTINGS, mapping_of

#: Searches in one request.
BATCH = 150
#: Profile → how many of the rules taken it has a place for, and how often they match, at least. The
#: events are Windows', so that rules for other products are only held against too little.
PROFILES = {"elastic-agent": (350, 0), "ecs": (900, 30)}
#: Of the Windows rules, `ecs` takes one in so many.
WINDOWS_STEP = 4


@pytest.fixture(scope="module", params=PROFILES)
def profile(request: pytest.FixtureRequest) -> Profile:
    loaded = load_profile(request.param, None, Diagnostics())
    assert loaded is not None
    return loaded


@pytest.fixture(scope="module")
def rules(repository: DetectionRepository, profile: Profile) -> Compiled:
    windows = [rule for rule in repository.rules if rule.logsource.product == "windows"]
    others = [rule for rule in repository.rules if rule.logsource.product != "windows"]
    chosen = others + (windows[::WINDOWS_STEP] if profile.name == "ecs" else [])
    taken = replace(repository, rules=tuple(chosen), correlations=(), filters=())
    return compile_all(taken, profile, Diagnostics())


@pytest.fixture(scope="module")
def repository(shared: Path) -> DetectionRepository:
    root = shared / "data" / "sigmahq"
    return load_repository([root], root, {}, Diagnostics())


@pytest.fixture(scope="module")
def events(shared: Path, profile: Profile) -> list[dict[str, Any]]:
    """The regression events in the profile's fields, as documents."""
    options = SourceOptions(profile.windows_events.value, shared)
    found = list(read_events([shared / "data" / "regression"], options))
    return [
        {path: list(values) for path, values in event.values.items()}
        for event in found
        if not isinstance(event, Diagnostic)
    ]


@pytest.fixture(scope="module")
def index(elasticsearch: Cluster, profile: Profile, events: list[dict[str, Any]]) -> Iterator[str]:
    place = profile.place(Logsource("windows"))
    assert place is not None
    with elasticsearch.indices() as indices:
        yield indices.create(mapping_of(place.types), events, settings=SETTINGS)


def test_no_query_is_refused_and_none_misses_an_event(
    elasticsearch: Cluster,
    profile: Profile,
    rules: Compiled,
    events: list[dict[str, Any]],
    index: str,
) -> None:
    assert len(events) > 120
    enough_rules, enough_matches = PROFILES[profile.name]
    assert len(rules.rules) >= enough_rules
    values = [{path: tuple(texts) for path, texts in event.items()} for event in events]
    missed, matches, hits = [], 0, 0
    for start in range(0, len(rules.rules), BATCH):
        batch = rules.rules[start : start + BATCH]
        lines = []
        for rule in batch:
            body = {"query": compile_query(rule).body, "size": len(events), "_source": False}
            lines += [json.dumps({"index": index}), json.dumps(body)]
        answer = elasticsearch.request("POST", "_msearch", "\n".join(lines) + "\n")
        for rule, result in zip(batch, answer["responses"], strict=True):
            assert result["status"] == 200, (rule.info.location, result)
            assert result["_shards"]["failed"] == 0, (rule.info.location, result)
            found = {int(hit["_id"]) for hit in result["hits"]["hits"]}
            gate, condition = prepare(rule.gate), prepare(rule.condition)
            wanted = {
                number for number, entry in enumerate(values) if gate(entry) and condition(entry)
            }
            matches, hits = matches + len(wanted), hits + len(found)
            missed += [(str(rule.info.location), number) for number in wanted - found]
    assert not missed
    assert matches >= enough_matches
    # Mostly what is found is meant: deciding again is no search through everything.
    assert hits < 0.05 * len(rules.rules) * len(events)
