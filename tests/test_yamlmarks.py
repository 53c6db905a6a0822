"""YAML with places: what is refused, where, and that bounds hold."""

import time

import pytest

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.yamlmarks import MAX_FILE_BYTES, parse_yaml


def read(content: bytes) -> tuple[list[object], list[str]]:
    diagnostics = Diagnostics()
    documents = parse_yaml("a.yml", content, diagnostics)
    return (
        [document.value for document in documents],
        [f"{finding.location} {finding.code}" for finding in diagnostics],
    )


ALIAS_BOMB = b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (level, level, b", ".join([b"*a%d" % (level - 1)] * 10))
    for level in range(1, 12)
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: 1\nb: 2\na: 3\n", "a.yml:3:1 S2H103"),
        (b"a: {b: 1, b: 2}\n", "a.yml:1:11 S2H103"),
        (b"a: [1\nb: 2", "a.yml:2:2 S2H102"),
        (b"a: 'x\n", "a.yml:2:1 S2H102"),
        (b"\tb: 1\n", "a.yml:1:1 S2H102"),
        (b"a: \xff\n", "a.yml:1:4 S2H106"),
        (b"\x7fELF\x00\x01", "a.yml:1:1 S2H102"),
        (b"a: 1\nb: \x01", "a.yml:2:4 S2H102"),
        (b"a: !!int x", "a.yml:1:4 S2H102"),
        (b"a: !!python/object/apply:os.system [x]", "a.yml:1:4 S2H107"),
        (b"? [a]\n: 1", "a.yml:1:3 S2H107"),
        (b"a: !vault x", "a.yml:1:4 S2H107"),
        (b"a: !!set {b}", "a.yml:1:4 S2H107"),
        (b"a: &x {b: 1}\nc:\n  <<: *x\n", "a.yml:3:3 S2H107"),
        (b"a: " + b"9" * 5_000, "a.yml:1:4 S2H102"),
        (b"a: &x [*x]", "a.yml:1:4 S2H105"),
        (b"[" * 100_000, "a.yml:1:1001 S2H105"),
        (b"[" * 500 + b"]" * 500, "a.yml:1:62 S2H105"),
        (b"a: b\n" * MAX_FILE_BYTES, "a.yml S2H104"),
    ],
)
def test_what_is_refused_has_its_place(content: bytes, expected: str) -> None:
    values, found = read(content)
    assert values == []
    assert found == [expected]


def test_an_alias_bomb_is_refused_before_it_unfolds() -> None:
    values, found = read(ALIAS_BOMB)
    assert values == []
    assert [entry.split()[1] for entry in found] == ["S2H105"]


def test_aliases_within_the_bound_are_values() -> None:
    assert read(b"a: &a [x]\nb: *a\n") == ([{"a": ["x"], "b": ["x"]}], [])


def test_keys_are_the_text_that_stands_there() -> None:
    # YAML 1.1 reads false, 404, null and 8.
    assert read(b"no: a\n404: b\n~: c\n010: d\n") == (
        [{"no": "a", "404": "b", "~": "c", "010": "d"}],
        [],
    )


def test_a_long_number_is_told_in_plain_words() -> None:
    diagnostics = Diagnostics()
    parse_yaml("a.yml", b"a: " + b"9" * 5_000, diagnostics)
    assert [finding.message for finding in diagnostics] == [
        "the number has 5,000 characters; the limit is 400"
    ]


def test_dates_stay_the_text_that_was_written() -> None:
    assert read(b"date: 2026-11-24\n") == ([{"date": "2026-11-24"}], [])


def test_a_syntax_error_keeps_the_documents_before_it() -> None:
    values, found = read(b"a: 1\n---\nb: }\n")
    assert values == [{"a": 1}]
    assert found == ["a.yml:3:4 S2H102"]


def test_a_byte_order_mark_and_empty_documents_pass() -> None:
    assert read("\ufeffa: ä\n---\n---\nb: 2\n".encode()) == ([{"a": "ä"}, {"b": 2}], [])


def test_places_of_keys_items_and_values() -> None:
    (document,) = parse_yaml("a.yml", b"a:\n  - x\n  - b: yes\nc:   d\n", Diagnostics())
    places = [document.at(), document.at("a", 1, "b"), document.at("c"), document.value_at("c")]
    assert [f"{place.line}:{place.column}" for place in places] == ["1:1", "3:5", "4:1", "4:6"]
    assert document.at("a", 1, "missing") == document.at("a", 1)


def test_the_places_of_all_that_is_below_are_those_of_each() -> None:
    text = b"a:\n  b: [x, {c: d}]\n  1: &e {f: g}\nh: [*e]\n"
    (document,) = parse_yaml("a.yml", text, Diagnostics())
    below = document.places_below("a")
    assert set(below) == {(), ("b",), ("b", 0), ("b", 1), ("b", 1, "c"), ("1",), ("1", "f")}
    assert all(place == document.at("a", *keys) for keys, place in below.items())
    assert document.places_below("nope") == {}


def test_the_places_of_a_large_document_take_no_time() -> None:
    (document,) = parse_yaml(
        "a.yml", b"".join(b"k%d: 1\n" % n for n in range(20_000)), Diagnostics()
    )
    start = time.monotonic()
    assert len(document.places_below()) == 20_001
    assert time.monotonic() - start < 5
