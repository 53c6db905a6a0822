"""Regular expressions on values: Python's `re`, and another way where its time might grow.

Takes a `Regex`; gives a predicate on a value. Python tries one way after another, which may take
time that doubles with each character (`(a+)+$`), or grows with a power of the value's length. Where
that may be, an automaton that reads each character once decides; it means the same.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cached_property
from re import _constants as sre  # type: ignore[attr-defined]  # how Python itself reads expressions
from typing import Any

from sigma2hive.engine.automata import Automaton, UnsupportedError
from sigma2hive.engine.requirements import parsed, regex_flags, requirements_of
from sigma2hive.model.conditions import Regex
from sigma2hive.model.folding import fold

#: Steps that Python may take to look for an expression: a tenth of a second.
_MOST_STEPS = 10_000_000
#: So short a value takes few steps whatever the expression.
_SURELY_FEW = 16
#: A repetition of no more is as good as written out.
_FEW_TIMES = 3
#: Longer values are first asked for what the expression cannot be found without.
_SHORT = 200

_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)


def regex_predicate(test: Regex) -> Callable[[str], bool]:
    """Return the function that tells whether the expression is found in a value."""
    return _Expression(test).is_in


class _Expression:
    def __init__(self, test: Regex) -> None:
        self._test = test
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self._search = re.compile(test.pattern, regex_flags(test)).search

    def is_in(self, value: str) -> bool:
        if len(value) > _SHORT and not self._may_be_in(value):
            return False
        if len(value) > self._longest_tried and self._automaton is not None:
            return self._automaton.is_in(value)
        return self._search(value) is not None

    def _may_be_in(self, value: str) -> bool:
        requirements = self._requirements
        if not requirements:
            return True
        folded = fold(value)
        return all(any(text in folded for text in texts) for texts in requirements)

    @cached_property
    def _requirements(self) -> Any:
        return requirements_of(self._test)

    @cached_property
    def _longest_tried(self) -> int:
        """The length of values on which Python surely takes few steps."""
        power = 1 + _repetitions(parsed(self._test) or ())
        return _SURELY_FEW if power > _NESTED else int(_MOST_STEPS ** (1 / power))

    @cached_property
    def _automaton(self) -> Automaton | None:
        try:
            return Automaton(parsed(self._test), regex_flags(self._test))
        except UnsupportedError:
            return None


#: More repetitions than any value is short enough for; what is inside another counts so.
_NESTED = 20


def _repetitions(tree: Any, *, inside: bool = False) -> int:
    """Count repetitions of many times: the power of a value's length that steps may grow with."""
    found = 0
    for operation, argument in tree:
        if operation in _REPEATS:
            _, most, item = argument
            is_many = most > _FEW_TIMES
            if inside and is_many:
                return _NESTED
            found += is_many + _repetitions(item, inside=inside or is_many)
        elif operation is sre.SUBPATTERN:
            found += _repetitions(argument[3], inside=inside)
        elif operation is sre.BRANCH:
            if inside:
                return _NESTED
            found += max(_repetitions(branch) for branch in argument[1])
        elif operation is sre.ATOMIC_GROUP:
            found += _repetitions(argument, inside=inside)
        elif operation in (sre.ASSERT, sre.ASSERT_NOT):
            found += _repetitions(argument[1], inside=inside)
    return min(found, _NESTED)
