"""What the detection rules find on a real Elasticsearch is what the rules mean.

Kibana sends a rule's filter as it is, in a `bool` with a bound on time; so is it sent here. It has
to find exactly the events that the reference evaluator finds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.compiler import Artefact
from sigma2hive.compiler.kibana import KibanaTarget
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.engine import prepare
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import CompiledRule
from sigma2hive.sources import SourceOptions, read_events
from tests.bench.cluster import Cluster
from tests.compiler.index_mapping import SETTINGS, mapping_of
from tests.compiler.kibana.world import compiled_for, profile_named

Events = list[Mapping[str, tuple[str, ...]]]

#: Searches in one request.
BATCH = 150
#: Of SigmaHQ's rules without regression events, one in so many is taken.
STEP = 10
#: Profile → areas of our own rules that it has a place for, and how often they match at least.
AREAS = {
    "winlogbeat": (("windows",), 20),
    "elastic-agent": (("windows", "linux", "cloud", "network"), 40),
    "ecs": (("linux", "cloud", "network"), 20),
}


def events_of(paths: Sequence[Path], profile: Profile, root: Path) -> Events:
    options = SourceOptions(profile.windows_events.value if profile.windows_events else "", root)
    found = read_events(list(paths), options)
    return [event.values for event in found if not isinstance(event, Diagnostic)]


def differences(
    elasticsearch: Cluster, profile: Profile, rules: Sequence[CompiledRule], events: Events
) -> tuple[list[tuple[str, set[int], set[int]]], int]:
    """Return the rules that find other events than they mean, and how many events are found."""
    place = profile.place(Logsource("windows")) if profile.windows_events else None
    types = place.types if place else profile.types
    documents = [{path: list(texts) for path, texts in event.items()} for event in events]
    target, differing, matches = KibanaTarget(), [], 0
    made = [(rule, target.emit(rule)) for rule in rules]
    written = [
        (rule, json.loads(artefact.text)["filters"][0]["query"])
        for rule, artefact in made
        if isinstance(artefact, Artefact)
    ]
    with elasticsearch.indices() as indices:
        index = indices.create(mapping_of(types), documents, settings=SETTINGS)
        for start in range(0, len(written), BATCH):
            batch = written[start : start + BATCH]
            lines = [
                json.dumps(part)
                for _, query in batch
                for part in (
                    {"index": index},
                    {"query": {"bool": {"filter": [query]}}, "size": len(events), "_source": False},
                )
            ]
            answer = elasticsearch.request("POST", "_msearch", "\n".join(lines) + "\n")
            for (rule, _), result in zip(batch, answer["responses"], strict=True):
                assert result["status"] == 200, (rule.info.location, result)
                found = {int(hit["_id"]) for hit in result["hits"]["hits"]}
                gate, condition = prepare(rule.gate), prepare(rule.condition)
                wanted = {
                    number
                    for number, event in enumerate(events)
                    if gate(event) and condition(event)
                }
                matches += len(found)
                if found != wanted:
                    differing.append((str(rule.info.location), found - wanted, wanted - found))
    return differing, matches


@pytest.mark.parametrize("name", AREAS)
def test_our_own_rules_find_their_events(
    elasticsearch: Cluster, project_root: Path, name: str
) -> None:
    profile = profile_named(name)
    areas, least = AREAS[name]
    folders = [project_root / "sigma_rules" / area for area in areas]
    rules = compiled_for(folders, project_root, profile).rules
    events = events_of([project_root / "tests" / "content"], profile, project_root)
    differing, matches = differences(elasticsearch, profile, rules, events)
    assert differing == []
    assert matches >= least


@pytest.mark.parametrize("name", ["winlogbeat", "elastic-agent"])
def test_sigmahqs_rules_find_their_regression_events(
    elasticsearch: Cluster, shared: Path, name: str
) -> None:
    profile = profile_named(name)
    root = shared / "data"
    known = {path.stem for path in (root / "regression").rglob("*.ndjson")}
    rules = [
        rule
        for number, rule in enumerate(compiled_for([root / "sigmahq"], root, profile).rules)
        if rule.info.id in known or number % STEP == 0
    ]
    events = events_of([root / "regression"], profile, root)
    differing, matches = differences(elasticsearch, profile, rules, events)
    assert differing == []
    assert matches > 100


def test_a_rule_for_everything_is_said_too(elasticsearch: Cluster, tmp_path: Path) -> None:
    profile, rule = profile_named("ecs"), tmp_path / "rule.yml"
    rule.write_text(
        "title: x\nid: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d\nlogsource: {category: proxy}\n"
        "detection: {a: {c-uri: null}, condition: not a}\nlevel: low\n",
        encoding="utf-8",
    )
    rules: Any = compiled_for([rule], tmp_path, profile).rules
    events: Events = [{"url.original": ("x",), "event.category": ("web",)}, {"other": ("y",)}]
    differing, _ = differences(elasticsearch, profile, rules, events)
    assert len(rules) == 1 and differing == []
