"""Helps tests to write a rule as a team would, and to decide it without a profile."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent, indent

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.engine import holds
from sigma2hive.model.conditions import And, Atom, Condition, FieldReference, Not, Or
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.rules import DetectionRule
from sigma2hive.model.values import flatten
from sigma2hive.sigma import SigmaDocument, parse_document
from sigma2hive.yamlmarks import parse_yaml

HEAD = """\
title: A rule
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
logsource:
    product: windows
    service: security
level: low
"""


def parse(
    text: str, placeholders: dict[str, tuple[str, ...]] | None = None
) -> tuple[list[SigmaDocument], Diagnostics]:
    """Every document of a rule file, and the findings."""
    diagnostics = Diagnostics()
    documents = parse_yaml("rule.yml", text.encode(), diagnostics)
    parsed = [parse_document(entry, placeholders or {}, diagnostics) for entry in documents]
    return [entry for entry in parsed if entry is not None], diagnostics


def detection(text: str) -> str:
    """A whole rule with this detection section."""
    return HEAD + "detection:\n" + indent(dedent(text).strip("\n"), "    ") + "\n"


def condition_of(text: str, types: dict[str, FieldType] | None = None) -> Condition:
    """The condition of a detection section, each Sigma field being the index field of its name."""
    (rule,), diagnostics = parse(detection(text))
    assert not list(diagnostics), [finding.message for finding in diagnostics]
    assert isinstance(rule, DetectionRule)
    return _with_fields(rule.condition, types or {})


def met(text: str, event: dict, types: dict[str, FieldType] | None = None) -> bool:
    """Whether the detection section is met by an event given as JSON."""
    return holds(condition_of(text, types), flatten(event))


def _with_fields(condition: Condition, types: dict[str, FieldType]) -> Condition:
    def fields(name: str | None) -> tuple[Field, ...]:
        path = name if name is not None else "message"
        return (Field(path, types.get(path, FieldType.KEYWORD)),)

    match condition:
        case And(parts):
            return And(tuple(_with_fields(part, types) for part in parts))
        case Or(parts):
            return Or(tuple(_with_fields(part, types) for part in parts))
        case Not(inner):
            return Not(_with_fields(inner, types))
        case Atom():
            test = condition.test
            if isinstance(test, FieldReference):
                test = replace(test, fields=fields(test.name))
            return replace(condition, test=test, fields=fields(condition.name))
