"""Every Windows rule of SigmaHQ against every regression event, in a real Elasticsearch.

The documents lie in an index with all fields and types that the profile says, as Winlogbeat or the
Elastic Agent would have made it, each as it came and in another letter case. Elasticsearch takes
every query, and what searching and deciding finds is what the reference evaluator finds on the same
documents, event by event. Rules for other products and the profile `ecs` are the business of
tests/compiler/test_dsl_sigmahq.py.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.events import Event
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import Compiled
from sigma2hive.repository import load_repository
from sigma2hive.runner.matching import Candidate, Matcher
from sigma2hive.runner.querying import Search, Window
from sigma2hive.schema import load_profile
from sigma2hive.settings import ElasticsearchSettings
from sigma2hive.sources import in_batches
from sigma2hive.sources.elasticsearch import read_hit
from sigma2hive.sources.windows import normalise_windows
from tests.bench.cluster import Cluster
from tests.bench.corpus import case_changed, regression_cases
from tests.compiler.index_mapping import SETTINGS, mapping_of

ALWAYS = Window(0, 4_000_000_000 * 1_000_000_000)


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


def _found(matcher: Matcher, given: Iterable[Event | Candidate]) -> set[tuple[str, str]]:
    """(rule id, document id) of every match."""
    return {
        (match.rule.id, match.events[0].key.parts[1])
        for entry in in_batches(given)
        for match in matcher.matches_of(entry)
    }


def test_searching_and_deciding_is_the_reference_evaluator(
    shared: Path, elasticsearch: Cluster, profile: Profile, compiled: Compiled
) -> None:
    records = [(case.rule_id, event) for case in regression_cases(shared) for event in case.events]
    assert len(records) > 120
    both = [event for _, event in records] + [case_changed(event) for _, event in records]
    documents = [normalise_windows(event, profile.windows_events.value) for event in both]
    matcher = Matcher(compiled)
    events = [
        event
        for number, document in enumerate(documents)
        if isinstance(
            event := read_hit({"_index": "x", "_id": str(number), "_source": document}), Event
        )
    ]
    assert len(events) == len(documents)
    expected = _found(matcher, events)

    place = profile.place(Logsource("windows"))
    assert place is not None
    with elasticsearch.indices() as indices:
        index = indices.create(mapping_of(place.types), documents, settings=SETTINGS)
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
    # Mostly what is found is meant: deciding again is no search through everything.
    assert len(candidates) < 0.05 * len(rules) * len(documents)

    # Not every event of a case is an attack; each rule finds at least one of its own.
    own = {(rule_id, str(number)) for number, (rule_id, _) in enumerate(records)}
    assert {rule_id for rule_id, _ in own} <= {rule_id for rule_id, _ in found & own}
