"""One correlation over the groups in which something is new: which episodes, and which grew.

Takes a node of a tree, what is new in its groups, and the store; reads of each group only what the
windows of the new events need. Gives the episodes with the entries that belong to them, and the
events at which the condition held. Reads the store, and writes nothing.

Where an episode began long ago, its events are not read again: that it is open, and until when its
condition held at least, is stored with it. A window with many events is kept, and gone on with; it
is read again where an episode begins, or where something comes late.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from functools import partial

from sigma2hive.engine import (
    Correlated,
    Followed,
    Group,
    Known,
    Occurrence,
    Past,
    Run,
    Window,
    correlate,
    group_events,
    occurrences_of,
)
from sigma2hive.engine.tallies import Member
from sigma2hive.model.canonical import JsonValue, canonical_json
from sigma2hive.model.events import Event
from sigma2hive.model.identity import group_key
from sigma2hive.model.service import Counted, StoredEpisode
from sigma2hive.records import dataclass
from sigma2hive.runner.correlating.counting import found_in, group_text
from sigma2hive.runner.correlating.evidence import Evidence
from sigma2hive.runner.correlating.trees import Node
from sigma2hive.runner.correlating.windows import LEAST_KEPT, Kept
from sigma2hive.runner.episodes import Firing, by_age, find_firings, stored_as
from sigma2hive.runner.store.interface import StateStore

#: New events of a group that lie further apart are looked at one after the other: what lies
#: between them does not matter to either. In time spans.
_APART = 5


@dataclass(frozen=True, slots=True)
class Horizon:
    """Until when events are complete: what happened until `now_ns` is there, but for what is late.

    `before_ns` is where that was when the correlation was worked out last.
    """

    before_ns: int
    now_ns: int


@dataclass(frozen=True, slots=True)
class Grown:
    """An episode that began, or to which events were added.

    `firing` has its events that were looked at; of the group's entries `whole` gives those that
    belong to it, `new` are those that were not looked at before. `was_known` says that the episode
    fired earlier, `is_late` that something new happened before what was looked at already.
    """

    firing: Firing
    whole: Callable[[], Sequence[Counted]]
    new: Sequence[Counted]
    was_known: bool
    is_late: bool


@dataclass(frozen=True, slots=True)
class Walked:
    """What came of a stretch of one group. `held` are events at which the condition held, each with
    the identity of its episode."""

    episodes: Sequence[StoredEpisode]
    grown: Sequence[Grown]
    held: Sequence[tuple[Occurrence, JsonValue]]


@dataclass(frozen=True, slots=True)
class Walker:
    """Works out one correlation of a tree; `begins` says at which events an episode may begin.

    `windows` are what is known of groups, all of it up to what is new, and go on with it; those of
    `least_kept` events are kept.
    """

    store: StateStore
    node: Node
    epoch: str
    horizon: Horizon
    evidence: Evidence
    begins: Callable[[Event], bool] = lambda _: True
    windows: dict[str, Kept] = field(default_factory=dict)
    least_kept: int = LEAST_KEPT

    def walk(self, new: Iterable[Counted]) -> Iterator[Walked]:
        """Yield what came of each group in which something is new, one at a time."""
        by_group: dict[str, list[Counted]] = {}
        for entry in new:
            by_group.setdefault(entry.group, []).append(entry)
        for group, entries in by_group.items():
            walked = self._followed(group, entries)
            if walked is not None:
                yield walked
                continue
            for stretch in self._stretches(entries):
                yield from self._stretch(group, stretch)

    def _followed(self, group: str, new: Sequence[Counted]) -> Walked | None:
        """Go on with a group's window; None where there is none, or it cannot say what comes."""
        kept = self.windows.pop(group, None)
        if kept is None:
            return None
        window, span_ns = kept.window, self.node.correlation.timespan_ns
        came = self._members(group, new)
        first = came[0].event
        if first.time_ns <= window.at_ns or (first.time_ns, first.key) <= window.last:
            return None
        end_ns = self._end_ns(came[-1].event.time_ns)
        gone = self.store.counted(
            self.node.unit, group, window.at_ns - span_ns + 1, end_ns - span_ns + 1
        )
        followed = window.follow(came, self._members(group, gone), end_ns, self.begins)
        if followed is None:
            return None
        self.windows[group] = kept
        return self._grown(kept, new, followed)

    def _members(self, group: str, entries: Sequence[Counted]) -> Sequence[Member]:
        """Return what counts in a group, in order."""
        ordered = group_events(self.node.correlation, found_in(entries)).ordered()
        return next((members for key, members in ordered if group_text(key) == group), ())

    def _grown(self, kept: Kept, new: Sequence[Counted], followed: Sequence[Followed]) -> Walked:
        """Return what new events made of the episode that was open."""
        members = [entry.member for entry in followed if entry.belongs]
        if kept.episode is None or not members:
            kept.episode = kept.episode if kept.window.is_open else None
            return Walked((), (), ())
        correlation = self.node.correlation
        span_ns = correlation.timespan_ns
        stored = replace(kept.episode, end_ns=kept.window.held_until_ns + span_ns - 1)
        since_ns = max(stored.start_ns, members[0].event.time_ns - span_ns) - span_ns
        until = members[-1].event.time_ns, members[-1].event.key

        def whole() -> Sequence[Counted]:
            entries = self.store.counted(self.node.unit, stored.group, since_ns + 1, until[0] + 1)
            return [entry for entry in entries if (entry.time_ns, entry.key) <= until]

        firing = Firing(stored, kept.shown, tuple(member.event for member in members))
        grown = Grown(firing, whole, _among(new, firing), was_known=True, is_late=False)
        held = [
            (self._occurrence(kept, entry.member), stored.identity)
            for entry in followed
            if entry.is_met and self.node.counted_by
        ]
        kept.episode = stored if kept.window.is_open else None
        return Walked((stored,), (grown,), held)

    def _occurrence(self, kept: Kept, member: Member) -> Occurrence:
        correlation = self.node.correlation
        key = group_key(dict(kept.shown))
        return Occurrence(
            rule_id=correlation.info.id,
            event=member.event,
            leaves=member.leaves,
            unit=(correlation.info.id, key, 0),
            run=Run((), 0, -1),
            shown=kept.shown,
        )

    def _end_ns(self, last_ns: int) -> int:
        """Return until when to look, where the last new event is of this time."""
        after_ns = last_ns + 2 * self.node.correlation.timespan_ns
        return max(last_ns, min(self.horizon.now_ns, after_ns))

    def _stretches(self, entries: Sequence[Counted]) -> Iterator[Sequence[Counted]]:
        """Yield the entries in time, cut where nothing of one stretch matters to the next."""
        apart_ns = _APART * self.node.correlation.timespan_ns
        stretch: list[Counted] = []
        for entry in sorted(entries, key=lambda entry: entry.time_ns):
            if stretch and entry.time_ns - stretch[-1].time_ns > apart_ns:
                yield stretch
                stretch = []
            stretch.append(entry)
        yield stretch

    def _stretch(self, group: str, new: Sequence[Counted]) -> Iterator[Walked]:
        correlation = self.node.correlation
        span_ns = correlation.timespan_ns
        first_ns = new[0].time_ns
        end_ns = self._end_ns(new[-1].time_ns)
        remembered = self._remembered(group, first_ns - span_ns, end_ns)
        known = [
            # What is stored is certain: the condition held until a time span before its end.
            Known(entry.start_ns, entry.end_ns + 1 - span_ns, entry.figure)
            for entry in remembered
        ]
        start_ns = min((first_ns, *(entry.held_until_ns for entry in known))) - span_ns + 1
        entries = self.store.counted(self.node.unit, group, start_ns, end_ns + 1)
        correlated = correlate(
            correlation,
            found_in(entries),
            is_counted=bool(self.node.counted_by),
            past=Past(
                lambda event: event.time_ns >= first_ns and self.begins(event),
                lambda key: known if group_text(key) == group else (),
            ),
        )
        for found in correlated.groups:
            if group_text(found.key) == group:
                certain = self._whole(_certain(found, end_ns), entries)
                walked = self._walked(certain, entries, new, remembered)
                yield walked
                self._keep(group, found, end_ns, (*remembered, *walked.episodes))

    def _keep(
        self, group: str, found: Group, at_ns: int, episodes: Sequence[StoredEpisode]
    ) -> None:
        """Keep the window with which a group ends, where it is large and all is plain."""
        self.windows.pop(group, None)
        correlation = self.node.correlation
        since_ns = at_ns - correlation.timespan_ns
        first = bisect_right(found.members, since_ns, key=lambda member: member.event.time_ns)
        within = found.members[first:]
        # The last of one identity is what it is stored as now.
        known = {
            canonical_json(entry.identity): entry
            for entry in sorted(episodes, key=lambda entry: entry.end_ns)
        }
        is_open = [entry for entry in known.values() if entry.end_ns >= at_ns]
        if len(within) < max(self.least_kept, 1) or len(is_open) > 1:
            return
        if self.store.counted(self.node.unit, group, at_ns + 1, 2**63 - 1):
            # What is from the future comes before what is new.
            return
        episode = is_open[0] if is_open else None
        held_ns = None if episode is None else episode.end_ns + 1 - correlation.timespan_ns
        window = Window(correlation, within, at_ns, held_ns)
        self.windows[group] = Kept(window, episode, found.shown)

    def _whole(self, group: Group, entries: Sequence[Counted]) -> Group:
        """Name each episode by the first event that made it fire, however deep."""
        if not self.node.correlation.chained:
            return group
        episodes = []
        for episode in group.episodes:
            after_ns = episode.fired_ns - self.node.correlation.timespan_ns
            window = [entry for entry in entries if after_ns < entry.time_ns <= episode.fired_ns]
            if window:
                first = self.evidence.first_of(window)
                episode = replace(episode, begun_with=first.key)  # noqa: PLW2901
            episodes.append(episode)
        return replace(group, episodes=tuple(episodes))

    def _remembered(self, group: str, start_ns: int, end_ns: int) -> Sequence[StoredEpisode]:
        near = self.store.near(self.node.episodes_of, self.epoch, start_ns, end_ns, group)
        return sorted(near, key=by_age)

    def _walked(
        self,
        group: Group,
        entries: Sequence[Counted],
        new: Sequence[Counted],
        remembered: Sequence[StoredEpisode],
    ) -> Walked:
        correlation = self.node.correlation
        first_ns = new[0].time_ns
        new_keys = {entry.key for entry in new}
        earlier = {canonical_json(entry.identity) for entry in remembered}
        firings = [
            firing
            for firing in find_firings(correlation, Correlated((group,)), remembered)
            if any(event.key in new_keys for event in firing.events)
        ]
        grown = [
            Grown(
                firing=firing,
                whole=partial(_among, entries, firing),
                new=_among(new, firing),
                was_known=canonical_json(firing.stored.identity) in earlier,
                is_late=first_ns <= self.horizon.before_ns,
            )
            for firing in firings
        ]
        identities = [
            stored_as(correlation, group, episode, remembered).identity
            for episode in group.episodes
        ]
        held = [
            (found, identities[found.unit[2]])
            for found in occurrences_of(correlation, Correlated((group,)))
            if found.event.time_ns >= first_ns
        ]
        return Walked([self._own(firing.stored) for firing in firings], grown, held)

    def _own(self, stored: StoredEpisode) -> StoredEpisode:
        return replace(stored, rule_id=self.node.episodes_of, epoch=self.epoch)


def _among(entries: Sequence[Counted], firing: Firing) -> Sequence[Counted]:
    """Return the entries of events that belong to an episode."""
    keys = {event.key for event in firing.events}
    return [entry for entry in entries if entry.key in keys]


def _certain(group: Group, until_ns: int) -> Group:
    """Cut off what is only so if no more events come after this time."""
    episodes = tuple(
        replace(episode, holds_until_ns=min(episode.holds_until_ns, until_ns))
        for episode in group.episodes
    )
    return replace(group, episodes=episodes)
