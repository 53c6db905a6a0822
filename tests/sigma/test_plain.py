"""Values that are read without pySigma mean what pySigma's modifiers make of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.conditions import Origin
from sigma2hive.sigma.modifiers import build_item
from sigma2hive.sigma.plain import plain_condition
from sigma2hive.sigma.problems import ValueProblem
from sigma2hive.sigma.tallies import Tally
from sigma2hive.yamlmarks import parse_yaml

ORIGIN = Origin("selection", "item", "value", Location("rule.yml", 1, 1))
PLACEHOLDERS = {"one": ("a",), "some": ("x*", "", r"\*y", "--z"), "many": tuple("abcdefghij")}
#: What this is for: the modifiers of nearly all rules.
OF_TEXTS = (
    *("contains", "startswith", "endswith", "all", "cased", "windash", "expand"),
    *("base64", "base64offset", "wide", "utf16le"),
)
MODIFIERS = (
    *OF_TEXTS,
    *("re", "i", "m", "s", "cidr", "exists", "fieldref"),
    *("lt", "lte", "gt", "gte", "neq", "nonsense"),
)
keys = st.builds(
    lambda field, names: "|".join((field, *names)),
    st.sampled_from(("Field", "")),
    st.lists(st.sampled_from(MODIFIERS), max_size=5),
)
texts = st.one_of(
    st.lists(
        st.sampled_from(
            (*"*?\\-/%^$.()[]|é ", "\\*", "\\\\", " -a", "cmd", "%one%", "%some%", "%many%")
        ),
        max_size=6,
    ).map("".join),
    st.sampled_from(("10.0.0.0/8", "::ffff:10.0.0.0/104", "10.0.0.1/8", "(?i)a", "(?u)é", "[[:w")),
    st.text(max_size=8),
)
expressions = st.lists(
    st.sampled_from(
        (
            *("(", ")", "(?", "?", "i", "u", ":", "=", "P<x>", "(?P=x)", "[", "]", "[:alpha:]"),
            *(
                r"\d",
                r"\w",
                r"\b",
                r"\1",
                r"\u00e9",
                "é",
                "ß",
                "a-z",
                "*",
                "{2}",
                "|",
                "^",
                "$",
                ".",
            ),
        )
    ),
    max_size=8,
).map("".join)
numbers = st.integers(-(2**60), 2**60) | st.sampled_from(
    (0, -1, 2**53, 2**53 + 1, 10**300, 1.5, 4.0)
)
values = texts | numbers | st.booleans() | st.none()

#: A condition, or what is wrong; and what the item comes to.
Read = tuple[Any, int, int]


def read_by(
    read: Any, key: str | None, given: Sequence[Any], placeholders: Mapping[str, tuple[str, ...]]
) -> Read:
    tally = Tally(placeholders)
    try:
        return (read(key, given, ORIGIN, tally), tally.written, tally.made)
    except ValueProblem as problem:
        return ((problem.code, str(problem), problem.hint), 0, 0)


def plain(
    key: str | None, given: Sequence[Any], placeholders: Mapping[str, tuple[str, ...]]
) -> Read | None:
    found = read_by(plain_condition, key, given, placeholders)
    return None if found[0] is None else found


@given(key=keys, given=st.lists(values, max_size=3))
def test_what_is_read_means_what_pysigma_makes_of_it(key: str, given: list[Any]) -> None:
    found = plain(key, given, PLACEHOLDERS)
    assert found is None or found == read_by(build_item, key, given, PLACEHOLDERS)


@given(
    names=st.lists(st.sampled_from(OF_TEXTS), max_size=4),
    given=st.lists(texts, min_size=1, max_size=3),
)
def test_modifiers_of_texts_mean_what_pysigmas_do(names: list[str], given: list[str]) -> None:
    key = "|".join(("Field", *names))
    found = plain(key, given, PLACEHOLDERS)
    assert found is None or found == read_by(build_item, key, given, PLACEHOLDERS)


@given(
    key=st.sampled_from(("A|re", "A|re|i", "A|re|m|s", "A|re|all")),
    given=st.lists(expressions, min_size=1, max_size=2),
)
def test_expressions_mean_what_pysigma_makes_of_them(key: str, given: list[str]) -> None:
    found = plain(key, given, PLACEHOLDERS)
    assert found is None or found == read_by(build_item, key, given, PLACEHOLDERS)


@given(key=keys, given=st.lists(values, max_size=3))
def test_what_is_left_to_pysigma_leaves_no_trace(key: str, given: list[Any]) -> None:
    tally = Tally(PLACEHOLDERS)
    try:
        left = plain_condition(key, given, ORIGIN, tally) is None
    except ValueProblem:
        left = False
    assert not left or (tally.written, tally.made) == (0, 0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("A", "text"),
        ("A", 4625),
        ("A", None),
        ("A", True),
        (None, "keyword"),
        ("A|contains|all|windash", " -a"),
        ("A|wide|base64offset|contains", "IEX"),
        ("A|base64|cased", "x"),
        ("A|contains|expand", "%some%-%many%"),
        ("A|re|i", r"^\d+x$"),
        ("A|cidr", "10.0.0.0/8"),
        ("A|exists", False),
        ("A|gte", 5),
        ("A|fieldref", "B"),
    ],
)
def test_what_rules_are_made_of_needs_no_pysigma(key: str | None, value: Any) -> None:
    assert plain(key, [value], PLACEHOLDERS) == read_by(build_item, key, [value], PLACEHOLDERS)


@pytest.mark.parametrize(
    ("key", "value", "placeholders"),
    [
        ("A|windash", " -a" * 5, {}),  # 5^5 values
        ("A|windash|base64offset", " -a" * 4, {}),  # 3 × 5^4
        ("A|expand", "%x%%x%%x%%x%", {"x": tuple("abcdefghij")}),  # 10^4
        ("A|contains|expand", "%x%", {"x": ("y" * 600_000, "z" * 600_000)}),
        ("A|wide|contains", "x" * 600_000, {}),
        ("A|wide|wide|wide|wide|wide", "x" * 40_000, {}),
        ("A|wide|wide|wide|wide", "x" * 70_000, {}),
        ("A|expand", "%nowhere%", {"somewhere": ("x",)}),
        ("A|base64offset", "x", {}),
        ("A|re", "(", {}),
        ("A|contains|re", "x", {}),
        ("A|cidr", "10.0.0.1/8", {}),
    ],
)
def test_what_is_refused_is_refused_as_ever(
    key: str, value: str, placeholders: dict[str, tuple[str, ...]]
) -> None:
    found = plain(key, [value], placeholders)
    wanted = read_by(build_item, key, [value], placeholders)
    assert wanted[0][0].startswith("S2H2")
    assert found is None or found == wanted


def test_the_limit_counts_over_the_values_of_an_item_as_ever() -> None:
    def outcome(read: Any) -> str:
        tally = Tally({})
        try:
            for _ in range(60):
                read("A|contains|windash", [" -a -b"], ORIGIN, tally)
        except ValueProblem as problem:
            return str(problem)
        return "taken"

    assert outcome(plain_condition) == outcome(build_item) != "taken"


def items_of(definition: Any) -> Iterator[tuple[str | None, list[Any]]]:
    """Items as they are read: value by value, all of them together with |all only."""
    if isinstance(definition, dict):
        for key, value in definition.items():
            entries = value if isinstance(value, list) else [value]
            yield from [(key, entries)] if "|all" in key else [(key, [entry]) for entry in entries]
    elif isinstance(definition, list):
        for entry in definition:
            yield from items_of(entry)
    else:
        yield None, [definition]


def test_all_values_of_sigmahq_mean_what_pysigma_makes_of_them(shared: Path) -> None:
    by_pysigma = read = 0
    for file in sorted((shared / "data" / "sigmahq").rglob("*.yml")):
        for document in parse_yaml(file.name, file.read_bytes(), Diagnostics()):
            for name, definition in document.value.get("detection", {}).items():
                for key, entries in items_of(definition) if name != "condition" else ():
                    found = plain(key, entries, PLACEHOLDERS)
                    read += 1
                    by_pysigma += found is None
                    wanted = read_by(build_item, key, entries, PLACEHOLDERS)
                    assert found is None or found == wanted, (file, key)
    assert read > 40_000
    assert by_pysigma == 0
