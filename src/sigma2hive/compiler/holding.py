"""Whether a field of the index can hold what a rule looks for.

Takes a test and a field; gives the reason why not, or how long a value would be. Says "cannot" only
where it is sure: where the index takes malformed values, a field can hold anything.
"""

from __future__ import annotations

from ipaddress import ip_address

from sigma2hive.compiler.dsl.texts import meets
from sigma2hive.compiler.utf16 import utf16_length
from sigma2hive.model.conditions import (
    Boolean,
    Cidr,
    Compare,
    Number,
    Test,
    Text,
    TimePart,
    Wildcard,
)
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.snapshot_types import IndexView

#: Every character that a value of the type may be written with.
_NUMBER = frozenset("0123456789+-.eExXabcdefABCDEF")
_ADDRESS = frozenset("0123456789abcdefABCDEF.:%")
_LOGICAL = frozenset("truefalsTRUEFALS")


def why_not_held(test: Test, entry: Field, view: IndexView) -> str:
    """Return what the field is, where no value of it can meet the test; "" where one may."""
    facts = [placed.fact for placed in view.facts.get(entry.path, ())]
    if any(fact.takes_malformed for fact in facts) or entry.derived is not None:
        return ""
    kind = entry.type
    if kind is FieldType.CONSTANT_KEYWORD:
        return _why_not_constant(test, [fact.value for fact in facts])
    if kind is FieldType.OBJECT:
        return "an object without a value of its own"
    return "" if is_held(test, kind) else f"of the type {kind.value}"


def _why_not_constant(test: Test, constants: list[str | None]) -> str:
    texts = [text for text in constants if text is not None and text.isascii()]
    if not texts or len(texts) < len(constants) or not isinstance(test, Text):
        return ""
    if any(meets(test, text) for text in texts):
        return ""
    return f"always {' or '.join(repr(text) for text in sorted(set(texts)))}"


def is_held(test: Test, kind: FieldType) -> bool:
    """Whether some value of a type can meet the test."""
    match test:
        case Text():
            return _holds_text(test, kind)
        case Number() | Compare() | TimePart():
            return kind not in (FieldType.IP, FieldType.BOOLEAN)
        case Boolean():
            return kind is not FieldType.IP and not kind.is_numeric
        case Cidr():
            return kind not in (FieldType.BOOLEAN, FieldType.DATE) and not kind.is_numeric
        case _:
            return True


def _holds_text(test: Text, kind: FieldType) -> bool:
    literals = "".join(part for part in test.pattern if not isinstance(part, Wildcard))
    if not literals:
        # An empty text leaves no trace in numbers, and is false to a boolean.
        return True
    match kind:
        case FieldType.LONG | FieldType.DOUBLE:
            return _NUMBER.issuperset(literals) and (
                test.literal is None or any(char.isdigit() for char in literals)
            )
        case FieldType.IP:
            return _ADDRESS.issuperset(literals) and (
                test.literal is None or _is_address(test.literal)
            )
        case FieldType.BOOLEAN:
            if test.literal is not None:
                return test.literal.lower() in ("true", "false")
            return _LOGICAL.issuperset(literals)
    return True


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def longest_needed(test: Test) -> int:
    """Return how many UTF-16 units, as Elasticsearch counts, every value that is meant has."""
    if not isinstance(test, Text):
        return 0
    singles = sum(part is Wildcard.ONE for part in test.pattern)
    literals = "".join(part for part in test.pattern if not isinstance(part, Wildcard))
    return singles + utf16_length(literals)
