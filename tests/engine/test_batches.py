"""The engine against the reference evaluator: the same rows, for any rule and any document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from sigma2hive.engine import Engine, prepare
from sigma2hive.engine.columns import Columns
from sigma2hive.model.bitmaps import mask_of, rows_of
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.values import Values, flatten
from tests.compiler.dsl_world import (
    compile_detection,
    detections,
    draw_documents,
    load_world,
    values_of,
)
from tests.engine.lines import columns_of_lines

DOCUMENTS = draw_documents(200, seed=20261128)
VALUES = [values_of(document) for document in DOCUMENTS]


@cache
def world() -> tuple[Profile, Path]:
    folder = Path(mkdtemp())
    return load_world(folder), folder


def compiled(detection: Mapping[str, Any], gated: bool = False) -> CompiledRule | None:
    return compile_detection(detection, *world(), gated)


def found(rules: Sequence[CompiledRule], columns: Columns) -> dict[int, list[int]]:
    return {hits.rule: list(rows_of(hits.rows)) for hits in Engine(rules).hits_in(columns)}


def expected(rule: CompiledRule, values: Sequence[Values]) -> list[int]:
    is_from_here, is_met = prepare(rule.gate), prepare(rule.condition)
    return [row for row, one in enumerate(values) if is_from_here(one) and is_met(one)]


@given(detections())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_engine_finds_what_the_reference_finds(detection: Mapping[str, Any]) -> None:
    for gated in (False, True):
        rule = compiled(detection, gated)
        if rule is None:
            return
        wanted = expected(rule, VALUES)
        assert found([rule], Columns(VALUES, VALUES.__getitem__)).get(0, []) == wanted
        for row, values in enumerate(VALUES[:20]):
            assert bool(found([rule], Columns([values], [values].__getitem__))) == (row in wanted)


def nested(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with objects where it has dotted keys."""
    made: dict[str, Any] = {}
    for path, value in document.items():
        *parents, leaf = path.split(".")
        here = made
        for parent in parents:
            here = here.setdefault(parent, {})
        here[leaf] = value
    return made


