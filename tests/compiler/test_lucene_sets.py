"""Sets of characters in Lucene's syntax, on a real Elasticsearch: each takes its own, no other."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from sigma2hive.compiler.regexes.charsets import CharSet, complement, union
from sigma2hive.compiler.regexes.lucene import render
from sigma2hive.compiler.regexes.trees import Chars
from tests.bench.cluster import Cluster

#: All of Latin-1, and the edges of what Unicode has beyond it.
CODES = [*range(256), 0x2013, 0x2015, 0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x10FFFF]
#: Searches in one request.
BATCH = 200


def _sets() -> list[CharSet]:
    """Ranges that begin and end with every sign of ASCII, then several at once, and the others."""
    ranges = [((low, low + more),) for low in range(1, 128) for more in (1, 2, 3, 20)]
    draw = random.Random(5)
    for _ in range(250):
        ends = [sorted(draw.choices(range(128), k=2)) for _ in range(draw.randint(1, 4))]
        ranges.append(union(*[((low, high),) for low, high in ends]))
    return [*ranges, *map(complement, ranges)]


@pytest.fixture(scope="module")
def index(elasticsearch: Cluster) -> Iterator[str]:
    mapping = {"properties": {"char": {"type": "keyword"}}}
    with elasticsearch.indices() as indices:
        yield indices.create(mapping, [{"char": chr(code)} for code in CODES])


def test_a_set_takes_its_own_characters_and_no_other(elasticsearch: Cluster, index: str) -> None:
    sets = _sets()
    patterns = [render(Chars(chars)) for chars in sets]
    found: list[set[int]] = []
    for start in range(0, len(patterns), BATCH):
        lines = []
        for pattern in patterns[start : start + BATCH]:
            query = {"regexp": {"char": {"value": pattern, "flags": "NONE"}}}
            body = {"query": query, "size": len(CODES), "_source": False}
            lines += [json.dumps({"index": index}), json.dumps(body)]
        answer = elasticsearch.request("POST", "_msearch", "\n".join(lines) + "\n")
        for result in answer["responses"]:
            found.append({CODES[int(hit["_id"])] for hit in result["hits"]["hits"]})
    wrong = {
        pattern: sorted(map(chr, taken ^ wanted))
        for pattern, taken, chars in zip(patterns, found, sets, strict=True)
        if taken != (wanted := {c for c in CODES if any(low <= c <= high for low, high in chars)})
    }
    assert wrong == {}
