"""What is sought in many values at once is what stands in each of them."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.engine.program import FieldTests
from sigma2hive.engine.scanned import ScannedPiece
from sigma2hive.engine.values import FieldMatcher
from sigma2hive.model.bitmaps import rows_of
from sigma2hive.model.conditions import Number, Regex, Text, Wildcard
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.folding import fold_encoded
from sigma2hive.native import TextSearch, text_search
from sigma2hive.native.searching import EDGE
from tests.native.test_memory import built_harness
from tests.native.test_scanning import scanned, with_time

#: Characters that make texts overlap, and that are folded in their own ways.
LETTERS = 'aAbB\\. "-/1\0\x1eÉéſK\u2013\ud800'
VALUES = st.text(st.sampled_from(LETTERS), max_size=12)
ANY = (Wildcard.ANY,)


def search_of(texts: Sequence[bytes]) -> TextSearch:
    search = text_search(texts)
    if search is None:
        pytest.skip("the native library was not built here")
    return search


def found_in(texts: Sequence[bytes], values: Sequence[str]) -> set[tuple[int, int]]:
    """Pairs of a value and a text in it, by their numbers."""
    joined = EDGE + EDGE.join(map(fold_encoded, values)) + EDGE
    found = search_of(texts).in_folded(joined if values else EDGE)
    pairs = list(zip(*found.pairs, strict=True))
    assert len(set(pairs)) == len(pairs)
    assert pairs == sorted(pairs, key=lambda pair: pair[0])
    return {(value, found.texts[place]) for value, place in pairs}


@given(
    st.lists(st.tuples(st.booleans(), VALUES, st.booleans()), max_size=12),
    st.lists(VALUES, max_size=9),
)
@settings(max_examples=500, deadline=None)
def test_each_text_is_found_where_it_stands(
    parts: Sequence[tuple[bool, str, bool]], values: Sequence[str]
) -> None:
    texts = [EDGE * begins + fold_encoded(part) + EDGE * ends for begins, part, ends in parts]
    assert found_in(texts, values) == {
        (number, text)
        for number, value in enumerate(values)
        for text, sought in enumerate(texts)
        if sought in EDGE + fold_encoded(value) + EDGE
    }


def test_many_texts_are_each_found() -> None:
    """More of them than there are hashes of their signs."""
    chance = random.Random(1)
    texts = ["".join(chance.choices("abcxyz\\-. ", k=chance.randrange(3, 9))) for _ in range(9_000)]
    encoded = [text.encode() for text in dict.fromkeys(texts)]
    values = ["".join(chance.choices("abcxyz\\-. ", k=40)) for _ in range(300)]
    expected = {
        (number, text)
        for number, value in enumerate(values)
        for text, sought in enumerate(encoded)
        if sought in EDGE + value.encode() + EDGE
    }
    assert len(expected) > 2_000
    assert found_in(encoded, values) == expected


TESTS = [
    Text(("a\\b",)),
    Text(("",)),
    Text((*ANY, "aab", *ANY)),
    Text((*ANY, "\\b.")),
    Text(("-a ", *ANY)),
    Text((*ANY, "1-1", *ANY, "aa")),
    Text((*ANY, "aBa", *ANY), cased=True),
    Text(("é",)),
    Text((*ANY, "\u2013", *ANY)),
    Text((*ANY, "éé", *ANY, "b")),
    Regex("aab.?b"),
]
FIELD = Field("x", FieldType.KEYWORD)


def numbered(field: Field, tests: Sequence[Text | Regex | Number]) -> FieldTests:
    made = FieldTests(field)
    for number, test in enumerate(tests):
        assert made.add(number, test)
    return made


def met_in_lines(tests: FieldTests, values: Sequence[str]) -> dict[int, set[int]] | None:
    lines = scanned([with_time('"x":' + json.dumps(v, ensure_ascii=False)) for v in values])
    lines.put(range(len(values)), 0)
    ((number, _),) = lines.scan.paths.of("x")
    column = ScannedPiece(lines.scan.column(number, lines.row_of)).as_scanned
    assert column is not None
    met = FieldMatcher(tests).met_in(column)
    return None if met is None else as_rows(met)


def as_rows(met: Mapping[int, int]) -> dict[int, set[int]]:
    return {number: set(rows_of(rows)) for number, rows in met.items() if rows}


@given(st.lists(VALUES.map(lambda text: text.replace("\ud800", "b")), min_size=1, max_size=30))
@settings(max_examples=500, deadline=None)
def test_a_column_meets_what_its_values_meet(values: Sequence[str]) -> None:
    tests = numbered(FIELD, TESTS)
    met = FieldMatcher(tests).met_by(set(values))
    expected: dict[int, set[int]] = {}
    for row, value in enumerate(values):
        for number in met.get(value, ()):
            expected.setdefault(number, set()).add(row)
    assert met_in_lines(tests, values) == expected


def test_numbers_are_looked_at_value_by_value() -> None:
    """They are equal in many spellings."""
    assert met_in_lines(numbered(FIELD, [*TESTS, Number(1)]), ["1"]) is None


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_harness("harness_search.c", tmp_path_factory)


@pytest.mark.parametrize("seed", range(5))
def test_searching_stays_within_texts_and_values(harness: Path, seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)

    def some(most: int) -> bytes:
        letters = chance.choice((b"ab.-AZ", b"ab\xc3\xa9.-"))
        return bytes(chance.choices(letters, k=chance.randrange(most)))

    texts = [EDGE[chance.randrange(2) :] + some(9) + EDGE[chance.randrange(2) :] for _ in range(99)]
    values = [b"", *(some(60) for _ in range(400)), b"", some(70_000)]
    joined = EDGE + EDGE.join(values) + EDGE
    path = tmp_path / "sought"
    for text in (joined, joined[:-1], EDGE, EDGE * 2, b"a", b""):
        path.write_bytes(b"\n".join([*filter(None, texts), b"", text]))
        told = subprocess.run([harness, path], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        if text == joined:
            count, folded, as_is = map(int, told.stdout.split())
            assert count == len(values)
            assert min(as_is, folded) > 500
