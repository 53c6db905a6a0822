"""Correlations on events that a base rule met: episodes, exactly.

Takes a `CompiledCorrelation` and (rule id, event) pairs in any order; gives groups with their
episodes. Plain and slow: every group is sorted by (time, key) and walked once.

A window is half-open, [t, t + timespan). The correlation fires at the first event at which the
window that ends with it meets the bounds. From then on it is one episode, until the condition has
not held for a whole timespan; events until then belong to it.

Source: https://github.com/SigmaHQ/sigma-specification, sigma-correlation-rules-specification.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.engine.grouping import Member, Shown, group_events
from sigma2hive.engine.predicates import COMPARISONS
from sigma2hive.model.conditions import Operator
from sigma2hive.model.events import Event
from sigma2hive.model.identity import GroupKey
from sigma2hive.model.matches import Ungrouped
from sigma2hive.model.rules import Bound, CompiledCorrelation


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of a group.

    `shown` is the group's (field name, value as first seen). `events` are in order of (time, key),
    from the first of the window that fired. `figure` is the count at which it fired, `fired_ns` the
    time of the event that made it so. From `holds_until_ns` on the condition no longer held; a new
    firing less than a timespan after that would be the same episode.
    """

    shown: Shown
    events: tuple[Event, ...]
    figure: int
    fired_ns: int
    holds_until_ns: int


@dataclass(frozen=True, slots=True)
class Group:
    """All events of one group, in order of (time, key), and the episodes among them."""

    key: GroupKey
    shown: Shown
    events: tuple[Event, ...]
    episodes: tuple[Episode, ...]


@dataclass(frozen=True, slots=True)
class Correlated:
    """What a correlation made of the events: `ungrouped` and `put_aside` belong to no group."""

    groups: tuple[Group, ...] = ()
    ungrouped: tuple[Ungrouped, ...] = ()
    put_aside: tuple[Diagnostic, ...] = ()

    @property
    def episodes(self) -> Iterator[Episode]:
        """The episodes of all groups, group by group, then in time."""
        return (episode for group in self.groups for episode in group.episodes)


@dataclass(frozen=True, slots=True)
class _Open:
    """The episode that is under way: positions of its first and last event, and its figures."""

    first: int
    last: int
    figure: int
    fired_ns: int
    holds_until_ns: int


def correlate(correlation: CompiledCorrelation, found: Iterable[tuple[str, Event]]) -> Correlated:
    """Return the groups and episodes of an event_count correlation.

    `found` are events that met a base rule, with that rule's id.
    """
    grouping = group_events(correlation, found)
    return Correlated(
        groups=tuple(
            Group(
                key=key,
                shown=members[0].shown,
                events=tuple(member.event for member in members),
                episodes=tuple(_episodes_of(correlation, members)),
            )
            for key, members in grouping.ordered()
        ),
        ungrouped=grouping.ungrouped(correlation),
        put_aside=grouping.put_aside(correlation),
    )


def _episodes_of(correlation: CompiledCorrelation, members: Sequence[Member]) -> Iterator[Episode]:
    span_ns = correlation.timespan_ns
    times = [member.event.time_ns for member in members]
    needed = least_count(correlation.bounds)
    window_start = 0
    current: _Open | None = None
    for position, time_ns in enumerate(times):
        while times[window_start] <= time_ns - span_ns:
            window_start += 1
        count = position - window_start + 1
        if current is not None and time_ns >= current.holds_until_ns + span_ns:
            yield _episode(members, current)
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
        yield _episode(members, current)


def _episode(members: Sequence[Member], ended: _Open) -> Episode:
    belonging = members[ended.first : ended.last + 1]
    return Episode(
        shown=belonging[0].shown,
        events=tuple(member.event for member in belonging),
        figure=ended.figure,
        fired_ns=ended.fired_ns,
        holds_until_ns=ended.holds_until_ns,
    )


def _meets(bounds: Sequence[Bound], count: int) -> bool:
    return all(COMPARISONS[bound.operator](count, bound.number) for bound in bounds)


def least_count(bounds: Sequence[Bound]) -> int:
    """The smallest count that the lower bounds allow; reading refuses a correlation without one."""
    return max(
        bound.number + (bound.operator is Operator.GT)
        for bound in bounds
        if bound.operator in (Operator.GT, Operator.GTE)
    )
