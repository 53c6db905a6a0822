"""Expressions that can explode are told from those that cannot."""

import time

import pytest

from sigma2hive.compiler.regexes import may_explode
from sigma2hive.model.conditions import Regex


# Python takes twice the time, or more, with each character more of such a text as "a" * 30 + "!";
# that is why none of them is run here.
@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"^(\w+\s*)*$",
        r"(a|aa)+$",
        r"(a*)*b",
        r"(.*,)*x",
        r"(x+x+)+y",
        r"(\d+|\w+)*!",
        r"([A-Za-z0-9+/]+=*)+;",
        r"(a{1,100}){1,100}b",
        r"(?:.*\)){1,}\.",
    ],
)
def test_an_expression_that_explodes_is_known(pattern: str) -> None:
    assert may_explode(Regex(pattern))


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
