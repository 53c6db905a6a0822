"""Expressions that can explode are told from those that cannot."""

import re
import time

import pytest

from sigma2hive.compiler.regexes import may_explode
from sigma2hive.model.conditions import Regex


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        # The text is one of those that take twice the time with each repetition more.
        (r"(a+)+$", "a{}!"),
        (r"^(\w+\s*)*$", "a{}!"),
        (r"(a|aa)+$", "a{}!"),
        (r"(a*)*b", "a{}"),
        (r"(.*,)*x", ",{}"),
        (r"(x+x+)+y", "x{}"),
        (r"(\d+|\w+)*!", "1{}"),
        (r"([A-Za-z0-9+/]+=*)+;", "a{}"),
        (r"(a{1,100}){1,100}b", "a{}"),
        (r"(?:.*\)){1,}\.", "){}"),
    ],
)
def test_an_expression_that_explodes_is_known(pattern: str, text: str) -> None:
    assert may_explode(Regex(pattern))
    expression = re.compile(pattern)
    few, many = (_seconds(expression, text, count) for count in (12, 20))
    assert many > 8 * few


def _seconds(expression: re.Pattern[str], text: str, count: int) -> float:
    value = text.replace("{}", text[0] * count)
    tries = []
    for _ in range(3):
        start = time.perf_counter()
        expression.search(value)
        tries.append(time.perf_counter() - start)
    return min(tries)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\w+\s+)*x",
        r"(foo|bar)*x",
        r"(a+)+",  # what it finds first is enough
        r"a+b+c+$",
        r".*foo.*bar$",
        r"(\\[^\\]+)*\.exe$",
        r"(-{1,2}\w+ ?)+!",
        r"[a-z]{8}(-[a-z]{4}){3}",
        r"((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}\d+$",
        r"(?=a)(a|b)*c",
        r"((((){1000}){1000}){1000}){1000}",
        "(" * 40 + "a?" + "){2}" * 40,
    ],
)
def test_an_expression_that_does_not_is_left_alone(pattern: str) -> None:
    assert not may_explode(Regex(pattern))


def test_of_a_huge_expression_nothing_is_claimed_in_no_time() -> None:
    start = time.monotonic()
    may_explode(Regex("(" + "|".join(f"w{number}+x*" for number in range(3_000)) + ")+$"))
    may_explode(Regex(r"((.?){4}){4}" * 50 + "(a+)+$"))
    assert time.monotonic() - start < 5
