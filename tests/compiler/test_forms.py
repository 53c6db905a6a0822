"""The canonical form of a condition: canonical JSON, the same exactly where the same is meant."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_network

import pytest

from sigma2hive.compiler.forms import condition_form
from sigma2hive.diagnostics import Location
from sigma2hive.model.canonical import canonical_json
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
from sigma2hive.model.fields import Derived, Field, FieldType, Part

ORIGIN = Origin("selection", "Image", "x", Location("a.yml", 1, 1))
IMAGE = Field("process.executable")
HASHES = Field(
    "hashes",
    derived=Derived((Part("file.hash.md5", prefix="MD5=", only_if={"a": ("1", "é")}),), ","),
)
TESTS: tuple[Test, ...] = (
    Text(()),
    Text(("*",)),
    Text((Wildcard.ANY,)),
    Text((Wildcard.ONE,)),
    Text((Wildcard.ANY, 'a"b\\c\n\x7fé\U0001f600\ud800', Wildcard.ONE)),
    Text(("a",), cased=True),
    Text(("a",)),
    Regex("a.*\\d", ignore_case=True),
    Number(4625),
    Number(46.25),
    Boolean(True),
    Compare(Operator.GTE, 10),
    TimePart(TimeUnit.HOUR, Operator.LT, 6),
    Cidr(ip_network("10.0.0.0/8")),
    Null(),
    Exists(True),
    FieldReference("other", starts_with=True, fields=(HASHES,)),
)


def atom(test: Test, *fields: Field) -> Atom:
    return Atom("Image", test, ORIGIN, fields or (IMAGE,))


def conditions() -> list[Condition]:
    atoms: list[Condition] = [atom(test) for test in TESTS]
    a, b = atoms[-1], atoms[-2]
    fields = [
        atom(Null(), HASHES),
        atom(Null(), replace(HASHES, type=FieldType.TEXT)),
        atom(Null(), IMAGE, HASHES),
    ]
    trees = [And(()), Or(()), Not(a), And((a, b)), And((b, a)), Or((a, b)), Not(Or((a, Not(b))))]
    return [*atoms, *fields, *trees]


@pytest.mark.parametrize("condition", conditions(), ids=str)
def test_the_form_is_canonical_json(condition: Condition) -> None:
    form = condition_form(condition)
    assert canonical_json(json.loads(form)).decode("ascii") == form


def test_what_means_something_else_has_another_form() -> None:
    forms = [condition_form(condition) for condition in conditions()]
    assert len(set(forms)) == len(forms)


def test_where_it_stands_and_what_the_rule_calls_it_does_not_matter() -> None:
    other = Atom("Path", Text(("a",)), replace(ORIGIN, selection="b"), (IMAGE,))
    assert condition_form(other) == condition_form(atom(Text(("a",))))
