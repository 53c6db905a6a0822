"""Hits of an answer are scanned as lines are, and all else of it is as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sigma2hive.clients.elasticsearch.exact_json import WithHits, read_quick
from sigma2hive.engine.columns import Columns
from sigma2hive.model.values import flatten
from sigma2hive.native import LineKind, ScannedLines, answer_scanner
from sigma2hive.sources import Limits
from sigma2hive.sources.parsing import parse_object
from tests.sources.reading import TIME
from tests.sources.test_lines import STAMP, _objects

SCANNER = answer_scanner("@timestamp")
if SCANNER is None:
    pytest.skip("the native library was not built here", allow_module_level=True)

PLAIN, CAREFUL = LineKind.PLAIN, LineKind.CAREFUL


def hit(source: str, more: str = "") -> str:
    return f'{{"_index":"logs","_id":"1"{more},"_source":{source},"sort":[7]}}'


def answer(*hits: str, around: str = "") -> bytes:
    listed = ",".join(hits)
    text = f'{{"pit_id":"x=","took":1{around},"hits":{{"max_score":null,"hits":[{listed}]}}}}'
    return text.encode()


@given(st.lists(_objects(), max_size=4), st.booleans())
@example(['{"":[{"":""}]}'], False)
@settings(max_examples=200, deadline=None)
def test_documents_of_hits_are_read_as_lines_are(objects: list[str], is_spaced: bool) -> None:
    sources = [f"{{{STAMP}{',' if one != '{}' else ''}{one[1:]}" for one in objects]
    hits = [hit(source) for source in sources]
    text = answer(*([f" {one}\t" for one in hits] if is_spaced else hits))
    assert SCANNER is not None
    found = SCANNER.scan_answer(text)
    assert found is not None
    assert json.loads(found.envelope) == {**json.loads(answer()), "took": 1}
    assert [found.hits.line(n) for n in range(len(found.hits))] == [one.encode() for one in hits]
    for number, kind in enumerate(found.hits.kinds):
        if kind == PLAIN:
            lines = ScannedLines(found.hits)
            lines.put(range(number, number + 1), 0)
            expected = flatten(parse_object(sources[number].encode(), Limits()))
            columns = Columns([{}], lambda row, values=expected: values, None, [lines])
            # What stands in a list is below the path of the list.
            for path in {*found.hits.paths.written_out(), *expected}:
                assert columns.by_row(path, 1).get(0, ()) == expected.get(path, ())


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (hit(f"{{{STAMP}}}"), PLAIN),
        (hit(f'{{{STAMP},"fields":1,"hits":{{"hits":[1]}}}}'), PLAIN),
        (hit(f"{{{STAMP}}}", ',"_seq_no":5,"_score":null'), PLAIN),
        (hit(f"{{{STAMP}}}", ',"fields":{"a":[1]}'), CAREFUL),
        (hit('{"a":1}'), CAREFUL),
        (hit('{"@timestamp":1795510800123}'), CAREFUL),
        (hit(f"[{{{STAMP}}}]"), CAREFUL),
        (hit(f'{{{STAMP},"a":1,"a":2}}'), CAREFUL),
        (hit(f'{{{STAMP},"a":"\\ud800 ]}}"}}'), CAREFUL),
        ('{"_index":"logs","_id":"1"}', CAREFUL),
        (f'{{{STAMP},"_id":"1"}}', CAREFUL),
    ],
)
def test_a_hit_is_plain_where_its_document_surely_is_an_event(one: str, kind: LineKind) -> None:
    usual = hit(f'{{{STAMP},"n":1}}')
    value = read_quick(answer(usual, one, usual))
    assert isinstance(value, WithHits)
    assert value.scanned is not None
    assert list(value.scanned.kinds) == [PLAIN, kind, PLAIN]
    assert value.scanned.line(1) == one.encode()
    assert value["hits"]["hits"] == []


@pytest.mark.parametrize(
    "text",
    [
        b'{"hits":{"total":1}}',
        b'{"error":{"hits":[1]},"status":400}',
        b'{"hits":[]}',
        b'{"hits":{"hits":[]}} x',
        b'{"hits":{"hits":[1]}}',
        b'{"hits":{"hits":[{}}}',
        b'{"hits":{"hits":[{"_source":{}}',
        b"[]",
        b"",
    ],
)
def test_what_is_no_answer_with_hits_is_left_to_the_careful_reader(text: bytes) -> None:
    assert SCANNER is not None
    assert SCANNER.scan_answer(text) is None


def test_an_answer_without_hits_has_none() -> None:
    assert SCANNER is not None
    found = SCANNER.scan_answer(answer())
    assert found is not None
    assert len(found.hits) == 0
    assert json.loads(found.envelope) == json.loads(answer())


def test_a_hit_that_is_no_json_is_told_when_the_answer_is_read() -> None:
    broken = f'{{"_id":"1","_source":{{{STAMP},"a":tru}}}}'
    with pytest.raises(ValueError, match="Expecting value"):
        read_quick(answer(broken))


def test_the_time_in_the_tests_is_one_that_is_usual() -> None:
    value: Any = json.loads(f"{{{STAMP}}}")
    assert value == {"@timestamp": TIME}
