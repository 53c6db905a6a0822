"""Cursors, rules and notes as every store writes them: plain fields, and back.

Takes and gives values; never stores anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sigma2hive.model.canonical import JsonValue, canonical_json
from sigma2hive.model.service import RuleRecord, Step
from sigma2hive.runner.store.interface import MovedError

#: What is kept of a rule; `targets` is a JSON list.
RULE_FIELDS = ("rule_id", "digest", "since_ns", "targets", "disabled", "missed", "path")


def rule_fields(record: RuleRecord) -> dict[str, Any]:
    """Return what is kept of a rule."""
    targets = json.dumps(list(record.targets))
    return {name: getattr(record, name) for name in RULE_FIELDS} | {"targets": targets}


def rule_of(fields: Mapping[str, Any]) -> RuleRecord:
    """Return what was kept of a rule."""
    targets = tuple(json.loads(fields["targets"]))
    return RuleRecord(**{name: fields[name] for name in RULE_FIELDS} | {"targets": targets})


def written(value: JsonValue) -> str:
    """Return a value as text that is the same wherever the value is: a position, a note."""
    return canonical_json(value).decode("ascii")


def check_it_stands(step: Step, stands: str | None) -> None:
    """Look whether the unit of a step stands where the step expects, as written.

    Raises:
        MovedError: it does not.
    """
    if stands != (None if step.expected is None else written(step.expected)):
        raise moved_error(step)


def moved_error(step: Step) -> MovedError:
    """Return what is raised where another runner has moved a step's unit."""
    return MovedError(f"{step.unit} was read on by another runner")
