"""The canonical form of a condition tree, for digests: what decides a match and nothing else.

Origins, titles and texts are left out: a changed comment keeps a rule's identity.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache

from sigma2hive.model.canonical import JsonValue, canonical_json
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

_OtherTest = Regex | Number | Boolean | Compare | TimePart | Cidr | Null | Exists | FieldReference


def condition_form(condition: Condition) -> str:
    """Return the tree as canonical JSON, equal exactly where the trees mean the same.

    The text at once, not values to be made one: every atom of every rule comes here.
    """
    match condition:
        case And(conditions):
            return _list_of('"and"', conditions)
        case Or(conditions):
            return _list_of('"or"', conditions)
        case Not(inner):
            return f'["not",{condition_form(inner)}]'
        case Atom():
            return f'["atom",{_fields_form(condition.fields)},{_test_form(condition.test)}]'


def _list_of(name: str, conditions: Iterable[Condition]) -> str:
    return f"[{','.join([name, *map(condition_form, conditions)])}]"


@lru_cache(maxsize=4096)  # many values are looked for in few fields
def _fields_form(fields: tuple[Field, ...]) -> str:
    return _form([_field_as_json(field) for field in fields])


def _test_form(test: Test) -> str:
    if not isinstance(test, Text):
        return _form(_test_as_json(test))
    parts = [
        _WILDCARDS[part] if isinstance(part, Wildcard) else json.dumps(part)
        for part in test.pattern
    ]
    return f'["text",[{",".join(parts)}],{"true" if test.cased else "false"}]'


def _form(value: JsonValue) -> str:
    return canonical_json(value).decode("ascii")


_WILDCARDS = {wildcard: f'["{wildcard.name}"]' for wildcard in Wildcard}


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


def _test_as_json(test: _OtherTest) -> JsonValue:
    match test:
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
