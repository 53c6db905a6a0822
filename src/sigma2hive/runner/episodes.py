"""Which alert each correlated event belongs to: deciding, without any I/O.

Takes the groups of one correlation over one pass, and the episodes that fired in earlier passes;
gives a `Firing` for each alert. An event that comes alone reaches the alert of the episode that it
falls into, though the others are not read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sigma2hive.engine import Correlated, Episode, Group
from sigma2hive.model.canonical import canonical_json
from sigma2hive.model.events import Event
from sigma2hive.model.identity import episode_identity
from sigma2hive.model.rules import CompiledCorrelation
from sigma2hive.records import dataclass
from sigma2hive.runner.state import StoredEpisode


@dataclass(frozen=True, slots=True)
class Firing:
    """An episode with the events that this pass knows of, and what to remember of it.

    `shown` is the group's (field name, value as first seen).
    """

    stored: StoredEpisode
    shown: tuple[tuple[str, str], ...]
    events: tuple[Event, ...]


def find_firings(
    correlation: CompiledCorrelation, correlated: Correlated, remembered: Iterable[StoredEpisode]
) -> Iterator[Firing]:
    """Yield one firing for each episode that has events in this pass.

    `remembered` are episodes of the same correlation and epoch, each identity once.
    """
    by_group: dict[str, list[StoredEpisode]] = {}
    for episode in sorted(remembered, key=by_age):
        by_group.setdefault(episode.group, []).append(episode)
    for group in correlated.groups:
        yield from _firings_of(correlation, group, by_group.get(_as_json(group), ()))


def _firings_of(
    correlation: CompiledCorrelation, group: Group, remembered: Sequence[StoredEpisode]
) -> Iterator[Firing]:
    firings: dict[bytes, Firing] = {}
    for episode in group.episodes:
        stored = stored_as(correlation, group, episode, remembered)
        _join(firings, Firing(stored, episode.shown, episode.events))
    for stored in remembered:
        # What fired looked back for less than a timespan.
        since_ns = stored.start_ns - correlation.timespan_ns
        late = [event for event in group.events if since_ns < event.time_ns <= stored.end_ns]
        if late:
            _join(firings, Firing(stored, group.shown, tuple(late)))
    yield from firings.values()


def stored_as(
    correlation: CompiledCorrelation,
    group: Group,
    episode: Episode,
    remembered: Iterable[StoredEpisode],
) -> StoredEpisode:
    """Return what to store of an episode; `remembered` are those of its group, by age."""
    return _known(_stored(correlation, group, episode), remembered)


def by_age(episode: StoredEpisode) -> tuple[int, bytes]:
    """Return what episodes are sorted by, so that the elder one speaks."""
    return episode.start_ns, canonical_json(episode.identity)


def _known(episode: StoredEpisode, remembered: Iterable[StoredEpisode]) -> StoredEpisode:
    """Give the episode the identity of the one remembered that it overlaps.

    Of several the one that started first: a late event that joins two episodes leaves the elder's
    identity.
    """
    for elder in remembered:
        if elder.start_ns <= episode.end_ns and elder.end_ns >= episode.start_ns:
            return replace(episode, identity=elder.identity)
    return episode


def _join(firings: dict[bytes, Firing], firing: Firing) -> None:
    identity = canonical_json(firing.stored.identity)
    earlier = firings.setdefault(identity, firing)
    events = {event.key: event for event in (*earlier.events, *firing.events)}
    firings[identity] = replace(
        earlier,
        stored=replace(
            earlier.stored,
            start_ns=min(earlier.stored.start_ns, firing.stored.start_ns),
            end_ns=max(earlier.stored.end_ns, firing.stored.end_ns),
        ),
        events=tuple(sorted(events.values(), key=lambda event: (event.time_ns, event.key))),
    )


def _stored(correlation: CompiledCorrelation, group: Group, episode: Episode) -> StoredEpisode:
    return StoredEpisode(
        rule_id=correlation.info.id,
        epoch=correlation.epoch,
        group=_as_json(group),
        # From the firing, not from the first event: that one may have ended an earlier episode.
        start_ns=episode.fired_ns,
        end_ns=episode.holds_until_ns + correlation.timespan_ns - 1,
        identity=episode_identity(
            correlation.info.id, correlation.epoch, group.key, episode.begun_with
        ),
        figure=episode.figure,
    )


def _as_json(group: Group) -> str:
    return canonical_json(group.key).decode("ascii")
