"""Regular expressions on values: Python's `re`, and another way where its time might grow.

Takes a `Regex`; gives a predicate on a value. Python tries one way after another, which may take
time that doubles with each character (`(a+)+$`), or grows with a power of the value's length. Where
that may be, an automaton that reads each character once decides; it means the same. What no
automaton says is given up after some time (`patience`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from re import _compiler as sre_compiler  # type: ignore[attr-defined]
from re import _constants as sre  # type: ignore[attr-defined]  # how Python itself reads expressions
from typing import Any, NamedTuple

from sigma2hive.engine.automata import Automaton, UnsupportedError
from sigma2hive.engine.patience import is_found
from sigma2hive.engine.requirements import (
    Requirements,
    beginning_of,
    may_be_in,
    parsed,
    regex_flags,
    requirements_in,
)
from sigma2hive.model.conditions import Regex
from sigma2hive.model.folding import fold

#: Steps that Python may take to look for an expression: a tenth of a second.
_MOST_STEPS = 10_000_000
#: So short a value takes few steps whatever the expression.
_SURELY_FEW = 16
#: A repetition of no more is as good as written out.
_FEW_TIMES = 4
#: A repetition of a single character up to so many times is no more than so many ways on.
_SEVERAL_TIMES = 64
#: Longer values are first asked for what the expression cannot be found without.
_SHORT = 200

_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)


def regex_predicate(test: Regex) -> Callable[[str], bool]:
    """Return the function that tells whether the expression is found in a value."""
    return _Expression(test).is_in


class _Expression:
    def __init__(self, test: Regex) -> None:
        self._test = test

    def is_in(self, value: str) -> bool:
        is_short = len(value) <= min(_SHORT, self._longest_tried)
        if not is_short and not may_be_in(value, self._requirements):
            return False
        if is_short or self._takes_few_steps(value):
            return self._search(value) is not None
        if self._automaton is not None:
            return self._automaton.is_in(value)
        return is_found(self._test, self._search, value)

    @cached_property
    def _tree(self) -> Any:
        return parsed(self._test)

    @cached_property
    def _search(self) -> Callable[[str], re.Match[str] | None]:
        # Read once: half of the time that it takes to compile one.
        read = self._test.pattern if self._tree is None else self._tree
        compiled: re.Pattern[str] = sre_compiler.compile(read, regex_flags(self._test))
        return compiled.search

    @cached_property
    def _requirements(self) -> Requirements:
        return requirements_in(self._tree)

    @cached_property
    def _growth(self) -> _Growth:
        return _growth(self._tree or ())

    @cached_property
    def _beginning(self) -> str:
        return beginning_of(self._tree)

    @cached_property
    def _longest_tried(self) -> int:
        """The length of values on which Python surely takes few steps, wherever it begins."""
        growth = self._growth
        power = 1 + growth.power
        return _SURELY_FEW if power > _NESTED else int(growth.most_tried ** (1 / power))

    def _takes_few_steps(self, value: str) -> bool:
        """Whether Python surely takes few steps on a value."""
        if len(value) <= self._longest_tried:
            return True
        growth, beginning = self._growth, self._beginning
        if not beginning or growth.power >= _NESTED:
            return False
        # It goes on only where the expression's own beginning stands, which may overlap itself.
        places = fold(value).count(beginning) * len(beginning)
        steps: int = places * len(value) ** growth.power
        return steps <= growth.most_tried

    @cached_property
    def _automaton(self) -> Automaton | None:
        try:
            return Automaton(self._tree, regex_flags(self._test))
        except UnsupportedError:
            return None


#: More repetitions than any value is short enough for; what is inside another counts so.
_NESTED = 20


class _Growth(NamedTuple):
    """How steps may grow: with a power of a value's length, and doubled for what may be there."""

    power: int = 0
    doublings: int = 0

    @property
    def most_tried(self) -> int:
        """How many steps are left for the value's length."""
        return _MOST_STEPS >> min(self.doublings, _MOST_STEPS.bit_length())

    def times(self, count: int) -> _Growth:
        """Return how they grow where that stands so often."""
        return _Growth(self.power * count, self.doublings * count)


_GROWTH_OF_NESTED = _Growth(_NESTED)


def _growth(tree: Any, *, inside: bool = False) -> _Growth:
    """Say how steps may grow, `inside` a repetition of many times or not."""
    each = [_growth_of(operation, argument, inside=inside) for operation, argument in tree]
    return _Growth(
        min(sum(growth.power for growth in each), _NESTED),
        sum(growth.doublings for growth in each),
    )


def _growth_of(operation: Any, argument: Any, *, inside: bool) -> _Growth:
    if operation in _REPEATS:
        return _growth_of_repeated(*argument, inside=inside)
    if operation is sre.BRANCH:
        return _GROWTH_OF_NESTED if inside else _growth_of_branches(argument[1])
    if operation is sre.SUBPATTERN:
        return _growth(argument[3], inside=inside)
    if operation is sre.ATOMIC_GROUP:
        return _growth(argument, inside=inside)
    if operation in (sre.ASSERT, sre.ASSERT_NOT):
        return _growth(argument[1], inside=inside)
    if operation is sre.GROUPREF_EXISTS:
        return _GROWTH_OF_NESTED  # one of two expressions: too rare to look into them
    return _Growth()


def _growth_of_branches(branches: Sequence[Any]) -> _Growth:
    each = [_growth(branch) for branch in branches]
    power, doublings = map(max, zip(*each, strict=True))
    if not _are_exclusive(branches):
        doublings += (len(branches) - 1).bit_length()
    return _Growth(power, doublings)


def _are_exclusive(branches: Sequence[Any]) -> bool:
    """Whether of these one at most fits any text: each begins with another character."""
    if not all(len(branch) and branch[0][0] is sre.LITERAL for branch in branches):
        return False
    # Whether letter case counts or not.
    return len({fold(chr(branch[0][1])) for branch in branches}) == len(branches)


def _growth_of_repeated(least: int, most: int, item: Any, *, inside: bool) -> _Growth:
    is_many = most > _FEW_TIMES
    if inside and (is_many or least < most):
        return _GROWTH_OF_NESTED
    once = _growth(item, inside=inside or is_many)
    if is_many and most <= _SEVERAL_TIMES and once == _Growth():
        return _Growth(0, most.bit_length() + (least < most))
    if is_many:
        return _Growth(once.power + 1, once.doublings)
    written_out = once.times(most)
    return _Growth(written_out.power, written_out.doublings + (most - least).bit_length())
