"""Whether a field has a value, as far as the index can tell.

Takes a field; gives bounds. A value that the index left out is one, an empty string too.
"""

from __future__ import annotations

from sigma2hive.compiler.dsl.bounds import (
    Bounds,
    Reason,
    anything,
    at_most,
    exactly,
    exists,
    has_value,
)
from sigma2hive.compiler.dsl.nodes import MATCH_ALL, Node, any_of
from sigma2hive.model.fields import Derived, Field, FieldType


def existence(field: Field) -> Bounds:
    """Return the bounds of "the field has a value"."""
    if field.derived is not None:
        return _derived(field, field.derived)
    if field.below is not None:
        return anything(Reason.MANY_FIELDS)
    if field.opaque:
        # An empty text leaves no trace where some index expects numbers.
        leaves_trace = field.type is not FieldType.OTHER
        reason = Reason.MISSING if field.missing else Reason.OPAQUE
        return at_most(has_value(field) if leaves_trace else MATCH_ALL, reason)
    match field.type:
        case FieldType.TEXT | FieldType.MATCH_ONLY_TEXT:
            return exactly(exists(field.path))
        case FieldType.CONSTANT_KEYWORD:
            # The index knows the value for documents that do not hold it.
            return at_most(exists(field.path), Reason.TYPE)
        case FieldType.FLATTENED | FieldType.NESTED | FieldType.OBJECT | FieldType.OTHER:
            return anything(Reason.TYPE)
        case FieldType.LONG | FieldType.DOUBLE:
            # An empty string in a field of numbers leaves no trace.
            return Bounds(MATCH_ALL, exists(field.path), Reason.TYPE)
    return Bounds(has_value(field), exists(field.path), Reason.UNINDEXED)


def some_part(field: Field) -> Node:
    """Return the query for documents that have a value in any part of a derived field."""
    return any_of(existence(source).upper for source in field.parts)


def _derived(field: Field, derived: Derived) -> Bounds:
    plain = [
        existence(source).lower
        for part, source in zip(derived.parts, field.parts, strict=True)
        if not (part.replace or part.hex_digits or part.only_if)
    ]
    return Bounds(some_part(field), any_of(plain), Reason.DERIVED)
