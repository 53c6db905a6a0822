"""SigmaHQ's Windows rules as Lucene text against every regression event, in Elasticsearch.

What a text finds is what the reference evaluator finds on the same documents, event by event, each
as it came and in another letter case; documents of which the index left out a value that the text
asks for are its stated margin.
"""

import json
from pathlib import Path

import pytest

from sigma2hive.compiler import TARGETS, Artefact, compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.engine import prepare
from sigma2hive.model.conditions import And
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.values import flatten
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile
from sigma2hive.sources.windows import normalise_windows
from tests.bench.cluster import Cluster
from tests.bench.corpus import case_changed, regression_cases
from tests.compiler.index_mapping import SETTINGS, mapping_of

#: Searches in one request.
BATCH = 100
#: Of the rules without a case, one in so many.
STEP = 8


@pytest.mark.parametrize("name", ["winlogbeat", "elastic-agent"])
def test_lucene_finds_what_the_reference_evaluator_finds(
    shared: Path, elasticsearch: Cluster, name: str
) -> None:
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    place = profile.place(Logsource("windows"))
    assert place is not None
    cases = list(regression_cases(shared))
    own = {case.rule_id for case in cases}
    records = [(case.rule_id, event) for case in cases for event in case.events]
    both = [event for _, event in records] + [case_changed(event) for _, event in records]
    documents = [normalise_windows(event, profile.windows_events.value) for event in both]
    values = [flatten(document) for document in documents]
    repository = load_repository([shared / "data" / "sigmahq"], shared, {}, Diagnostics())
    rules = [
        rule
        for number, rule in enumerate(compile_all(repository, profile, Diagnostics()).rules)
        if rule.logsource.product == "windows" and (rule.info.id in own or number % STEP == 0)
    ]
    emitted = [(rule, TARGETS["lucene"].emit(rule)) for rule in rules]
    written = [(rule, made) for rule, made in emitted if isinstance(made, Artefact)]
    assert len(written) > 0.85 * len(rules)
    differences, matches, found_own = [], 0, set()
    with elasticsearch.indices() as indices:
        index = indices.create(mapping_of(place.types), documents, settings=SETTINGS)
        everything = {"size": len(documents), "_source": False}
        hits = elasticsearch.request("POST", f"{index}/_search", everything)["hits"]["hits"]
        ignored = {int(hit["_id"]): set(hit.get("_ignored", ())) for hit in hits}
        for start in range(0, len(written), BATCH):
            batch = written[start : start + BATCH]
            lines = []
            for _, made in batch:
                query = {"query_string": {"query": json.loads(made.text)["query"]}}
                lines += [json.dumps({"index": index}), json.dumps({**everything, "query": query})]
            answer = elasticsearch.request("POST", "_msearch", "\n".join(lines) + "\n")
            for (rule, made), result in zip(batch, answer["responses"], strict=True):
                assert result["status"] == 200, (rule.info.location, result)
                found = {int(hit["_id"]) for hit in result["hits"]["hits"]}
                meets = prepare(And((rule.gate, rule.condition)))
                wanted = {number for number, entry in enumerate(values) if meets(entry)}
                unseen = set(json.loads(made.text)["unseen"])
                told = {number for number, paths in ignored.items() if not paths & unseen}
                if (found ^ wanted) & told:
                    differences.append((str(rule.info.location), sorted((found ^ wanted) & told)))
                matches += len(wanted & told)
                if rule.info.id in own and found:
                    found_own.add(rule.info.id)
    assert not differences, (len(differences), differences[:5])
    assert matches > 200
    said = own & {rule.info.id for rule, _ in written}
    assert len(said) > 0.85 * len(own)
    assert len(found_own) > 0.95 * len(said)
