"""The canonical form of a condition tree, for digests: what decides a match and nothing else.

Origins, titles and texts are left out: a changed comment keeps a rule's identity.
"""

from __future__ import annotations

from sigma2hive.model.canonical import JsonValue
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
    Or,
    Regex,
    Test,
    Text,
    TimePart,
    Wildcard,
)
from sigma2hive.model.fields import Field, Part


def condition_as_json(condition: Condition) -> JsonValue:
    """Return the tree as plain JSON values, equal exactly where the trees mean the same."""
    match condition:
        case And(conditions):
            return ["and", *(condition_as_json(part) for part in conditions)]
        case Or(conditions):
            return ["or", *(condition_as_json(part) for part in conditions)]
        case Not(inner):
            return ["not", condition_as_json(inner)]
        case Atom():
            return [
                "atom",
                [_field_as_json(field) for field in condition.fields],
                _test_as_json(condition.test),
            ]


def _field_as_json(field: Field) -> JsonValue:
    derived: JsonValue = None
    if field.derived is not None:
        parts = [_part_as_json(part) for part in field.derived.parts]
        how: JsonValue = "first" if field.derived.first else field.derived.each
        derived = [field.derived.separator, how, parts]
    return [field.path, field.type.value, derived]


def _part_as_json(part: Part) -> JsonValue:
    return [
        part.path,
        part.prefix,
        part.suffix,
        dict(part.replace),
        part.upper,
        part.hex_digits,
        {path: list(texts) for path, texts in part.only_if.items()},
    ]


def _test_as_json(test: Test) -> JsonValue:
    match test:
        case Text(pattern, cased):
            parts = [[part.name] if isinstance(part, Wildcard) else part for part in pattern]
            return ["text", parts, cased]
        case Regex(pattern, ignore_case, multiline, dotall):
            return ["regex", pattern, ignore_case, multiline, dotall]
        case Number(number):
            return ["number", str(number)]
        case Boolean(boolean):
            return ["boolean", boolean]
        case Compare(operator, number):
            return ["compare", operator.value, str(number)]
        case TimePart(unit, operator, number):
            return ["time", unit.value, operator.value, number]
        case Cidr(network):
            return ["cidr", str(network)]
        case Null():
            return ["null"]
        case Exists(exists):
            return ["exists", exists]
        case FieldReference():
            return [
                "fieldref",
                [_field_as_json(field) for field in test.fields],
                test.starts_with,
                test.ends_with,
            ]
