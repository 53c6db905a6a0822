"""Which groups of a correlation an event belongs to.

Takes a `CompiledCorrelation` and (rule id, event) pairs in any order; gives the groups with their
members in order of (time, key), and what belongs to none. Work and memory are linear in the events:
one that would belong to too many groups is put aside before they are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.fields import Field
from sigma2hive.model.identity import GroupKey, fold_group_value, group_key
from sigma2hive.model.matches import Ungrouped
from sigma2hive.model.rules import CompiledCorrelation

#: Of one event in one correlation. Three fields of a hundred values each would make a million.
MAX_GROUPS = 100

#: (field name, value as it was seen), in the order of the correlation's group-by.
Shown = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Member:
    """An event in a group, and how it spells the group's values."""

    event: Event
    shown: Shown


@dataclass(slots=True)
class Grouping:
    """Groups as they fill: events by their key, so that one that comes twice counts once."""

    groups: dict[GroupKey, dict[EventKey, Member]] = field(default_factory=dict)
    missing: dict[tuple[str, str], set[EventKey]] = field(default_factory=dict)
    too_many: dict[EventKey, Event] = field(default_factory=dict)

    def ordered(self) -> Iterator[tuple[GroupKey, Sequence[Member]]]:
        """Yield each group with its members in order of (time, key)."""
        for key, members in self.groups.items():
            yield (
                key,
                sorted(
                    members.values(), key=lambda member: (member.event.time_ns, member.event.key)
                ),
            )

    def ungrouped(self, correlation: CompiledCorrelation) -> tuple[Ungrouped, ...]:
        """Return how many events of each rule had no value in each grouping field."""
        return tuple(
            Ungrouped(correlation.info.id, rule_id, name, len(keys))
            for (rule_id, name), keys in self.missing.items()
        )

    def put_aside(self, correlation: CompiledCorrelation) -> tuple[Diagnostic, ...]:
        """Return a finding for each event that would belong to too many groups."""
        names = ", ".join(name for name, _ in correlation.group_by)
        return tuple(
            Diagnostic(
                "S2H502",
                Severity.ERROR,
                Location(event.origin),
                f"the correlation '{correlation.info.title}' does not count the event: by "
                f"{names} it belongs to more than {MAX_GROUPS} groups",
                "group by fields that hold one value an event",
            )
            for event in self.too_many.values()
        )


def group_events(correlation: CompiledCorrelation, found: Iterable[tuple[str, Event]]) -> Grouping:
    """Return the groups of events that met a base rule, each given with that rule's id.

    An event without a value in a grouping field belongs to no group; one with several values there
    belongs to the group of each.
    """
    grouping = Grouping()
    for rule_id, event in found:
        values = {
            name: group_values(by_rule[rule_id], event) for name, by_rule in correlation.group_by
        }
        missing = [name for name, spellings in values.items() if not spellings]
        for name in missing:
            grouping.missing.setdefault((rule_id, name), set()).add(event.key)
        if missing:
            continue
        if prod(map(len, values.values())) > MAX_GROUPS:
            grouping.too_many[event.key] = event
            continue
        for chosen in product(*(spellings.values() for spellings in values.values())):
            shown = tuple(zip(values, chosen, strict=True))
            members = grouping.groups.setdefault(group_key(dict(shown)), {})
            members.setdefault(event.key, Member(event, shown))
    return grouping


def group_values(candidates: Sequence[Field], event: Event) -> Mapping[str, str]:
    """Return folded value → first spelling, of the first candidate field that has any.

    A document may hold one value in several fields, spelled differently; they are one group.
    """
    for candidate in candidates:
        spellings: dict[str, str] = {}
        for value in candidate.values_of(event.values):
            if value not in candidate.dropped:
                spellings.setdefault(fold_group_value(value), value)
            if len(spellings) > MAX_GROUPS:
                break
        if spellings:
            return spellings
    return {}
