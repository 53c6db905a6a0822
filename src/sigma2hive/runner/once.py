"""One pass: events in, alerts out.

Takes events, compiled rules, mappings and sinks; pushes one alert a match and gives a `Summary`.
Decisions are `matching`'s; this module only does what was decided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sigma2hive.alerts import AlertContext, AlertError, build_alert
from sigma2hive.compiler import Compiled
from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location
from sigma2hive.engine import Episode
from sigma2hive.model.alerts import Alert
from sigma2hive.model.canonical import JsonValue, canonical_json
from sigma2hive.model.events import Event
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.matches import Match
from sigma2hive.model.rules import CompiledCorrelation
from sigma2hive.runner.matching import Matcher
from sigma2hive.runner.state import EpisodeStore, StoredEpisode
from sigma2hive.sinks import Outcome, Sink


class Observer(Protocol):
    """Is told how far a pass has come; the CLI draws a progress bar with it."""

    def events_read(self, count: int) -> None:
        """Take the number of events so far."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass works with. Without `episodes` (a dry run) no episode is remembered."""

    compiled: Compiled
    mappings: Mappings
    context: AlertContext
    sinks: Sequence[Sink] = ()
    episodes: EpisodeStore | None = None


@dataclass(slots=True)
class Summary:
    """What a pass did.

    `outcomes` counts, per sink name, what became of the alerts. `put_aside` are findings about
    events. `alerts_by_rule` counts per rule id.
    """

    events: int = 0
    alerts: int = 0
    alerts_by_rule: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[Outcome]] = field(default_factory=dict)
    put_aside: Diagnostics = field(default_factory=Diagnostics)


def run_pass(
    work: Pass, events: Iterable[Event | Diagnostic], observer: Observer | None = None
) -> tuple[Summary, Iterator[Alert]]:
    """Return the summary, filled while the returned alerts are consumed, and the alerts.

    Every alert was already pushed to all sinks when it is yielded.

    Raises:
        SinkError: a sink cannot be written; the pass ends, and what was pushed before stays.
    """
    summary = Summary(outcomes={sink.name: Counter() for sink in work.sinks})
    return summary, _alerts(work, events, summary, observer)


def _alerts(
    work: Pass,
    events: Iterable[Event | Diagnostic],
    summary: Summary,
    observer: Observer | None,
) -> Iterator[Alert]:
    matcher = Matcher(work.compiled)
    for event in events:
        if isinstance(event, Diagnostic):
            summary.put_aside.found.append(event)
            continue
        summary.events += 1
        if observer is not None:
            observer.events_read(summary.events)
        for match in matcher.matches_of(event):
            yield from _pushed(work, match, summary)
    for correlation, episode in matcher.episodes():
        identity = _remembered(work.episodes, correlation, episode)
        match = matcher.match_of(correlation, episode, identity)
        yield from _pushed(work, match, summary)
        if work.episodes is not None:
            work.episodes.save(_stored(correlation, episode, match.identity))


def _pushed(work: Pass, match: Match, summary: Summary) -> Iterator[Alert]:
    try:
        alert = build_alert(match, work.mappings, work.context)
    except AlertError as error:
        summary.put_aside.error(
            "S2H406", Location(match.events[0].origin), f"{match.rule.title}: {error}", error.hint
        )
        return
    summary.alerts += 1
    summary.alerts_by_rule[match.rule.id] += 1
    for sink in work.sinks:
        summary.outcomes[sink.name][sink.push(alert)] += 1
    yield alert


def _remembered(
    store: EpisodeStore | None, correlation: CompiledCorrelation, episode: Episode
) -> JsonValue:
    """The identity that an earlier pass gave to an episode that touches this one."""
    if store is None:
        return None
    stored = store.find(_stored(correlation, episode, None))
    return stored.identity if stored is not None else None


def _stored(
    correlation: CompiledCorrelation, episode: Episode, identity: JsonValue
) -> StoredEpisode:
    return StoredEpisode(
        rule_id=correlation.info.id,
        epoch=correlation.epoch,
        group=canonical_json(list(episode.key)).decode("ascii"),
        start_ns=episode.events[0].time_ns,
        end_ns=episode.holds_until_ns + correlation.timespan_ns,
        identity=identity,
    )
