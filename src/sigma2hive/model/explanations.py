"""Explanations: a condition tree with what each part saw in one event, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from sigma2hive.model.conditions import Atom
from sigma2hive.model.rules import RuleInfo
from sigma2hive.records import dataclass


class Part(StrEnum):
    """What a node of the tree is."""

    ALL = "all"
    ANY = "any"
    NOT = "not"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Saw:
    """The values that the event has in one field, () where it is absent."""

    path: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One node: whether it holds, and why.

    `atom` and `saw` (each field that it looked at) are there for a `Part.TEST`, `parts` for the
    others. `selection` is set on the topmost node whose tests are all of that selection.
    """

    part: Part
    holds: bool
    parts: tuple[Explained, ...] = ()
    atom: Atom | None = None
    saw: tuple[Saw, ...] = ()
    selection: str = ""


@dataclass(frozen=True, slots=True)
class ExplainedFilter:
    """A filter of a rule: an event that does not meet its condition is suppressed."""

    info: RuleInfo
    condition: Explained


@dataclass(frozen=True, slots=True)
class ExplainedRule:
    """A rule on one event: its log source, its own condition, and its filters."""

    info: RuleInfo
    gate: Explained
    condition: Explained
    filters: tuple[ExplainedFilter, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the event is a match of the rule."""
        return (
            self.gate.holds
            and self.condition.holds
            and all(entry.condition.holds for entry in self.filters)
        )

    @property
    def roots(self) -> tuple[Explained, ...]:
        """The conditions that all have to hold."""
        return (self.gate, self.condition, *(entry.condition for entry in self.filters))


def decisive(explained: Explained) -> Explained:
    """Return the tree without the parts that a change of would have changed nothing alone.

    Where all parts have to hold and some do not, only these; where one is enough and some hold,
    only these.
    """
    if explained.part is Part.TEST:
        return explained
    parts: Sequence[Explained] = explained.parts
    is_each_enough = (explained.part is Part.ANY) is explained.holds
    if explained.part is not Part.NOT and is_each_enough:
        parts = [part for part in parts if part.holds is explained.holds]
    return replace(explained, parts=tuple(decisive(part) for part in parts))
