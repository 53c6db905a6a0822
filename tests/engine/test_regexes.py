"""Expressions: what Python's `re` says, in time that does not grow away with the value."""

from __future__ import annotations

import random
import re
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.engine.automata import Automaton, UnsupportedError
from sigma2hive.engine.predicates import predicate_of
from sigma2hive.engine.requirements import (
    beginning_of,
    may_be_in,
    parsed,
    regex_flags,
    requirements_of,
)
from sigma2hive.model.conditions import Regex
from sigma2hive.model.fields import FieldType
from sigma2hive.model.folding import fold

_CHARACTERS = [
    "a",
    "b",
    "A",
    ".",
    r"\w",
    r"\W",
    r"\s",
    r"\d",
    "[ab]",
    "[^a]",
    "[a-c]",
    "é",
    "k",
    "\n",
]
_ANCHORS = ["^", "$", r"\b", r"\B", r"\A", r"\Z"]
_ONES = st.sampled_from([*_CHARACTERS, *_CHARACTERS, *_ANCHORS])
_EXPRESSIONS = st.recursive(
    _ONES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "+?", "{0,1}"])).map(
            lambda parts: f"(?:{parts[0]}){parts[1]}"
        ),
        st.tuples(st.sampled_from(["i", "-i", "m", "-m", "s", "-s"]), inner).map(
            lambda parts: f"(?{parts[0]}:{parts[1]})"
        ),
    ),
    max_leaves=8,
)
_VALUES = st.lists(st.sampled_from(list("aabAB \n-é1Kk\u212a")), max_size=12).map("".join)


_TESTS = st.builds(
    Regex, _EXPRESSIONS, ignore_case=st.booleans(), multiline=st.booleans(), dotall=st.booleans()
)


@given(_TESTS, st.lists(_VALUES, min_size=1, max_size=5))
@settings(max_examples=1000, deadline=None)
def test_an_automaton_finds_what_python_finds(test: Regex, values: list[str]) -> None:
    pattern = test.pattern
    automaton = Automaton(parsed(test), regex_flags(test))
    expression = re.compile(pattern, regex_flags(test))
    for value in (*values, ""):
        assert automaton.is_in(value) == (expression.search(value) is not None), (pattern, value)


@given(_TESTS, st.lists(_VALUES, min_size=1, max_size=5))
@settings(max_examples=1000, deadline=None)
def test_what_an_expression_is_found_in_has_all_that_it_asks_for(
    test: Regex, values: list[str]
) -> None:
    requirements = requirements_of(test)
    for value in values:
        if re.search(test.pattern, value, regex_flags(test)):
            assert may_be_in(value, requirements), value


@given(_TESTS, st.lists(_VALUES, min_size=1, max_size=5))
@settings(max_examples=1000, deadline=None)
def test_what_is_found_begins_as_its_expression_does(test: Regex, values: list[str]) -> None:
    beginning = beginning_of(parsed(test))
    for value in values:
        for found in re.finditer(test.pattern, value, regex_flags(test)):
            assert fold(value[found.start() :]).startswith(beginning), value


@given(_TESTS, st.lists(_VALUES, min_size=1, max_size=5), st.integers(1, 30))
@settings(max_examples=500, deadline=None)
def test_a_value_of_any_length_is_decided_as_python_does(
    test: Regex, values: list[str], times: int
) -> None:
    is_met = predicate_of(test, FieldType.KEYWORD)
    for value in (*values, "".join(values * times)):
        assert is_met(value) == (re.search(test.pattern, value, regex_flags(test)) is not None)


@pytest.mark.parametrize("pattern", ["one.*two", "(?:one|uno).+two", "(?:one)+ t?.*two"])
def test_texts_of_an_expression_are_sought_in_their_order(pattern: str) -> None:
    is_met = predicate_of(Regex(pattern), FieldType.KEYWORD)
    assert not is_met("two" + "." * 300 + "one")
    assert is_met("two one two" + "." * 300 + "two")


@pytest.mark.parametrize(
    ("pattern", "value", "is_met"),
    [
        ("(a+)+$", "a" * 50_000 + "!", False),
        ("(a+)+$", "!" + "a" * 50_000, True),
        (r"(?:\w+\s*)*x", "word " * 10_000, False),
        ("(a|aa)*b", "a" * 50_000, False),
        (r"\w+`(?:\w+|-|.)`[\w+|\s]", "a" * 50_000 + "`", False),
        (".*a.*b.*c.*d", "abc" * 20_000, False),
        (".*a.*b.*c.*d", "abc" * 20_000 + "d", True),
        ("(?:x{1,50}){1,30}y", "x" * 50_000 + "z", False),
        ("(?:aa?){60}$", "a" * 119 + "!", False),
        ("(?:aa?){60}$", "a" * 119, True),
        ("a?" * 60 + "b", "a" * 60, False),
        ("(?:(?:(?:(?:aa?){3}){3}){3}){3}$", "a" * 160 + "!", False),
        ("(?:(?:(?:.*a){3}){3}){3}b", "b" + "a" * 500, False),
        ("(?:aa|a)" * 34 + "$", "a" * 68 + "!", False),
        ("(?:aa|a)" * 34 + "$", "a" * 68, True),
        (r"(?:\w|a|[ab])" * 40 + "$", "a" * 40 + "!", False),
        ("ab.*ab.*ab.*ab.*x", "ab" * 20_000, False),
        ("ab.*ab.*ab.*ab.*x", "ab" * 20_000 + "x", True),
        (
            "aa[ab]{9,60}[ab]{9,60}[ab]{9,60}[ab]{9,60}$",
            "ab" * 20_000 + "aa" + "a" * 300 + "!",
            False,
        ),
        ("(?i)" + "(?:xa|xA|x)" * 40 + "$", "xa" * 39 + "!", False),
        ("(?:(?:aa|a)(?:bb|b)){17}$", "aabb" * 17 + "!", False),
    ],
)
def test_an_expression_made_to_explode_is_decided(pattern: str, value: str, is_met: bool) -> None:
    """Tried one way after another, most of these would not end within years."""
    assert predicate_of(Regex(pattern), FieldType.KEYWORD)(value) == is_met


@pytest.mark.parametrize("length", [5, 50_000])
def test_a_flag_that_is_taken_back_is_so_in_values_of_any_length(length: int) -> None:
    test = Regex("^(?:x|y)*(?-i:admin)$", ignore_case=True)
    is_met = predicate_of(test, FieldType.KEYWORD)
    assert is_met("X" * length + "admin")
    assert not is_met("X" * length + "ADMIN")


def test_what_is_kept_of_an_automaton_is_bounded_however_many_states_it_has() -> None:
    test = Regex("(?:a|b)*a(?:a|b){600}c")
    automaton = Automaton(parsed(test), regex_flags(test))
    value = "".join(random.Random(1).choices("ab", k=2_500))
    tracemalloc.start()
    assert not automaton.is_in(value)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 16 * 1024 * 1024


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "(?>a+)b", "a++b", "(?<!a)b"])
def test_what_no_automaton_says_is_left_to_python(pattern: str) -> None:
    test = Regex(pattern)
    with pytest.raises(UnsupportedError):
        Automaton(parsed(test), regex_flags(test))
    for value in ("a" * 300 + "b", "aa", "b", "ab"):
        expected = re.search(pattern, value, re.ASCII) is not None
        assert predicate_of(test, FieldType.KEYWORD)(value) == expected
