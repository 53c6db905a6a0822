"""Modifiers and values: pySigma's, with the meaning of each value in our own types.

Takes a field, its modifiers and plain YAML values; gives conditions of `Atom`s. pySigma parses the
values and applies the modifiers; what comes out is frozen, so nothing behind this package meets a
pySigma object.

Source: https://sigmahq.io/docs/basics/modifiers.html
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from sigma.conditions import ConditionAND
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    sigma_type,
)

from sigma2hive.diagnostics import nearest
from sigma2hive.model.conditions import (
    And,
    Atom,
    Boolean,
    Cidr,
    Compare,
    Condition,
    Exists,
    FieldReference,
    Not,
    Null,
    Number,
    Operator,
    Or,
    Origin,
    Regex,
    Test,
    Text,
    TimePart,
    TimeUnit,
)
from sigma2hive.sigma.expansions import MODIFIERS, ExpandedItem
from sigma2hive.sigma.meanings import keyword_test, network_of, regex_of
from sigma2hive.sigma.problems import ValueProblem
from sigma2hive.sigma.strings import pattern_in
from sigma2hive.sigma.tallies import Tally


def build_item(key: str | None, values: Sequence[Any], origin: Origin, tally: Tally) -> Condition:
    """Return the condition of one detection item, `key` as written ("Image|endswith") or None.

    `tally` knows the placeholders, and counts over the calls of one item.

    Raises:
        ValueProblem: unknown modifier, or a value that its modifiers do not take.
    """
    field, *names = (key or "").split("|")
    item = _apply(field or None, names, values, tally)
    if not item.value:
        raise ValueProblem("S2H207", f"{origin.item!r} has an empty list", "give it a value")
    conditions = tuple(_condition(field or None, value, origin) for value in item.value)
    if len(conditions) == 1:
        joined = conditions[0]
    else:
        joined = And(conditions) if item.value_linking is ConditionAND else Or(conditions)
    return Not(joined) if item.negated else joined


def _apply(
    field: str | None, names: Sequence[str], values: Sequence[Any], tally: Tally
) -> ExpandedItem:
    unknown = next((name for name in names if name not in MODIFIERS), None)
    if unknown is not None:
        raise ValueProblem(
            "S2H203",
            f"unknown modifier '{unknown}'",
            nearest(unknown, MODIFIERS, "see the modifiers in Sigma's manual"),
        )
    is_regex = "re" in names
    try:
        with warnings.catch_warnings():
            # Python warns of patterns that a future version may read otherwise.
            warnings.simplefilter("ignore", FutureWarning)
            typed = [_typed(value, is_regex) for value in values]
            return ExpandedItem.of(field, names, typed, tally)
    except (RecursionError, OverflowError) as error:
        raise ValueProblem(
            "S2H215",
            f"the expression is too large ({error})",
            "split it into several, or say it with |contains",
        ) from None


def _typed(value: Any, is_regex: bool) -> SigmaType:
    if is_regex and isinstance(value, str):
        return SigmaString.from_str(value)
    return sigma_type(value)


def _condition(field: str | None, value: SigmaType, origin: Origin) -> Condition:
    if isinstance(value, SigmaExpansion):
        return Or(tuple(_condition(field, inner, origin) for inner in value.values))
    test = _test(value)
    if field is None:
        test = keyword_test(test)
    return Atom(field, test, origin)


def _test(value: SigmaType) -> Test:
    match value:
        case SigmaCasedString():
            return Text(pattern_in(value), cased=True)
        case SigmaString():
            return Text(pattern_in(value))
        case SigmaRegularExpression():
            return _regex(value)
        case SigmaTimestampPart():
            return _time_part(value, Operator.EQ)
        case SigmaNumber():
            return Number(value.number)
        case SigmaBool():
            return Boolean(value.boolean)
        case SigmaCompareExpression():
            operator = Operator(value.op.name.lower())
            if isinstance(value.number, SigmaTimestampPart):
                return _time_part(value.number, operator)
            return Compare(operator, value.number.number)
        case SigmaCIDRExpression():
            return Cidr(network_of(value.network))
        case SigmaFieldReference():
            return FieldReference(value.field, value.starts_with, value.ends_with)
        case SigmaExists():
            return Exists(value.exists)
        case SigmaNull():
            return Null()
    raise ValueProblem("S2H207", f"values of the kind {type(value).__name__} are not supported")


def _regex(value: SigmaRegularExpression) -> Regex:
    flags = SigmaRegularExpressionFlag
    return regex_of(
        str(value.regexp),
        ignore_case=flags.IGNORECASE in value.flags,
        multiline=flags.MULTILINE in value.flags,
        dotall=flags.DOTALL in value.flags,
    )


def _time_part(value: SigmaTimestampPart, operator: Operator) -> TimePart:
    return TimePart(TimeUnit(value.timestamp_part.name.lower()), operator, int(value.number))
