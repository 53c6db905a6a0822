"""Values and modifiers: what is too much, what would be read otherwise than it is written."""

import re
import time

import pytest

from sigma2hive.diagnostics import Severity
from sigma2hive.model.conditions import atoms_of
from sigma2hive.model.rules import DetectionRule
from sigma2hive.sigma.expansions import MODIFIERS
from tests.sigma_texts import detection, met, parse

PLACEHOLDERS = {"letters": tuple("abcdefghij"), "users": tuple(f"u{n}" for n in range(3_000))}


def one_item(key: str, value: str) -> str:
    return detection(f"selection:\n    {key}: {value}\ncondition: selection")


def told(text: str, **placeholders: tuple[str, ...]) -> list[str]:
    """Findings as "severity code"."""
    _, diagnostics = parse(text, placeholders or PLACEHOLDERS)
    return [f"{finding.severity} {finding.code}" for finding in diagnostics]


def values_of(text: str) -> int:
    (rule,), diagnostics = parse(text, PLACEHOLDERS)
    assert isinstance(rule, DetectionRule)
    assert not list(diagnostics), [finding.message for finding in diagnostics]
    return len(list(atoms_of(rule.condition)))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("A|windash", "' -a -b -c -d -e'"),  # 5^5
        ("A|windash|contains|all", f"['x', ' {'-a ' * 60}']"),  # 5^60
        ("A|windash|base64offset", "' -a -b -c -d'"),  # 3 × 5^4
        ("A" + "|base64offset" * 12, "abc"),  # 3^12
        ("A" + "|wide" * 40, "abc"),  # 2^40 characters
        ("A|expand", "'%letters%%letters%%letters%%letters%'"),  # 10^4
        ("A|re|expand", "'%letters%%letters%%letters%%letters%'"),
        ("A|expand|base64offset|windash", "'%users%%users%'"),
    ],
)
def test_what_would_become_too_many_values_is_refused_before_it_does(key: str, value: str) -> None:
    before = time.monotonic()
    assert told(one_item(key, value)) == ["error S2H207"]
    # Made first and counted afterwards, some of these take minutes and gigabytes.
    assert time.monotonic() - before < 2


def test_the_limit_is_one_for_all_values_of_an_item() -> None:
    items = "".join(f"\n        - ' -a -b -c {number}'" for number in range(40))
    assert told(one_item("A|windash", items)) == ["error S2H207"]


def test_the_limit_is_also_one_for_the_whole_rule() -> None:
    item = "'" + " -a" * 4 + "'"
    items = "\n    ".join(f"F{number}|windash: {item}" for number in range(100))
    assert (
        told(detection(f"selection:\n    {items}\ncondition: selection")) == ["error S2H207"] * 20
    )


@pytest.mark.parametrize(
    ("key", "value", "count"),
    [
        ("A|windash", "' -a -b -c -d'", 625),
        ("A|windash|base64offset", "' -a -b -c'", 375),
        ("A|expand", "'%letters%-%letters%'", 100),
        ("A|expand", "'%users%'", 3_000),  # all of them are written somewhere
        ("A|contains", str([f"v{number}" for number in range(4_500)]), 4_500),
        ("A|windash|contains", str([f" -v{number}" for number in range(900)]), 4_500),
    ],
)
def test_what_is_within_the_limits_is_taken(key: str, value: str, count: int) -> None:
    assert values_of(one_item(key, value)) == count


def test_what_follows_expand_acts_on_the_values() -> None:
    text = "selection:\n    A|expand|base64: '%word%'\ncondition: selection"
    (rule,), _ = parse(detection(text), {"word": ("hello", "bye")})
    assert isinstance(rule, DetectionRule)
    literals = {atom.test.literal for atom in atoms_of(rule.condition)}  # type: ignore[union-attr]
    assert literals == {"aGVsbG8=", "Ynll"}


@pytest.mark.parametrize(
    "modifiers",
    [
        *("cased|contains", "contains|cased", "cased|windash", "windash|cased", "cased|expand"),
        *("expand|cased", "cased|wide", "cased|base64", "cased|wide|base64offset|contains"),
    ],
)
def test_the_letter_case_counts_wherever_the_rule_says_so(modifiers: str) -> None:
    (rule,), _ = parse(one_item(f"A|{modifiers}", "' -%word%'"), {"word": ("Hello",)})
    assert isinstance(rule, DetectionRule)
    atoms = list(atoms_of(rule.condition))
    assert atoms
    assert all(atom.test.cased for atom in atoms)  # type: ignore[union-attr]


def test_placeholders_cannot_be_expanded_once_they_are_encoded() -> None:
    assert told(one_item("A|base64|expand", "'%letters%'")) == ["error S2H207"]


def test_a_bad_expression_that_a_placeholder_makes_is_a_finding() -> None:
    assert told(one_item("A|re|expand", "'x%bad%'"), bad=("(",)) == ["error S2H215"]


@pytest.mark.parametrize(
    "pattern",
    ["[[:alpha:]]", "x[^[:digit:]_]+", "[:space:]", "[^:punct:]", "[]a[:upper:]]", "[[.hyphen.]]"],
)
def test_a_posix_class_is_refused_with_what_to_write(pattern: str) -> None:
    _, diagnostics = parse(one_item("A|re", f"'{pattern}'"))
    (finding,) = diagnostics
    assert finding.code == "S2H215"
    assert "POSIX" in finding.message
    assert finding.hint.startswith("write ")


