"""What nearly all values mean, read here: pySigma takes ten times as long for each, and to import.

Takes the key of an item and its values; gives the condition that pySigma's modifiers would, to
which tests/sigma/test_plain.py holds it. Of what is unusual it gives none, nor of what is wrong:
pySigma reads that, and says what does not fit.

Source: https://sigmahq.io/docs/basics/modifiers.html
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from ipaddress import ip_network
from typing import Any

from sigma2hive.model.conditions import (
    And,
    Atom,
    Boolean,
    Cidr,
    Compare,
    Condition,
    Exists,
    FieldReference,
    Null,
    Number,
    Operator,
    Or,
    Origin,
    Regex,
    Test,
    Text,
)
from sigma2hive.records import dataclass
from sigma2hive.sigma.chains import Chain
from sigma2hive.sigma.meanings import keyword_test, network_of, regex_of
from sigma2hive.sigma.patterns import pattern_of
from sigma2hive.sigma.problems import Unusual
from sigma2hive.sigma.tallies import Tally

#: Of longer texts, or more of them together, modifiers may make more than `MAX_CHARACTERS`.
_MAX_LENGTH = 2_000
_MAX_TOGETHER = 25
#: Larger integers may be refused, or become others.
_MAX_NUMBER = 2**53
_SPECIAL = re.compile(r"[\\*?]")
_OF_KEYWORDS = (Text, Number, Boolean, Regex)

#: The test of a value, or several of which any is enough.
_Tests = Test | list[Test]
#: Gives the tests of each value; what it cannot say is `Unusual`.
_Make = Callable[[Sequence[Any], Tally], Sequence[_Tests]]


@dataclass(frozen=True, slots=True)
class _Form:
    """A key, taken apart; `make` is None where pySigma has to read it."""

    field: str | None
    is_all: bool
    make: _Make | None


def plain_condition(
    key: str | None, values: Sequence[Any], origin: Origin, tally: Tally
) -> Condition | None:
    """Return the condition of an item as `modifiers.build_item` would; None where that has to.

    Raises:
        ValueProblem: there would be too many values, a placeholder has none, or an expression means
            something else than it says.
    """
    form = _form_of(key or "")
    if form.make is None or not 0 < len(values) <= _MAX_TOGETHER:
        return None
    written = tally.written
    tally.written += len(values)
    try:
        made = form.make(values, tally)
        conditions = [_condition(form.field, tests, origin) for tests in made]
    except Unusual:
        tally.written = written
        return None
    for tests in made:
        tally.made += len(tests) if isinstance(tests, list) else 1
    if len(conditions) == 1:
        return conditions[0]
    return And(tuple(conditions)) if form.is_all else Or(tuple(conditions))


def _condition(field: str | None, tests: _Tests, origin: Origin) -> Condition:
    if isinstance(tests, list):
        return Or(tuple(_condition(field, test, origin) for test in tests))
    if field is None:
        if not isinstance(tests, _OF_KEYWORDS):
            raise Unusual
        tests = keyword_test(tests)
    return Atom(field, tests, origin)


@lru_cache(maxsize=4096)
def _form_of(key: str) -> _Form:
    field, *names = key.split("|")
    return _Form(field or None, "all" in names, _maker(names))


def _maker(names: Sequence[str]) -> _Make | None:
    first, rest = (names[0], set(names[1:])) if names else ("", set())
    if first in _SINGLE and rest <= {"all"}:
        return partial(_each, _SINGLE[first])
    if first == "re" and rest <= {*_FLAGS, "all"}:
        flags = {_FLAGS[name]: True for name in rest if name in _FLAGS}
        return partial(_expressions, flags)
    is_cased = "cased" in names
    others = [name for name in names if name not in ("all", "cased")]
    if not others and not is_cased:
        return partial(_each, _value)
    chain = Chain.of(others)
    return partial(_texts, chain, is_cased) if chain is not None else None


def _each(make: Callable[[Any], Test], values: Sequence[Any], _: Tally) -> Sequence[_Tests]:
    return [make(value) for value in values]


def _texts(chain: Chain, is_cased: bool, values: Sequence[Any], tally: Tally) -> Sequence[_Tests]:
    return [
        Text(made, is_cased)
        if isinstance(made, tuple)
        else [Text(pattern, is_cased) for pattern in made]
        for made in chain.made_of(list(map(_text, values)), tally)
    ]


def _value(value: Any) -> Test:
    if isinstance(value, str):
        return Text(pattern_of(_text(value)))
    if isinstance(value, bool):
        return Boolean(value)
    if value is None:
        return Null()
    return Number(_number(value))


def _number(value: Any) -> int:
    if type(value) is not int or abs(value) > _MAX_NUMBER:
        raise Unusual
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_LENGTH:
        raise Unusual
    return value


def _without_wildcards(value: Any) -> str:
    text = _text(value)
    if _SPECIAL.search(text):
        raise Unusual
    return text


def _expressions(flags: Mapping[str, bool], values: Sequence[Any], _: Tally) -> Sequence[_Tests]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            for value in values:
                re.compile(_text(value), re.ASCII)
    except (re.error, ValueError, RecursionError, OverflowError):
        raise Unusual from None
    return [regex_of(value, **flags) for value in values]


def _network(value: Any) -> Cidr:
    try:
        return Cidr(network_of(ip_network(_without_wildcards(value))))
    except ValueError:
        raise Unusual from None


def _exists(value: Any) -> Exists:
    if not isinstance(value, bool):
        raise Unusual
    return Exists(value)


def _comparison(operator: Operator) -> Callable[[Any], Test]:
    return lambda value: Compare(operator, _number(value))


#: First modifiers beside which only |all may stand.
_SINGLE: Mapping[str, Callable[[Any], Test]] = {
    "cidr": _network,
    "exists": _exists,
    "fieldref": lambda value: FieldReference(_without_wildcards(value)),
    **{
        operator.value: _comparison(operator)
        for operator in (Operator.LT, Operator.LTE, Operator.GT, Operator.GTE)
    },
}
#: Modifiers after |re.
_FLAGS = {
    "i": "ignore_case",
    "ignorecase": "ignore_case",
    "m": "multiline",
    "multiline": "multiline",
    "s": "dotall",
    "dotall": "dotall",
}
