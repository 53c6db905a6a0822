"""Modifiers and values: pySigma's, with the meaning of each value in our own types.

Takes a field, its modifiers and plain YAML values; gives conditions of `Atom`s. pySigma parses the
values and applies the modifiers; what comes out is frozen, so nothing behind this package meets a
pySigma object.

Source: https://sigmahq.io/docs/basics/modifiers.html
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
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
    SpecialChars,
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
    Wildcard,
)
from sigma2hive.model.values import canonical_text
from sigma2hive.sigma.expansions import MODIFIERS, ExpandedItem, Tally
from sigma2hive.sigma.misfits import ValueProblem
from sigma2hive.sigma.posix import refuse_posix_classes
from sigma2hive.sigma.regexes import NotFoldable, without_case

#: Bits before an IPv4 address that stands inside an IPv6 one.
_MAPPED_BITS = 96


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
        test = _keyword_test(test)
    return Atom(field, test, origin)


def _test(value: SigmaType) -> Test:
    match value:
        case SigmaCasedString():
            return Text(_pattern(value), cased=True)
        case SigmaString():
            return Text(_pattern(value))
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
            return Cidr(_network(value.network))
        case SigmaFieldReference():
            return FieldReference(value.field, value.starts_with, value.ends_with)
        case SigmaExists():
            return Exists(value.exists)
        case SigmaNull():
            return Null()
    raise ValueProblem("S2H207", f"values of the kind {type(value).__name__} are not supported")


def _pattern(value: SigmaString) -> tuple[str | Wildcard, ...]:
    parts: list[str | Wildcard] = []
    for part in value.s:
        if part is SpecialChars.WILDCARD_MULTI:
            if not parts or parts[-1] is not Wildcard.ANY:
                parts.append(Wildcard.ANY)
        elif part is SpecialChars.WILDCARD_SINGLE:
            parts.append(Wildcard.ONE)
        elif isinstance(part, str) and part:
            if parts and not isinstance(parts[-1], Wildcard):
                parts[-1] += part
            else:
                parts.append(part)
    return tuple(parts)


def _regex(value: SigmaRegularExpression) -> Regex:
    pattern = str(value.regexp)
    refuse_posix_classes(pattern)
    flags = SigmaRegularExpressionFlag
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            inline = re.compile(pattern, re.ASCII).flags
        ignore_case = flags.IGNORECASE in value.flags or bool(inline & re.IGNORECASE)
        pattern = without_case(pattern, ignore_case)
    except NotFoldable as error:
        raise ValueProblem("S2H215", str(error), error.hint) from None
    except ValueError as error:
        # Among others the flag u, which with re.ASCII does not go together.
        raise ValueProblem("S2H215", str(error), "see the modifier in Sigma's manual") from None
    return Regex(
        pattern,
        ignore_case=ignore_case,
        multiline=flags.MULTILINE in value.flags,
        dotall=flags.DOTALL in value.flags,
    )


def _network(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return IPv4 where it is IPv4 inside IPv6 (::ffff:10.0.0.0/104), as of addresses."""
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


def _time_part(value: SigmaTimestampPart, operator: Operator) -> TimePart:
    return TimePart(TimeUnit(value.timestamp_part.name.lower()), operator, int(value.number))


def _keyword_test(test: Test) -> Test:
    """A keyword is found anywhere in a value, as a word in a log line would be."""
    if isinstance(test, (Number, Boolean)):
        number_or_boolean = test.number if isinstance(test, Number) else test.boolean
        test = Text((canonical_text(number_or_boolean),))
    if isinstance(test, Text):
        pattern = test.pattern
        if not pattern or pattern[0] is not Wildcard.ANY:
            pattern = (Wildcard.ANY, *pattern)
        if pattern[-1] is not Wildcard.ANY:
            pattern = (*pattern, Wildcard.ANY)
        return Text(pattern, test.cased)
    if isinstance(test, Regex):
        return test
    raise ValueProblem(
        "S2H207", "a keyword without field takes text, numbers and |re only", "name a field"
    )