@pytest.mark.parametrize(
    "pattern", [r"\[[a:alpha:]x]", "[a:b:c]", "[[a]", r"[\[:alpha:]", "[:a]", "x:]", r"[[:nope:]]"]
)
def test_a_set_that_only_looks_like_one_is_a_set(pattern: str) -> None:
    assert told(one_item("A|re", f"'{pattern}'")) == []


@pytest.mark.parametrize(
    ("unquoted", "text"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("010", "010"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0x1410", "0x1410"),
        ("0b11", "0b11"),
    ],
)
def test_a_value_that_yaml_would_read_otherwise_is_its_text_and_told(
    unquoted: str, text: str
) -> None:
    rule = one_item("A", unquoted)
    _, diagnostics = parse(rule)
    (finding,) = diagnostics
    assert (finding.severity, finding.code) == (Severity.WARNING, "S2H218")
    assert (finding.location.line, finding.location.column) == (9, 12)
    assert f"'{text}'" in finding.hint
    documents, _ = parse(rule)
    quoted, _ = parse(one_item("A", f"'{text}'"))
    assert [entry.condition for entry in documents] == [entry.condition for entry in quoted]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "value", ["true", "False", "0", "-17", "+5", "4.50", "1.5e+3", ".5", "null"]
)
def test_a_value_that_means_what_it_looks_like_is_taken_as_it_is(value: str) -> None:
    assert told(one_item("A", value)) == []


@pytest.mark.parametrize(
    "value", [".inf", "-.INF", ".nan", "1.0e+999", "[x, .inf]", "1" + 330 * "0"]
)
def test_a_number_that_no_value_can_be_is_refused(value: str) -> None:
    assert told(one_item("A", value)) == ["error S2H207"]


def test_a_version_number_finds_itself() -> None:
    assert met("selection:\n    A: 1.10\ncondition: selection", {"A": "1.10"})


def test_names_that_yaml_would_read_otherwise_are_names() -> None:
    text = "no:\n    off: 1\ncondition: no"
    assert met(text, {"off": 1})
    assert not met(text, {"False": 1})


def test_a_selection_may_be_called_rules_or_timeframe() -> None:
    text = "rules:\n    A: 1\ntimeframe:\n    B: 2\ncondition: rules and timeframe"
    assert met(text, {"A": 1, "B": 2})
    assert not met(text, {"A": 1})


def test_the_old_timeframe_is_said_to_count_nothing() -> None:
    text = "selection:\n    A: 1\ntimeframe: 5m\ncondition: selection"
    assert told(detection(text)) == ["warning S2H204"]


@pytest.mark.parametrize(
    ("key", "value", "message", "hint"),
    [
        (
            "A|contains",
            "5",
            "|contains takes text or a regular expression, not the number 5",
            "quotes",
        ),
        ("A|contains", "null", "not null", "leave the modifier out"),
        ("A|windash", "true", "|windash takes text, not true", "quotes"),
        ("A|base64offset", "1.5", "|base64offset takes text, not the number 1.5", "quotes"),
        # Its second offset would be "", which is found everywhere.
        ("A|base64offset|contains", "x", "|base64offset leaves nothing", "at least 2 bytes"),
        ("A|expand", "null", "|expand takes", "leave the modifier out"),
        ("A|gte", "'99'", "|gte takes a number, not '99'", "without quotes"),
        ("A|exists", "'true'", "|exists takes true or false, not 'true'", "without quotes"),
        ("A|i", "x", "|i takes a regular expression, not 'x'", "write |re|i"),
        ("A|re", "5", "|re takes text, not the number 5", "quotes"),
        ("A|re|cased", "x", "|cased takes text, not the regular expression 'x'", "leave"),
        ("A|re|contains", "''", "|contains cannot be applied to", "leave"),
        ("A|re|startswith", "x", "|startswith does not bind a regular expression", "^"),
        ("A|minute|gte|lt", "5", "|lt takes", "leave"),
        ("A|hour", "25", "|hour takes a whole number from 0 to 23, not 25", "UTC"),
        ("A|hour|gte", "22.5", "|hour takes a whole number from 0 to 23, not 22.5", "UTC"),
        ("A|day", "0", "|day takes a whole number from 1 to 31, not 0", "UTC"),
    ],
)
def test_a_misfit_is_told_in_the_words_of_a_rules_author(
    key: str, value: str, message: str, hint: str
) -> None:
    _, diagnostics = parse(one_item(key, value))
    (finding,) = diagnostics
    assert message in finding.message
    assert hint in finding.hint


def test_no_finding_about_any_value_shows_what_is_inside() -> None:
    values = ["x", "5", "1.5", "true", "null", "'a*b'", "''", "'('", "'192.0.2.0/33'", "-3"]
    stacks = [*MODIFIERS, *(f"{first}|{second}" for first in MODIFIERS for second in MODIFIERS)]
    for stack in stacks:
        for value in values:
            for finding in parse(one_item(f"A|{stack}", value), {})[1]:
                text = finding.message + finding.hint
                assert "object at" not in text
                assert "Sigma's" in text or "Sigma" not in text
                assert not re.search(r"\b_[A-Z]|None|True|False|class ", text), text
