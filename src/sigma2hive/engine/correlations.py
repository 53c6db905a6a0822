"""Correlations on what they count: episodes, exactly.

Takes a `CompiledCorrelation` and what was found for it in any order; gives groups with their
episodes. Plain: every group is sorted by (time, key) and walked once, with one figure of what is in
the window (`sigma2hive.engine.tallies`).

A window is half-open, [t, t + timespan). The condition holds while the figure of the last timespan
meets the bounds. The correlation fires at the first event that makes it so, and from then on it is
one episode, until the condition has not held for a whole timespan; events until then belong to it.

Source: https://github.com/SigmaHQ/sigma-specification, sigma-correlation-rules-specification.md
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.engine.grouping import Found, Occurrence, group_events
from sigma2hive.engine.tallies import CORRELATIONS, Member, Run
from sigma2hive.engine.tallies.interface import Shown
from sigma2hive.model.conditions import Operator
from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.identity import GroupKey
from sigma2hive.model.matches import Ungrouped
from sigma2hive.model.rules import Bound, CompiledCorrelation, Figure
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of a group.

    `shown` is the group's (field name, value as first seen). `events` are in order of (time, key),
    from the first of the window that fired; where other correlations are counted, with the events
    by which theirs held. `begun_with` is the first of those that made it fire, whatever came to it
    later. `figure` is what the window came to when it fired, `fired_ns` the time of the event that
    made it so. From `holds_until_ns` on the condition no longer held; a new firing
    less than a timespan after that would be the same episode. `held` are the windows that met the
    condition, by the positions of their first and last event in the group, where that is asked for.
    """

    shown: Shown
    events: tuple[Event, ...]
    begun_with: EventKey
    figure: Figure
    fired_ns: int
    holds_until_ns: int
    held: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """All that one group has, in order of (time, key), and the episodes among it."""

    key: GroupKey
    shown: Shown
    members: Sequence[Member]
    episodes: tuple[Episode, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        """The events of the group."""
        return tuple(member.event for member in self.members)


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
class Known:
    """An episode of a group that was found before: fired, and held at least until."""

    fired_ns: int
    held_until_ns: int
    figure: Figure


@dataclass(frozen=True, slots=True)
class Past:
    """What was decided before of the groups that are looked at again.

    An episode begins at an event only where `begins` says so of it; others fill the window. `known`
    are the episodes that began before, by group.
    """

    begins: Callable[[Event], bool] = lambda _: True
    known: Callable[[GroupKey], Sequence[Known]] = lambda _: ()


def correlate(
    correlation: CompiledCorrelation,
    found: Iterable[Found],
    *,
    is_counted: bool = False,
    past: Past | None = None,
) -> Correlated:
    """Return the groups and episodes of a correlation.

    `found` are events that met a rule that it counts, with that rule's id, and `Occurrence`s of the
    correlations that it counts. With `is_counted` the episodes say when the condition held. With a
    `past`, `found` may begin in the midst of it: with what the first window needs that counts.
    """
    past = Past() if past is None else past
    grouping = group_events(correlation, found)
    return Correlated(
        groups=tuple(
            Group(
                key=key,
                shown=members[0].shown,
                members=members,
                episodes=tuple(_Walk(correlation, members, is_counted, past, key).episodes()),
            )
            for key, members in grouping.ordered()
        ),
        ungrouped=grouping.ungrouped(),
        put_aside=grouping.put_aside(),
    )


def occurrences_of(
    correlation: CompiledCorrelation, correlated: Correlated
) -> Iterator[Occurrence]:
    """Yield each event at which the condition held, for the correlations that count this one."""
    for group in correlated.groups:
        for number, episode in enumerate(group.episodes):
            for first, last in episode.held:
                member = group.members[last]
                yield Occurrence(
                    rule_id=correlation.info.id,
                    event=member.event,
                    leaves=member.leaves,
                    unit=(correlation.info.id, group.key, number),
                    run=Run(group.members, first, last),
                    shown=group.shown,
                )


@dataclass(slots=True)
class _Open:
    """The episode that is under way: positions of its first and last event, and its figures.

    `fired` is the position of the event that made it fire, where that is among them.
    `holds_until_ns` is None while the condition holds.
    """

    first: int
    fired: int
    last: int
    figure: Figure
    fired_ns: int
    holds_until_ns: int | None = None


class _Walk:
    """One way through a group, in time: events come into the window, and leave it."""

    def __init__(
        self,
        correlation: CompiledCorrelation,
        members: Sequence[Member],
        is_counted: bool,
        past: Past,
        key: GroupKey,
    ) -> None:
        self._bounds, self._span_ns = correlation.bounds, correlation.timespan_ns
        self._members, self._is_counted = members, is_counted
        self._tally = CORRELATIONS[correlation.kind](correlation)
        self._oldest = self._next = 0
        self._open: _Open | None = None
        self._held: list[tuple[int, int]] = []
        self._begins = past.begins
        self._known = sorted(past.known(key), key=lambda known: known.fired_ns, reverse=True)
        #: Until when the open episode is known to hold, whatever its window comes to.
        self._held_until_ns = 0

    def episodes(self) -> Iterator[Episode]:
        """Yield the episodes in time; to be called once."""
        for member in self._members:
            time_ns = member.event.time_ns
            yield from self._reopen(time_ns)
            self._leave_until(time_ns)
            if self._open is not None and self._is_over(self._open, time_ns):
                yield from self._ended(self._open)
            self._tally.add(member)
            self._next += 1
            self._see(time_ns)
        if self._open is not None:
            self._leave_until(self._members[-1].event.time_ns + self._span_ns)
            yield from self._ended(self._open)

    def _reopen(self, time_ns: int) -> Iterator[Episode]:
        """Go on with the episodes that are known to have been open before this time."""
        while self._known and self._known[-1].fired_ns <= time_ns:
            known = self._known.pop()
            self._leave_until(min(known.held_until_ns, time_ns))
            if self._open is not None and self._is_over(self._open, known.fired_ns):
                yield from self._ended(self._open)
            if self._open is None:
                since_ns = known.fired_ns - self._span_ns
                first = bisect_right(self._members, since_ns, key=lambda m: m.event.time_ns)
                last = self._next - 1
                self._open = _Open(first, last, last, known.figure, known.fired_ns)
                self._held_until_ns = known.held_until_ns
            elif self._open.holds_until_ns is not None:
                # It had not been over when it was met again.
                self._held_until_ns = max(self._held_until_ns, self._open.holds_until_ns)
                self._open.holds_until_ns = None
            self._held_until_ns = max(self._held_until_ns, known.held_until_ns)
            self._hold(min(known.held_until_ns, time_ns))

    def _leave_until(self, time_ns: int) -> None:
        """Let events leave the window, all of one moment at once, up to and with this time."""
        while self._oldest < self._next:
            leaves_ns = self._leaves_ns(self._oldest)
            if leaves_ns > time_ns:
                return
            while self._oldest < self._next and self._leaves_ns(self._oldest) == leaves_ns:
                self._tally.remove(self._members[self._oldest])
                self._oldest += 1
            self._hold(leaves_ns)

    def _leaves_ns(self, position: int) -> int:
        return self._members[position].event.time_ns + self._span_ns

    def _hold(self, time_ns: int) -> None:
        """Keep in mind until when the condition of the open episode holds."""
        current = self._open
        if current is None or self._is_over(current, time_ns):
            return
        if self._is_met():
            current.holds_until_ns = None
        elif current.holds_until_ns is None:
            current.holds_until_ns = max(time_ns, self._held_until_ns)

    def _see(self, time_ns: int) -> None:
        """Look at the window that ends with the event that has just come."""
        last = self._next - 1
        is_met = self._is_met()
        if self._open is not None:
            self._open.last = last
            self._hold(time_ns)
        elif is_met and self._begins(self._members[last].event):
            self._open = _Open(self._oldest, last, last, self._tally.figure, time_ns)
            self._held_until_ns = time_ns
        if is_met and self._is_counted and self._open is not None:
            self._held.append((self._oldest, last))

    def _is_met(self) -> bool:
        if self._oldest == self._next:
            return False
        figure = self._tally.figure
        return all(bound.admits(figure) for bound in self._bounds)

    def _is_over(self, current: _Open, time_ns: int) -> bool:
        until_ns = current.holds_until_ns
        return until_ns is not None and time_ns >= until_ns + self._span_ns

    def _ended(self, ended: _Open) -> Iterator[Episode]:
        """Yield the episode; one that is only known to have been has no events here."""
        belonging = self._members[ended.first : ended.last + 1]
        held = tuple(self._held)
        self._open, self._held = None, []
        if ended.holds_until_ns is None:
            raise ValueError("an episode ended while its condition held")
        if not belonging:
            return
        yield Episode(
            shown=belonging[0].shown,
            events=_evidence(belonging),
            begun_with=_evidence(belonging[: max(ended.fired - ended.first, 0) + 1])[0].key,
            figure=ended.figure,
            fired_ns=ended.fired_ns,
            holds_until_ns=ended.holds_until_ns,
            held=held,
        )


def _evidence(members: Sequence[Member]) -> tuple[Event, ...]:
    """Return the members' events, and those by which correlations that they stand for held."""
    if not any(member.runs for member in members):
        return tuple(member.event for member in members)
    found: dict[EventKey, Event] = {}
    level: Iterable[Member] = members
    while runs := _keep(level, found):
        level = chain.from_iterable(_united(of_group) for of_group in runs.values())
    return tuple(sorted(found.values(), key=lambda event: (event.time_ns, event.key)))


def _keep(members: Iterable[Member], found: dict[EventKey, Event]) -> Mapping[int, Sequence[Run]]:
    """Put the members' events into `found`; return the runs that they stand for, by group."""
    runs: dict[int, list[Run]] = {}
    for member in members:
        found[member.event.key] = member.event
        for run in member.runs:
            runs.setdefault(id(run.members), []).append(run)
    return runs


def _united(runs: Sequence[Run]) -> Iterator[Member]:
    """Yield the members of a group's runs in order, each once: runs overlap, and many they are."""
    after = -1
    for run in sorted(runs, key=lambda run: (run.first, run.last)):
        yield from run.members[max(run.first, after + 1) : run.last + 1]
        after = max(after, run.last)


def least_count(bounds: Sequence[Bound]) -> int:
    """The smallest count that the lower bounds allow; reading refuses a correlation without one."""
    return max(
        int(bound.number) + (bound.operator is Operator.GT)
        for bound in bounds
        if bound.operator in (Operator.GT, Operator.GTE)
    )
