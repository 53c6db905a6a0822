"""Numbers: written in texts, and in fields that hold numbers.

Takes a number or a comparison and a field; gives bounds. A `long` field holds 4625.7 as 4625 and a
`double` rounds, so what they say is an upper bound only.
"""

from __future__ import annotations

from decimal import Decimal

from sigma2hive.compiler.dsl.bounds import (
    Bounds,
    Reason,
    anything,
    at_most,
    exists,
    has_value,
    ignored,
)
from sigma2hive.compiler.dsl.existence import existence
from sigma2hive.compiler.dsl.nodes import MATCH_NONE, Kind, Leaf, Node, any_of
from sigma2hive.compiler.dsl.texts import Slot, with_unindexed
from sigma2hive.model.conditions import Compare, Number, Operator, Text, Wildcard
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.scalars import MAX_DIGITS, number_of

#: The narrowest whole numbers that a `long` of a profile may be, and what a `float` holds.
_LEAST, _MOST = -(2**31), 2**31 - 1
_LARGEST_FLOAT = Decimal("3e38")
_LARGEST_LONG = Decimal(2**64)
#: Every text that may be a number.
_ANY_NUMBER = r"[+\-]?[0-9.]+([eE][+\-]?[0-9]+)?"


def number_on_text(test: Number, slot: Slot) -> Bounds:
    """Return the bounds of "is this number" on texts: 4625, 4625.0, 04625, 4.625e3."""
    number = number_of(str(test.number), hexadecimal=False)
    if number is None:
        return with_unindexed(at_most(exists(slot.path), Reason.NUMBER), slot)
    written = plain_digits(number)
    if written is None:
        upper: Node = Leaf(Kind.REGEXP, slot.path, _ANY_NUMBER)
        return with_unindexed(at_most(upper, Reason.NUMBER), slot)
    term = Leaf(Kind.TERM, slot.path, written)
    bounds = Bounds(
        any_of((term, Leaf(Kind.SPELLING, slot.path, written))), term, Reason.NUMBER_SPELLING
    )
    return with_unindexed(bounds, slot) if slot.limit < MAX_DIGITS else bounds


def comparison_on_text(slot: Slot) -> Bounds:
    """Return the bounds of any comparison with a number on texts."""
    return with_unindexed(at_most(Leaf(Kind.REGEXP, slot.path, _ANY_NUMBER), Reason.NUMBER), slot)


def number_on_number(number: int | float | str, field: Field) -> Bounds:
    """Return the bounds of equality on a field of numbers; `number` may be text, in hexadecimal."""
    wanted = number_of(str(number), hexadecimal=True)
    if wanted is None:
        return at_most(has_value(field), Reason.NUMBER)
    return at_most(any_of((_equals(wanted, field), ignored(field.path))), Reason.NUMBER)


def text_on_number(test: Text, field: Field) -> Bounds:
    """Return the bounds of a text pattern on a field of numbers."""
    literal = test.literal
    if literal is not None:
        if number_of(literal, hexadecimal=True) is not None:
            return number_on_number(literal, field)
        if not literal:
            # An empty string leaves no trace in such a field.
            return anything(Reason.TYPE)
        if not any(char.isdigit() for char in literal):
            # Such a text was refused by the index, if it came at all.
            return at_most(ignored(field.path), Reason.TYPE)
    elif all(part is Wildcard.ANY for part in test.pattern):
        return existence(field)
    return at_most(has_value(field), Reason.TYPE)


def comparison_on_number(test: Compare, field: Field) -> Bounds:
    """Return the bounds of a comparison on a field of numbers."""
    bound = number_of(str(test.number), hexadecimal=False)
    if bound is None:
        return at_most(has_value(field), Reason.NUMBER)
    match test.operator:
        case Operator.EQ:
            return number_on_number(test.number, field)
        case Operator.NEQ:
            upper: Node = exists(field.path)
        case Operator.GT | Operator.GTE:
            upper = _at_least(bound, field)
        case Operator.LT | Operator.LTE:
            upper = _at_most(bound, field)
    return at_most(any_of((upper, ignored(field.path))), Reason.NUMBER)


def boolean_bounds(wanted: bool, field: Field) -> Bounds:
    """Return the bounds of "is true" or "is false" on a boolean field."""
    term = Leaf(Kind.TERM, field.path, wanted)
    upper = any_of((term, ignored(field.path)))
    # An empty string is indexed as false.
    return Bounds(upper, term if wanted else MATCH_NONE, Reason.TYPE)


def _equals(number: Decimal, field: Field) -> Node:
    if field.type is FieldType.DOUBLE:
        if abs(number) > _LARGEST_FLOAT:
            return exists(field.path)
        return Leaf(Kind.TERM, field.path, float(number))
    if abs(number) > _LARGEST_LONG:
        return any_of(())
    return Leaf(Kind.TERM, field.path, int(number))


def _at_least(bound: Decimal, field: Field) -> Node:
    if field.type is FieldType.DOUBLE:
        edge = _widened(bound, -1)
        return Leaf(Kind.AT_LEAST, field.path, edge) if edge is not None else exists(field.path)
    if bound < _LEAST:
        return exists(field.path)
    return Leaf(Kind.AT_LEAST, field.path, int(min(bound, Decimal(_MOST))))


def _at_most(bound: Decimal, field: Field) -> Node:
    if field.type is FieldType.DOUBLE:
        edge = _widened(bound, 1)
        return Leaf(Kind.AT_MOST, field.path, edge) if edge is not None else exists(field.path)
    if bound > _MOST:
        return exists(field.path)
    return Leaf(Kind.AT_MOST, field.path, int(max(bound, Decimal(_LEAST))))


def _widened(bound: Decimal, sign: int) -> float | None:
    """Move a bound by more than `half_float` and `scaled_float` round; None where it is huge."""
    if abs(bound) > _LARGEST_FLOAT / 2:
        return None
    return float(bound + sign * (1 + abs(bound) / 1000))


def plain_digits(number: Decimal) -> str | None:
    """Return the canonical digits of a number, None where they are very many."""
    if number != 0 and abs(number.adjusted()) > 100:
        return None
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
