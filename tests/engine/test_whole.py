"""Keywords over every field: whole documents are searched first, and nothing is missed by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.diagnostics import Location
from sigma2hive.engine import Columns, Engine, prepare
from sigma2hive.engine.whole import WholeSearch
from sigma2hive.model.bitmaps import rows_of
from sigma2hive.model.conditions import And, Atom, Or, Origin, Text, Wildcard
from sigma2hive.model.fields import EVERY_FIELD, Field
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import CompiledRule, RuleInfo
from sigma2hive.model.values import flatten
from sigma2hive.sources import EventRows, SourceOptions, read_batches
from tests.engine.lines import columns_of_lines

LOCATION = Location("rule.yml", 1, 1)
EVERY = (Field(EVERY_FIELD),)

#: What may stand otherwise in JSON, or fold to another letter.
_PIECES = ["mimi", "KATZ", "a", "\\", '"', "\n", "/", "é", "É", "ſ", "\u212a", "1e5", "true", " "]
_TEXTS = st.lists(st.sampled_from(_PIECES), max_size=4).map("".join)
_VALUES = st.recursive(
    st.one_of(_TEXTS, st.booleans(), st.none(), st.integers(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner)),
    max_leaves=5,
)
_DOCUMENTS = st.lists(
    st.dictionaries(st.sampled_from(["kind", "a", "b.c", "mimikatz"]), _VALUES), max_size=6
)
_KEYWORDS = st.lists(_TEXTS.filter(bool), min_size=1, max_size=3)


def atom(pattern: Text, fields: tuple[Field, ...] = EVERY) -> Atom:
    return Atom(None, pattern, Origin("keywords", "", "", LOCATION), fields)


def keyword_rule(patterns: list[Text], gate: And | Atom) -> CompiledRule:
    condition = Or(tuple(map(atom, patterns)))
    info = RuleInfo("6f0f4cfe-4a43-4b4d-a5c5-3c6fb1c3a1d0", "Keywords", LOCATION)
    return CompiledRule(
        info, Logsource("windows"), "world", ("a",), gate, condition, "", unfiltered=condition
    )


@given(_DOCUMENTS, _KEYWORDS, st.sampled_from(list("^$*")))
def test_a_keyword_is_found_in_any_field(
    documents: list[dict[str, Any]], keywords: list[str], form: str
) -> None:
    gates = (And(()), atom(Text(("mimi",)), (Field("kind"),)))
    rules = [keyword_rule([_pattern(text, form) for text in keywords], gate) for gate in gates]
    lines = list(map(_written, documents))
    each = [Columns(documents)]
    if documents and b"Infinity" not in b"".join(lines):
        each.append(columns_of_lines(lines))
    for columns in each:
        found = {hits.rule: list(rows_of(hits.rows)) for hits in Engine(rules).hits_in(columns)}
        for number, rule in enumerate(rules):
            is_from_here, is_met = prepare(rule.gate), prepare(rule.condition)
            values = list(map(flatten, documents))
            wanted = [row for row, one in enumerate(values) if is_from_here(one) and is_met(one)]
            assert found.get(number, []) == wanted


def _written(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _pattern(text: str, form: str) -> Text:
    start = () if form == "^" else (Wildcard.ANY,)
    end = () if form == "$" else (Wildcard.ANY,)
    return Text((*start, text, *end))


@pytest.mark.parametrize(
    "value",
    [
        "Invoke-MIMIKATZ",
        'say "mimikatz"',
        "C:\\tools\\mimikatz",
        "\ud800 mimikatz",  # no UTF-8
        ["x", {"deep": ["mimikatz"]}],
        "x" * 100_000 + "mimikatz",
    ],
)
def test_it_is_found_whatever_stands_around_it(value: Any) -> None:
    documents = [{"a": "nothing"}, {"a": value, "n": 2**70}, {"mimikatz": "a name only"}]
    rule = keyword_rule([_pattern("mimikatz", "*")], And(()))
    (hits,) = Engine([rule]).hits_in(Columns(documents))
    assert list(rows_of(hits.rows)) == [1]


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":"mimikatz"}',
        b'{"a":"MIMIKATZ"}\n',
        rb'{"a":"\u006dimikatz"}',
        rb'{"n":' + b"9" * 390 + rb',"a":"\u006dimikatz"}',
        rb'{"a":"c:\\Users\\u00\\mimikatz"}',
        b'{"a": {"b": ["x", "mimikatz"]}, "n": 1e400}',
        b'{"a":"' + b"x" * 2_000_000 + b'mimikatz"}',
        b'{"a":"' + rb"\u0027" * 400_000 + rb'm\u0069mikatz"}',
    ],
)
def test_it_is_found_in_the_line_that_a_document_is(line: bytes) -> None:
    lines = [b'{"a":"nothing"}', line, b'{"mimikatz":"a name only"}', b'{"a":"nothing"}']
    rule = keyword_rule([_pattern("mimikatz", "*")], And(()))
    columns = Columns(list(map(json.loads, lines)), None, lines.__getitem__)
    (hits,) = Engine([rule]).hits_in(columns)
    assert list(rows_of(hits.rows)) == [1]
    # The same as lines of a file, whatever of them is asked for.
    columns = columns_of_lines(line.strip() for line in lines)
    search = WholeSearch([b"mimikatz"])
    assert {1} <= set(search.rows_in(columns, 0b1111)) <= {1, 2}
    assert search.rows_in(columns, 0b1001) == []
    (hits,) = Engine([rule]).hits_in(columns)
    assert list(rows_of(hits.rows)) == [1]


def test_a_slash_is_found_however_json_writes_it() -> None:
    lines = [b'{"a":"a/b"}', rb'{"a":"A\/B"}', rb'{"a":"a\\/b"}', rb'{"a":"a/\/b"}']
    rule = keyword_rule([_pattern("a/b", "*")], And(()))
    columns = Columns(list(map(json.loads, lines)), None, lines.__getitem__)
    (hits,) = Engine([rule]).hits_in(columns)
    assert list(rows_of(hits.rows)) == [0, 1]


def test_what_a_raw_windows_event_becomes_is_searched_not_its_line() -> None:
    line = b'{"Event":{"System":{"EventID":1},"EventData":{"A":"mimi"}}}'
    rule = keyword_rule([_pattern("mimikatz", "*")], And(()))
    documents = [{"EventID": 1, "A": "mimi", "B": "mimikatz"}]
    (hits,) = Engine([rule]).hits_in(Columns(documents, None, [line].__getitem__))
    assert list(rows_of(hits.rows)) == [0]


@pytest.mark.parametrize(
    ("flavour", "keyword", "rows"),
    [
        ("flat", "{365abb72-7acc-5cc4-0000-0010b2470300}", [1]),
        ("flat", "bb72-7acc-5cc4-0000-0010b2470300} ", []),
        ("flat", "explorer.exe", [1]),
        ("flat", "eventdata", []),
        ("flat", "{ab", [2]),
        ("winlogbeat", "{365abb72-7acc-5cc4-0000-0010b2470300}", [1]),
        ("winlogbeat", "process creation", [0, 1, 2]),
    ],
)
def test_what_is_read_of_raw_windows_events_is_found_in_them(
    flavour: str, keyword: str, rows: list[int], tmp_path: Path
) -> None:
    # Windows writes a GUID with braces, readers of its logs without.
    guid = "365ABB72-7ACC-5CC4-0000-0010B2470300"
    values = [{"A": "x"}, {"ProcessGuid": guid, "Image": "c:\\Explorer.EXE"}, {"A": "{AB"}]
    lines = [raw_windows_event(number, each) for number, each in enumerate(values, 1)]
    (tmp_path / "raw.ndjson").write_bytes(b"".join(lines))
    (batch,) = read_batches([tmp_path], SourceOptions(flavour=flavour))
    assert isinstance(batch, EventRows)
    rule = keyword_rule([_pattern(keyword, "*")], And(()))
    hits = Engine([rule]).hits_in(
        Columns(batch.documents, batch.values_of, batch.raw_of, batch.scanned)
    )
    assert [row for each in hits for row in rows_of(each.rows)] == rows


def raw_windows_event(number: int, values: dict[str, str]) -> bytes:
    system = {
        "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
        "EventID": 1,
        "TimeCreated": {"#attributes": {"SystemTime": "2026-11-24T09:00:00.123456Z"}},
        "EventRecordID": number,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Computer": "dc01",
    }
    record = {"Event": {"System": system, "EventData": values}}
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"
