"""Lucene's text against the reference evaluator, on a real Elasticsearch: no difference at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigma2hive.compiler.exact import Statement, say_rule
from sigma2hive.compiler.lucene.text import write_leaf, write_query
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
    load_world,
    values_of,
)
from tests.compiler.exact_world import draw_usual_documents

DOCUMENTS, SEED, RULES = 300, 7, 400


@dataclass(frozen=True, repr=False)
class World:
    cluster: Cluster
    index: str
    profile: Profile
    folder: Path
    documents: list[dict[str, Any]]
    values: list[Values]
    left_out: list[set[str]]
    seen: Counter[str]

    def __repr__(self) -> str:
        return "World"  # hypothesis prints it where a case fails

    def compare(self, detection: Mapping[str, Any], gated: bool = False) -> None:
        """Assert that text and reference evaluator find the same; a refusal is fine."""
        rule = compile_detection(detection, self.profile, self.folder, gated)
        if rule is None:
            return
        statement = say_rule(rule, "lucene", write_leaf)
        if not isinstance(statement, Statement):
            self.seen["refused"] += 1
            return
        query = write_query(statement)
        meets = prepare(And((rule.gate, rule.condition)))
        unseen = set(statement.unseen)
        told = [n for n, paths in enumerate(self.left_out) if not paths & unseen]
        wanted = {number for number in told if meets(self.values[number])}
        # Kibana's search bar sends the one, its detection rules the other.
        for analyses in (True, False):
            found = self.hits(query, analyses) & set(told)
            differing = sorted(found ^ wanted)
            assert not differing, (query, self.documents[differing[0]], differing[0] in wanted)
        self.seen.update(said=1, pairs=len(told), wanted=len(wanted))

    def hits(self, query: str, analyses_wildcards: bool) -> set[int]:
        """The numbers of the documents that a query string finds."""
        text = {"query": query, "analyze_wildcard": analyses_wildcards}
        body = {"query": {"query_string": text}, "size": len(self.documents), "_source": False}
        answer = self.cluster.request("POST", f"{self.index}/_search", body)
        assert answer["_shards"]["failed"] == 0
        return {int(hit["_id"]) for hit in answer["hits"]["hits"]}


@pytest.fixture(scope="module")
def world(elasticsearch: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    documents = draw_usual_documents(DOCUMENTS, SEED)
    with elasticsearch.indices() as indices:
        index = indices.create(MAPPING, documents, settings=SETTINGS)
        everything = {"size": DOCUMENTS, "_source": False}
        hits = elasticsearch.request("POST", f"{index}/_search", everything)["hits"]["hits"]
        ignored = {int(hit["_id"]): set(hit.get("_ignored", ())) for hit in hits}
        yield World(
            elasticsearch,
            index,
            load_world(folder),
            folder,
            documents,
            [values_of(document) for document in documents],
            [ignored[number] for number in range(DOCUMENTS)],
            Counter(),
        )


#: Of the world's fields, those that the target can mostly say.
FIELDS = (
    *("kw", "short", "low", "folded", "sub", "data.a", "kw", "low"),
    *("alias", "ip", "long", "bool", "kind", "numbers", "three", "data.b"),
    *("who", "initiated", "hexpid", "hextext", "access", "leading", "hashes"),
)


def _names_fields(detection: dict[str, Any]) -> bool:
    """Whether no selection is a list of keywords, which the world's analysed text refuses."""
    return not any(
        isinstance(part, list) and any(isinstance(entry, str) for entry in part)
        for part in detection.values()
    )


@settings(
    max_examples=RULES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(detection=detections(FIELDS).filter(_names_fields), gated=st.booleans())
def test_the_text_finds_exactly_what_the_rule_means(
    world: World, detection: dict[str, Any], gated: bool
) -> None:
    world.compare(detection, gated)


def test_enough_was_compared(world: World) -> None:
    print(dict(world.seen))
    assert world.seen["pairs"] >= 3_000
    assert world.seen["wanted"] > world.seen["pairs"] / 20
    assert world.seen["said"] > RULES / 4


HOSTILE = [
    *["", " ", "-", "AND", "or", "NOT x", "TO", "&&", "||", "!", "+a", "-a", "a b", "(a)"],
    *["a:b", "^2", "~", "a~1", "[1 TO 2]", "{x}", '"', '\\"', "/", "/a/", "a\\", "\\", "\\\\"],
    *["\\u0041", "@&#~<>", "<1-10>", "\n", "\t", "\u3000", "a\u3000b", "\u2028", "a/ OR kw:/a"],
    *["😀", "é", "Straße", "*:*", "_exists_:kw", "x" * 200, "k", "ſ", "a\\/", "`", "a/b\\"],
    *['"""', "''", "a\\//", "\\/"],
]


@pytest.fixture(scope="module")
def hostile(elasticsearch: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    texts = [f"{a}{value}{b}" for value in HOSTILE for a in ("", "x") for b in ("", "x")]
    texts += [value.swapcase() for value in HOSTILE]
    documents: list[dict[str, Any]] = [{"kw": text, "low": text} for text in texts]
    documents.append({})
    folder = tmp_path_factory.mktemp("hostile")
    with elasticsearch.indices() as indices:
        yield World(
            elasticsearch,
            indices.create(MAPPING, documents, settings=SETTINGS),
            load_world(folder),
            folder,
            documents,
            [values_of(document) for document in documents],
            [set() for _ in documents],
            Counter(),
        )


@pytest.mark.parametrize("condition", ["a", "not a"])
@pytest.mark.parametrize("how", ["", "|contains", "|startswith", "|endswith", "|cased", "|re"])
def test_reserved_characters_are_taken_as_they_are(
    hostile: World, how: str, condition: str
) -> None:
    hostile.seen.clear()
    for value in HOSTILE:
        text = value.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
        written = re.escape(value) if how == "|re" else text
        for field in ("kw", "low"):
            hostile.compare({"a": {f"{field}{how}": written}, "condition": condition})
    assert hostile.seen["said"] > 1.7 * len(HOSTILE)