def written(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


@given(detections())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_documents_are_read_as_flattening_reads_them(detection: Mapping[str, Any]) -> None:
    rule = compiled(detection)
    if rule is None:
        return
    documents = [nested(document) for document in DOCUMENTS]
    wanted = expected(rule, [flatten(document) for document in documents])
    assert found([rule], Columns(documents)).get(0, []) == wanted
    assert found([rule], Columns(DOCUMENTS)).get(0, []) == wanted
    assert found([rule], columns_of_lines(map(written, documents))).get(0, []) == wanted
    for part in (slice(0, 20), slice(20, 200)):
        there = expected(rule, [flatten(document) for document in documents[part]])
        assert found([rule], columns_of_lines(map(written, DOCUMENTS[part]))).get(0, []) == there


def test_rules_together_find_what_each_finds_alone() -> None:
    texts = ["foo", "FOO", "windows", "cmd", "a", "é", "10.0", "46", "\\", " "]
    rules = [
        rule
        for text in texts
        for how in ("", "|contains", "|startswith", "|endswith", "|re")
        for gated in (False, True)
        if (
            rule := compiled(
                {
                    "a": {f"kw{how}": text.replace("\\", "\\\\"), "text|exists": True},
                    "b": {f"sub{how}": text.replace("\\", "\\\\")},
                    "condition": "a or b",
                },
                gated,
            )
        )
    ]
    assert len(rules) == 100
    together = found(rules, Columns(VALUES, VALUES.__getitem__))
    assert {
        position: rows for position, rule in enumerate(rules) if (rows := expected(rule, VALUES))
    } == together


@pytest.mark.parametrize("rows", [[], [0], [0, 7, 8, 63, 64, 65, 1000], list(range(300))])
def test_a_bitmap_has_the_rows_it_was_made_of(rows: list[int]) -> None:
    assert list(rows_of(mask_of(rows))) == rows


def test_all_below_an_object_is_found_by_whoever_asks_later() -> None:
    """Some documents were looked at before; others have the same fields further inside."""
    names = [f"n{number}" for number in range(30)]
    documents = [{f"data.{name}": "x" for name in names}, {"data": dict.fromkeys(names, "x")}]
    columns = Columns(documents)
    assert sum(len(piece.cells) for piece in columns.below("data.", 0b01)) == 30
    assert sum(len(piece.cells) for piece in columns.below("data.", 0b10)) == 30


def test_where_nothing_is_below_an_object_there_is_no_column() -> None:
    """Few lines have many fields: they are read one by one, instead of a column each."""
    names = [f"n{number}" for number in range(30)]
    columns = columns_of_lines([json.dumps(dict.fromkeys(names, "x")).encode()])
    assert columns.below("data.", columns.every) == []
    assert sum(len(piece.cells) for piece in columns.below("n", columns.every)) == 30


def test_what_is_written_flat_in_one_document_hides_nothing_of_another() -> None:
    columns = Columns([{"a.b.c": "flat"}, {"a": {"b": {"c": "nested"}}}, {"a": {"b.c": "both"}}])
    found = {cell for piece in columns.below("", columns.every) for cell in piece.cells}
    assert found == {"flat", "nested", "both"}


def test_batch_after_batch_finds_the_same_while_the_order_of_fields_changes() -> None:
    """What fields cost is learnt: 40 batches of 5 find what one of 200 does."""
    rules = [
        rule
        for detection in (
            {"a": {"kw|contains": "foo"}, "b": {"text|contains": "a"}, "condition": "a and not b"},
            {"a": {"kw": "foo"}, "b": {"sub|endswith": "s"}, "condition": "a or b"},
            {"a": {"text|contains": "windows", "kw|exists": True}, "condition": "a"},
            {"a": {"text|contains": "cmd"}, "condition": "not a"},
        )
        if (rule := compiled(detection, True))
    ]
    assert len(rules) == 4
    engine = Engine(rules)
    found: dict[int, list[int]] = {}
    for start in range(0, len(VALUES), 5):
        some = VALUES[start : start + 5]
        for hits in engine.hits_in(Columns(some, some.__getitem__)):
            found.setdefault(hits.rule, []).extend(start + row for row in rows_of(hits.rows))
    assert found == {
        position: rows for position, rule in enumerate(rules) if (rows := expected(rule, VALUES))
    }
    assert found


def test_much_of_what_is_searched_finds_the_same_as_little() -> None:
    """The search is made anew on the way, when so much came that another form of it pays."""
    rule = compiled({"a": {"kw|contains": ["needle", "pin"]}, "condition": "a"})
    assert rule is not None
    engine = Engine([rule])
    needles = ["needle", "NEEDLE", "none", "a pin", "p in"]
    found: list[str] = []
    for number in range(0, 1_000, 50):
        texts = [f"{needles[each % 5]} {each} {'x' * 40}" for each in range(number, number + 50)]
        some: list[Values] = [{"kw": (text,)} for text in texts]
        for hits in engine.hits_in(Columns(some, some.__getitem__)):
            found.extend(texts[row] for row in rows_of(hits.rows))
    assert len(found) == 600
    assert all(text.startswith(("needle", "NEEDLE", "a pin")) for text in found)


#: The large number was rounded by a fast reader, so all below its path is asked of the document
#: itself: of the dotted key, too, which is a source of its own.
TWICE = [
    {"a": {"b": 1.5e300, "c": "y"}, "a.b": "x"},
    {"a": [{"b": 1.5e300}, {"b": "y"}], "a.b": ["x", "x"]},
    {"a": "leaf", "a.b": "x"},
]


def test_a_value_that_a_column_gives_twice_counts_once() -> None:
    columns = Columns(TWICE)
    pieces = columns.of("a.b", columns.every)
    given_out = [
        (row, text)
        for piece in pieces
        for row, text in zip(piece.rows.numbers, piece.cells, strict=True)
    ]
    expected = [flatten(document)["a.b"] for document in TWICE]
    assert len(given_out) > sum(map(len, expected))
    # No value too many, and none missing: what is decided by rows is right.
    assert set(given_out) == {(row, text) for row, texts in enumerate(expected) for text in texts}
    # And what is put together of the values has each as often as the document.
    assert columns.by_row("a.b", columns.every) == dict(enumerate(expected))
