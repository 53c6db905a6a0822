"""Every Windows rule of SigmaHQ against every regression event, in a real Elasticsearch.

The documents lie in an index with the types that the profile says, as Winlogbeat or the Elastic
Agent would have made it. What searching and deciding finds is what the reference evaluator finds on
the same documents, event by event; and every rule finds its own attack, in any letter case.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.compiler import Compiled, compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.events import Event
from sigma2hive.model.fields import FieldType
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.values import flatten
from sigma2hive.repository import load_repository
from sigma2hive.runner.matching import Candidate, Matcher
from sigma2hive.runner.querying import Search, Window
from sigma2hive.schema import load_profile
from sigma2hive.settings import ElasticsearchSettings
from sigma2hive.sources.elasticsearch import read_hit
from sigma2hive.sources.windows import normalise_windows
from tests.bench.cluster import Cluster

ALWAYS = Window(0, 4_000_000_000 * 1_000_000_000)
#: The bench's Elasticsearch lacks these types; a keyword is searched the same way.
_AS_KEYWORD = {FieldType.WILDCARD, FieldType.CONSTANT_KEYWORD, FieldType.OTHER, FieldType.OBJECT}
_TYPES = {FieldType.MATCH_ONLY_TEXT: "text"}


def index_mapping(profile: Profile, documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The mapping of an index that holds these documents, with the types that the profile says."""
    place = profile.place(Logsource(product="windows", category="process_creation"))
    assert place is not None
    properties: dict[str, Any] = {}
    for path in sorted({path for document in documents for path in flatten(document)}):
        field = place.field(path)
        kind = "keyword" if field.type in _AS_KEYWORD else _TYPES.get(field.type, field.type.value)
        mapping: dict[str, Any] = {"type": kind}
        if kind == "keyword" and field.ignore_above:
            mapping["ignore_above"] = field.ignore_above
        for subfield, parameters in (
            (field.caseless, {"type": "keyword", "normalizer": "lowercase", "ignore_above": 1024}),
            (field.keyword, {"type": "keyword", "ignore_above": 1024}),
        ):
            if subfield and subfield != path:
                name = subfield.removeprefix(f"{path}.")
                mapping.setdefault("fields", {})[name] = parameters
        properties[path] = mapping
    return {"properties": properties}


def _swapped(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            name: child if name in ("TimeCreated", "UtcTime") else _swapped(child, name)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [_swapped(child) for child in value]
    return value.swapcase() if isinstance(value, str) else value


@pytest.fixture(scope="module", params=["winlogbeat", "elastic-agent"])
def profile(request: pytest.FixtureRequest) -> Profile:
    """A shipped profile."""
    loaded = load_profile(request.param, None, Diagnostics())
    assert loaded is not None
    return loaded


@pytest.fixture(scope="module")
def compiled(shared: Path, profile: Profile) -> Compiled:
    """All Windows rules of SigmaHQ."""
    diagnostics = Diagnostics()
    repository = load_repository([shared / "data" / "sigmahq"], shared, {}, diagnostics)
    made = compile_all(repository, profile, diagnostics)
    rules = tuple(rule for rule in made.rules if rule.logsource.product == "windows")
    assert len(rules) > 2_800
    return Compiled(rules)


def _records(shared: Path) -> Iterator[tuple[str, Any]]:
    """(rule id, raw event) of every regression case."""
    folder = shared / "data" / "regression"
    for case in json.loads((folder / "index.json").read_text()):
        for line in (folder / f"{case['rule_id']}.ndjson").read_text("utf-8").splitlines():
            yield case["rule_id"], json.loads(line)


def _found(matcher: Matcher, given: Iterable[Event | Candidate]) -> set[tuple[str, str]]:
    """(rule id, document id) of every match."""
    return {
        (match.rule.id, match.events[0].key.parts[1])
        for entry in given
        for match in matcher.matches_of(entry)
    }


@pytest.mark.parametrize("is_swapped", [False, True], ids=["as-it-came", "case-changed"])
def test_searching_and_deciding_is_the_reference_evaluator(
    shared: Path, elasticsearch: Cluster, profile: Profile, compiled: Compiled, is_swapped: bool
) -> None:
    records = list(_records(shared))
    raw = [_swapped(record) if is_swapped else record for _, record in records]
    flavour = profile.windows_events.value
    documents = [normalise_windows(record, flavour) for record in raw]
    matcher = Matcher(compiled)
    events = [
        read_hit({"_index": "x", "_id": str(number), "_source": document})
        for number, document in enumerate(documents)
    ]
    expected = _found(matcher, [event for event in events if isinstance(event, Event)])
    assert len(events) == len(documents) == len([e for e in events if isinstance(e, Event)])

    with elasticsearch.indices() as indices:
        index = indices.create(index_mapping(profile, documents), documents)
        rules = tuple(replace(rule, indices=(index,)) for rule in compiled.rules)
        reader = elasticsearch.users.reader
        settings = ElasticsearchSettings(urls=(elasticsearch.url,), username=reader.name)
        secrets = {"SIGMA2HIVE_ELASTICSEARCH_PASSWORD": reader.password}
        with open_client(settings, secrets) as client:
            search = Search(client, rules, ALWAYS)
            candidates = [entry for entry in search if isinstance(entry, Candidate)]
    assert search.failures == {}
    found = _found(matcher, candidates)
    assert found == expected

    own = {(rule_id, str(number)) for number, (rule_id, _) in enumerate(records)}
    if not is_swapped:
        # Not every event of a case is an attack; each rule finds at least one of its own.
        assert {rule_id for rule_id, _ in own} <= {rule_id for rule_id, _ in found & own}
