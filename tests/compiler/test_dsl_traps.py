"""Single traps, each a rule and a document that it means; some were found by chance.

The engine says yes to every pair; a query that says no would lose a match.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.compiler import compile_query
from sigma2hive.engine import holds
from tests.bench.cluster import Cluster
from tests.compiler.dsl_world import (
    MAPPING,
    SETTINGS,
    compile_detection,
    load_world,
    values_of,
)

PICTURES = "".join(map(chr, range(0x1F300, 0x1F300 + 150)))
#: What is asked → (selection, document as JSON). "not" at the start of a name negates.
TRAPS: dict[str, tuple[Any, str]] = {
    "a literal question mark is no wildcard": ({"kw": "a\\?b"}, '{"kw": "a?b"}'),
    "not a literal question mark": ({"kw": "a\\?b"}, '{"kw": "axb"}'),
    "a literal asterisk": ({"kw": "a\\*b"}, '{"kw": "A*B"}'),
    "a backslash at the end": ({"kw": "a\\"}, '{"kw": "a\\\\"}'),
    "an empty string": ({"kw": ""}, '{"kw": ""}'),
    "a newline under a wildcard": ({"kw|startswith": "a"}, '{"kw": "a\\nb"}'),
    "a second value": ({"kw": "b"}, '{"kw": ["a", "b"]}'),
    "not a null": ({"kw": None}, '{"kw": ["a"]}'),
    "an array of nothing is null": ({"kw": None}, '{"kw": []}'),
    "letters beyond ASCII": ({"kw|contains": "ПРИВЕТ"}, '{"kw": "да, привет"}'),
    "a final sigma": ({"kw": "ΑΣ"}, '{"kw": "ας"}'),
    "not the Kelvin sign, on a caseless subfield": ({"low": "k"}, '{"low": "\\u212a"}'),
    "not the Kelvin sign, in an expression": ({"kw|re|i": "^k$"}, '{"kw": "\\u212a"}'),
    "a character beyond the basic plane is one": ({"kw": "?"}, '{"kw": "\\ud83d\\ude00"}'),
    "a start of many characters beyond the basic plane": (
        {"kw|startswith": "\U0001f600" * 600},
        json.dumps({"kw": "\U0001f600" * 601}),
    ),
    "an expression of many such characters": (
        {"kw|re": "\U0001f600{600}x?" + "\U0001f601" * 600},
        json.dumps({"kw": "\U0001f600" * 600 + "\U0001f601" * 600}),
    ),
    "many words of such characters": (
        {"kw|contains": [char + PICTURES for char in "abcdef"]},
        json.dumps({"kw": f"c{PICTURES}"}),
    ),
    "half a character": ({"kw": "?z"}, '{"kw": "\\ud800z"}'),
    "a dot is no newline": ({"kw|re": "a.b"}, '{"kw": "a\\nb a b"}'),
    "not a dot for a newline": ({"kw|re": "a.b"}, '{"kw": "a\\nb"}'),
    "an end before the last newline": ({"kw|re": "b$"}, '{"kw": "ab\\n"}'),
    "an anchor in one of two branches": ({"kw|re": "(^|x)ab"}, '{"kw": "ab"}'),
    "a digit after a slash": ({"kw|re": "^[a-z0-9+/]{2}$"}, '{"kw": "a7"}'),
    "a look-ahead": ({"kw|re": "a(?=b)"}, '{"kw": "ab"}'),
    "not a look-ahead": ({"kw|re": "a(?!b)"}, '{"kw": "ab"}'),
    "a value that is too long": ({"short|endswith": "x"}, '{"short": "123456789x"}'),
    "a long value among others": ({"short": "1234567890"}, '{"short": ["a", "1234567890"]}'),
    "a too long value is there": ({"short|exists": True}, '{"short": "1234567890"}'),
    "a too long value in a subfield": ({"sub|contains": "x"}, '{"sub": "123456789x"}'),
    "a JSON float is a whole number": ({"kw": "4625"}, '{"kw": 4625.0}'),
    "a large float as Java writes it": ({"kw": "12345678"}, '{"kw": 1.2345678E7}'),
    "not the digits of a float": ({"kw|endswith": ".0"}, '{"kw": 4625.0}'),
    "a large float under a star": ({"kw|startswith": "123"}, '{"kw": 1.2345678E7}'),
    "the end of a large float": ({"kw|endswith": "678"}, '{"kw": 1.2345678E7}'),
    "a float under question marks": ({"kw": "????"}, '{"kw": 4625.0}'),
    "a large float, at least so long": ({"kw": "?????*"}, '{"kw": 1E7}'),
    "not so long as a float is spelt": ({"kw": "??????"}, '{"kw": 4625.0}'),
    "a float in an expression": ({"kw|re": "^4625$"}, '{"kw": 4625.0}'),
    "not the digits of a float, in an expression": ({"kw|re": "\\.0$"}, '{"kw": 4625.0}'),
    "a negative zero": ({"kw": "0"}, '{"kw": -0.0}'),
    "a number with zeros before it": ({"kw": 4625}, '{"kw": "04625"}'),
    "a number with an exponent": ({"kw": 4625}, '{"kw": "4.625e3"}'),
    "a number in hexadecimal": ({"long": 4625}, '{"long": "0x1211"}'),
    "not a fraction that the index cuts": ({"long": 4625}, '{"long": 4625.7}'),
    "a fraction above the bound": ({"long|gt": 4625}, '{"long": 4625.7}'),
    "a number beyond a long": ({"long|gt": 1}, '{"long": 18446744073709551616}'),
    "an empty string in a field of numbers": ({"long|exists": True}, '{"long": ""}'),
    "not an empty string, of a number": ({"long": ""}, '{"long": 1}'),
    "not a value, where it is an empty string": ({"long": 1}, '{"long": ""}'),
    "a number that is rounded": ({"half|gt": 2049.5}, '{"half": 2050.4}'),
    "a text in an address field": ({"ip": "-"}, '{"ip": "-"}'),
    "another spelling of an address": ({"ip": "FE80::0:1"}, '{"ip": "fe80:0::1"}'),
    "an address in another": ({"ip|cidr": "10.0.0.0/8"}, '{"ip": "::ffff:10.1.2.3"}'),
    "an address in text": ({"kw|cidr": "10.0.0.0/9"}, '{"kw": "::ffff:10.1.2.3"}'),
    "not an address outside": ({"kw|cidr": "10.0.0.0/9"}, '{"kw": "10.200.0.1"}'),
    "the start of an address": ({"ip|startswith": "10.1."}, '{"ip": "10.1.255.7"}'),
    "a word for true": ({"bool": True}, '{"bool": "TRUE"}'),
    "not false, where it is empty": ({"bool": "false"}, '{"bool": ""}'),
    "a date as it came": ({"date|endswith": "Z"}, '{"date": "2026-11-24T22:00:00Z"}'),
    "the hour of a date": ({"date|hour": 22}, '{"date": "2026-11-24T22:00:00Z"}'),
    "a word in text": ({"text|contains": "o b"}, '{"text": "foo bar"}'),
    "text of nothing but signs": ({"text": "--"}, '{"text": "--"}'),
    "a flattened value": ({"flat.x|endswith": "r"}, '{"flat": {"x": "bar"}}'),
    "a nested value": ({"nest.x": "bar"}, '{"nest": [{"x": "foo"}, {"x": "bar"}]}'),
    "not a nested value": ({"nest.x": "foo"}, '{"nest": [{"x": "bar"}]}'),
    "an alias": ({"alias": "A"}, '{"kw": "a"}'),
    "a word anywhere": (["bar"], '{"data": {"b": "foobar"}}'),
    "one of two candidates": ({"either|contains": "B"}, '{"text": "abc"}'),
    "the same in two fields": ({"kw|fieldref": "low"}, '{"kw": "A", "low": "a"}'),
    "a user with a domain": ({"who": "Dom\\User"}, '{"dom": "dom", "usr": "user"}'),
    "a user without domain": ({"who": "User"}, '{"usr": "user"}'),
    "a hash among others": ({"hashes|contains": "IMP=CD"}, '{"sha": "aa", "imp": "cd"}'),
    "a letter that grows in upper case": ({"hashes|contains": "IMP=SS"}, '{"imp": "ß"}'),
    "a value that was translated": ({"initiated": "true"}, '{"direction": "egress"}'),
    "not one that was not": ({"initiated": "true"}, '{"direction": "EGRESS"}'),
    "a process id in hexadecimal": ({"hexpid": "0x1A"}, '{"pid": 26}'),
    "zeros before a decimal": ({"hextext": "DWORD (0x001a)"}, '{"kind": "a", "pidtext": "026"}'),
    "a prefix on each value": ({"access": "%%44"}, '{"codes": ["26", "44"]}'),
    "the second part where the first has none": ({"leading": "x"}, '{"kind": "x"}'),
    "not the second part where the first has one": (
        {"leading": "x"},
        '{"codes": "y", "kind": "x"}',
    ),
    "a dropped value is no value": ({"three": "-"}, '{"kw": "x"}'),
}


@pytest.fixture(scope="module")
def index(elasticsearch: Cluster) -> Iterator[str]:
    with elasticsearch.indices() as indices:
        documents = [document for _, document in TRAPS.values()]
        yield indices.create(MAPPING, documents, settings=SETTINGS)


@pytest.mark.parametrize("name", TRAPS)
def test_the_trap_is_avoided(elasticsearch: Cluster, index: str, tmp_path: Path, name: str) -> None:
    selection, document = TRAPS[name]
    condition = "not a" if name.startswith("not ") else "a"
    rule = compile_detection(
        {"a": selection, "condition": condition}, load_world(tmp_path), tmp_path
    )
    assert rule is not None
    assert holds(rule.condition, values_of(json.loads(document)))
    answer = elasticsearch.request(
        "POST", f"{index}/_search", {"query": compile_query(rule).body, "size": len(TRAPS)}
    )
    assert str(list(TRAPS).index(name)) in {hit["_id"] for hit in answer["hits"]["hits"]}
