"""Correlations on events that a base rule met: episodes, exactly.

Takes a `CompiledCorrelation` and (rule id, event) pairs in any order; gives episodes. Plain and
slow: every group is sorted by (time, key) and walked once.

A window is half-open, [t, t + timespan). The correlation fires at the first event at which the
window that ends with it meets the bounds. From then on it is one episode, until the condition has
not held for a whole timespan; events until then belong to it.

Source: https://github.com/SigmaHQ/sigma-specification, sigma-correlation-rules-specification.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from sigma2hive.engine.predicates import COMPARISONS
from sigma2hive.model.conditions import Operator
from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.folding import fold
from sigma2hive.model.rules import Bound, CompiledCorrelation
from sigma2hive.model.scalars import address_of

#: A group's folded values, in the order of the correlation's group-by.
GroupKey = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of a group.

    `key` is the group folded, for identities; `group` its (field name, value as first seen).
    `events` are in order of (time, key), from the first of the window that fired. `figure` is the
    count at which it fired, `fired_ns` the time of the event that made it so. From
    `holds_until_ns` on the condition no longer held; a new firing less than a timespan after that
    would be the same episode.
    """

    key: GroupKey
    group: tuple[tuple[str, str], ...]
    events: tuple[Event, ...]
    figure: int
    fired_ns: int
    holds_until_ns: int


@dataclass(frozen=True, slots=True)
class _Open:
    """The episode that is under way: positions of its first and last event, and its figures."""

    first: int
    last: int
    figure: int
    fired_ns: int
    holds_until_ns: int


@dataclass(frozen=True, slots=True)
class _Member:
    event: Event
    shown: tuple[str, ...]


def find_episodes(
    correlation: CompiledCorrelation, found: Iterable[tuple[str, Event]]
) -> Iterator[Episode]:
    """Yield the episodes of an event_count correlation, group by group, then in time.

    `found` are events that met a base rule, with that rule's id. An event that comes twice, by its
    key, counts once. One without a value in a group-by field belongs to no group; one with several
    values belongs to the group of each.
    """
    groups: dict[GroupKey, dict[EventKey, _Member]] = {}
    for rule_id, event in found:
        for key, shown in _groups_of(correlation, rule_id, event):
            groups.setdefault(key, {}).setdefault(event.key, _Member(event, shown))
    for key, members in groups.items():
        ordered = sorted(
            members.values(), key=lambda member: (member.event.time_ns, member.event.key)
        )
        yield from _episodes_of(correlation, key, ordered)


def _groups_of(
    correlation: CompiledCorrelation, rule_id: str, event: Event
) -> Iterator[tuple[GroupKey, tuple[str, ...]]]:
    choices = [
        list(dict(_folded_values(fields[rule_id], event)).items())
        for _, fields in correlation.group_by
    ]
    for chosen in product(*choices):
        yield tuple(folded for folded, _ in chosen), tuple(shown for _, shown in chosen)


def _folded_values(fields: Sequence[Field], event: Event) -> Iterator[tuple[str, str]]:
    for field in fields:
        for value in field.values_of(event.values):
            if value in field.dropped:
                continue
            address = address_of(value) if field.type is FieldType.IP else None
            yield (str(address) if address is not None else fold(value)), value


def _episodes_of(
    correlation: CompiledCorrelation, key: GroupKey, members: Sequence[_Member]
) -> Iterator[Episode]:
    span_ns = correlation.timespan_ns
    times = [member.event.time_ns for member in members]
    needed = _least_count(correlation.bounds)
    window_start = 0
    current: _Open | None = None
    for position, time_ns in enumerate(times):
        while times[window_start] <= time_ns - span_ns:
            window_start += 1
        count = position - window_start + 1
        if current is not None and time_ns >= current.holds_until_ns + span_ns:
            yield _episode(correlation, key, members, current)
            current = None
        if current is not None:
            current = replace(current, last=position)
        if not _meets(correlation.bounds, count):
            continue
        # The count falls below the bound when the oldest event that it needs leaves the window.
        holds_until_ns = times[position - needed + 1] + span_ns
        if current is None:
            current = _Open(window_start, position, count, time_ns, holds_until_ns)
        else:
            current = replace(current, holds_until_ns=holds_until_ns)
    if current is not None:
        yield _episode(correlation, key, members, current)


def _episode(
    correlation: CompiledCorrelation, key: GroupKey, members: Sequence[_Member], ended: _Open
) -> Episode:
    names = (name for name, _ in correlation.group_by)
    belonging = members[ended.first : ended.last + 1]
    return Episode(
        key=key,
        group=tuple(zip(names, belonging[0].shown, strict=True)),
        events=tuple(member.event for member in belonging),
        figure=ended.figure,
        fired_ns=ended.fired_ns,
        holds_until_ns=ended.holds_until_ns,
    )


def _meets(bounds: Sequence[Bound], count: int) -> bool:
    return all(COMPARISONS[bound.operator](count, bound.number) for bound in bounds)


def _least_count(bounds: Sequence[Bound]) -> int:
    """The smallest count that the lower bounds allow; reading refuses a correlation without one."""
    return max(
        bound.number + (bound.operator is Operator.GT)
        for bound in bounds
        if bound.operator in (Operator.GT, Operator.GTE)
    )
