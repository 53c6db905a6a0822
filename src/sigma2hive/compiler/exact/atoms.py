"""One atom on each kind of field, said exactly: neither more nor less than is meant.

Takes an atom of the condition tree, its fields resolved; gives a condition on fields of the index,
with the unusual values of which it is not so (`Margin`). `dsl` says what a query finds at most and
at least, since its hits are decided again; here nobody decides again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from sigma2hive.compiler.dsl.bounds import Reason, exists
from sigma2hive.compiler.dsl.nodes import MATCH_NONE, Kind, Leaf, Node, any_of, never
from sigma2hive.compiler.dsl.numbers import plain_digits
from sigma2hive.compiler.dsl.texts import Slot, can_exceed, indexed_bounds, is_numeric
from sigma2hive.compiler.exact.addresses import (
    network_on_address,
    network_on_text,
    text_on_address,
)
from sigma2hive.compiler.exact.margins import Margin, Said, Unsayable, said, unseen
from sigma2hive.compiler.regexes import texts_with
from sigma2hive.model.conditions import (
    Boolean,
    Cidr,
    Compare,
    Number,
    Operator,
    Regex,
    Test,
    Text,
    Wildcard,
)
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.scalars import number_of

#: No index keeps longer texts whole in one term; data streams in logsdb mode keep 8,191 bytes.
_NO_LIMIT = 8191
#: The narrowest whole numbers that a field of them may hold.
_LEAST, _MOST = -(2**31), 2**31 - 1


def any_said(parts: Iterable[Said]) -> Said:
    """Return what is said by "any of the parts"."""
    parts = tuple(parts)
    if len(parts) == 1:
        return parts[0]
    return Said(
        any_of(part.node for part in parts),
        frozenset().union(*(part.margins for part in parts)),
        frozenset().union(*(part.unseen for part in parts)),
    )


def opposite(part: Said) -> Said:
    """Return what is said by "not"."""
    return Said(never(part.node), part.margins, part.unseen)


def existence_of(field: Field) -> Said:
    """Return "the index field has a value".

    Raises:
        Unsayable: the index does not tell.
    """
    _check_kind(field)
    found = exists(field.path)
    if field.missing:
        return said(found, Margin.MISSING)
    match field.type:
        case FieldType.TEXT | FieldType.MATCH_ONLY_TEXT | FieldType.CONSTANT_KEYWORD:
            return said(found)
        case FieldType.LONG | FieldType.DOUBLE:
            return unseen(found, field.path, Margin.EMPTY)
    return unseen(found, field.path)


def said_on_field(test: Test, field: Field) -> Said:
    """Return what a test other than of existence asks of one field of the index.

    Raises:
        Unsayable: it cannot be said.
    """
    _check_kind(field)
    if _is_any(test):
        return existence_of(field)
    match field.type:
        case FieldType.TEXT | FieldType.MATCH_ONLY_TEXT:
            if not field.keyword:
                raise Unsayable(Reason.ANALYSED)
            return _on_slot(test, Slot(field.keyword, 0))
        case FieldType.IP:
            return _on_address(test, field)
        case FieldType.LONG | FieldType.DOUBLE:
            return _on_number(test, field)
        case FieldType.BOOLEAN:
            return _on_boolean(test, field)
        case FieldType.DATE:
            raise Unsayable(Reason.TYPE if isinstance(test, (Text, Regex)) else Reason.TIME)
    return _on_keyword(test, field)


def _check_kind(field: Field) -> None:
    if field.below is not None:
        raise Unsayable(Reason.MANY_FIELDS)
    if field.opaque and not field.missing:
        raise Unsayable(Reason.OPAQUE)
    if field.type in (FieldType.FLATTENED, FieldType.NESTED, FieldType.OBJECT, FieldType.OTHER):
        raise Unsayable(Reason.TYPE)


def _is_any(test: Test) -> bool:
    return isinstance(test, Text) and bool(test.pattern) and set(test.pattern) == {Wildcard.ANY}


def _on_keyword(test: Test, field: Field) -> Said:
    limit = field.ignore_above or _NO_LIMIT
    is_lower_cased = field.caseless == field.path
    slot = Slot(field.path, limit, is_lower_cased)
    if field.caseless and not is_lower_cased and isinstance(test, Text) and _is_plain(test):
        slot = Slot(field.caseless, limit, lower_cased=True)
    found = _on_slot(test, slot)
    margins = found.margins
    if field.missing:
        margins |= {Margin.MISSING}
    if field.type is FieldType.CONSTANT_KEYWORD:
        return Said(found.node, margins - {Margin.UNINDEXED})
    # It is the field itself that `_ignored` names.
    return Said(found.node, margins, frozenset((field.path,)) if found.unseen else frozenset())


def _is_plain(test: Text) -> bool:
    return not test.cased and all(
        part.isascii() for part in test.pattern if not isinstance(part, Wildcard)
    )


def _on_slot(test: Test, slot: Slot) -> Said:
    """Return what is asked of a field that holds whole texts."""
    match test:
        case Text():
            return _text(test, slot)
        case Boolean(boolean):
            return _text(Text(("true" if boolean else "false",)), slot)
    if slot.lower_cased:
        raise Unsayable(Reason.LETTER_CASE)
    match test:
        case Regex():
            return _regex(test, slot)
        case Number(number):
            decimal = number_of(str(number), hexadecimal=False)
            digits = None if decimal is None else plain_digits(decimal)
            if digits is None:
                raise Unsayable(Reason.NUMBER)
            return said(Leaf(Kind.TERM, slot.path, digits), Margin.SPELLING)
        case Cidr(network):
            return unseen(network_on_text(network, slot.path), slot.path, Margin.ADDRESS)
        case Compare():
            raise Unsayable(Reason.NUMBER)
    raise Unsayable(Reason.TIME)


def _text(test: Text, slot: Slot) -> Said:
    pattern = _without_doubles(test.pattern)
    # What is the same is known already.
    single = test if pattern == test.pattern else replace(test, pattern=pattern)
    bounds = indexed_bounds(single, slot)
    margins: list[Margin] = []
    if bounds.reason is Reason.CASELESS:
        margins.append(Margin.CASELESS)
    elif bounds.reason is not None:
        raise Unsayable(bounds.reason)
    if is_numeric(test):
        margins.append(Margin.SPELLING)
    if can_exceed(test, slot.limit):
        return unseen(bounds.upper, slot.path, *margins)
    return said(bounds.upper, *margins)


def _without_doubles(pattern: tuple[str | Wildcard, ...]) -> tuple[str | Wildcard, ...]:
    return tuple(
        part
        for position, part in enumerate(pattern)
        if part is not Wildcard.ANY or pattern[position - 1 : position] != (Wildcard.ANY,)
    )


def _regex(test: Regex, slot: Slot) -> Said:
    wide, narrow = texts_with(test, True), texts_with(test, False)
    if wide.pattern is None or not (wide.exact and narrow.exact):
        raise Unsayable(Reason.TOO_COMPLEX if wide.exact or wide.pattern is None else Reason.REGEX)
    margins = [Margin.SPELLING] if wide.numeric else []
    if wide.is_nothing:
        return said(MATCH_NONE)
    if wide.is_any_text:
        return unseen(exists(slot.path), slot.path, *margins)
    return unseen(Leaf(Kind.REGEXP, slot.path, wide.pattern), slot.path, *margins)


def _on_address(test: Test, field: Field) -> Said:
    match test:
        case Text():
            node = text_on_address(test, field.path)
        case Cidr(network):
            node = network_on_address(network, field.path)
        case _:
            raise Unsayable(Reason.TYPE)
    return unseen(node, field.path, Margin.ADDRESS)


def _on_number(test: Test, field: Field) -> Said:
    match test:
        case Text():
            return unseen(_text_on_number(test, field), field.path, Margin.ROUNDED, Margin.EMPTY)
        case Number(number):
            return unseen(_equal(number, field), field.path, Margin.ROUNDED)
        case Compare(operator, number):
            return unseen(_compared(operator, number, field), field.path, Margin.ROUNDED)
        case Boolean():
            return unseen(MATCH_NONE, field.path)
    raise Unsayable(Reason.TYPE)


def _text_on_number(test: Text, field: Field) -> Node:
    literal = test.literal
    if literal is None:
        raise Unsayable(Reason.TYPE)
    # What is no number, the index did not take.
    is_number = number_of(literal, hexadecimal=True) is not None
    return _equal(literal, field) if is_number else MATCH_NONE


def _equal(number: int | float | str, field: Field) -> Node:
    wanted = number_of(str(number), hexadecimal=True)
    if wanted is None or field.type is FieldType.DOUBLE:
        # Floats are rounded as their type says, which the profile does not know.
        raise Unsayable(Reason.NUMBER)
    if wanted != wanted.to_integral_value():
        return MATCH_NONE
    if not -(2**63) <= wanted < 2**63:
        raise Unsayable(Reason.NUMBER)
    return Leaf(Kind.TERM, field.path, int(wanted))


def _compared(operator: Operator, number: int | float, field: Field) -> Node:
    if field.type is FieldType.DOUBLE:
        raise Unsayable(Reason.NUMBER)
    match operator:
        case Operator.EQ:
            return _equal(number, field)
        case Operator.GT | Operator.GTE:
            edge = math.floor(number) + 1 if operator is Operator.GT else math.ceil(number)
            kind = Kind.AT_LEAST
        case Operator.LT | Operator.LTE:
            edge = math.ceil(number) - 1 if operator is Operator.LT else math.floor(number)
            kind = Kind.AT_MOST
        case _:
            # Of several values one may be another number.
            raise Unsayable(Reason.NUMBER)
    if not _LEAST <= edge <= _MOST:
        raise Unsayable(Reason.NUMBER)
    return Leaf(kind, field.path, edge)


def _on_boolean(test: Test, field: Field) -> Said:
    match test:
        case Boolean(boolean):
            return unseen(Leaf(Kind.TERM, field.path, boolean), field.path, Margin.EMPTY)
        case Text() if test.literal is not None:
            word = test.literal if test.cased else test.literal.lower()
            if word in ("true", "false"):
                return _on_boolean(Boolean(word == "true"), field)
            return unseen(MATCH_NONE, field.path, Margin.EMPTY)
    raise Unsayable(Reason.TYPE)
