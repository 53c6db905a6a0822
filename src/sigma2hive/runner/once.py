"""One pass: events in, alerts out.

Takes events, compiled rules, mappings and sinks; pushes one alert a match and fills a `Summary`.
Decisions are `matching`'s; this module only does what was decided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sigma2hive.alerts import AlertContext, build_alert
from sigma2hive.compiler import Compiled
from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.engine import Episode
from sigma2hive.model.alerts import Alert
from sigma2hive.model.canonical import JsonValue, canonical_json
from sigma2hive.model.events import Event
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.matches import Match
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import CompiledCorrelation
from sigma2hive.runner.contexts import contexts_of
from sigma2hive.runner.matching import Candidate, Matcher
from sigma2hive.runner.state import EpisodeStore, StoredEpisode
from sigma2hive.sinks import Outcome, Sink


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass works with.

    `profile` is the one that `compiled` was made for: alerts look up its other names for a field.
    Without `episodes` (a dry run) none is remembered. `unsearched` are ids of rules of which events
    may be missing; it may grow while events are read. `progress` is told the number of events so
    far, after each.
    """

    compiled: Compiled
    mappings: Mappings
    sinks: Sequence[Sink] = ()
    episodes: EpisodeStore | None = None
    unsearched: Collection[str] = ()
    progress: Callable[[int], None] = lambda _: None
    profile: Profile | None = None


@dataclass(slots=True)
class Summary:
    """What a pass did: `outcomes` counts, per sink, what became of the alerts; `put_aside` are
    findings about events."""

    events: int = 0
    alerts: int = 0
    outcomes: dict[str, Counter[Outcome]] = field(default_factory=dict)
    put_aside: Diagnostics = field(default_factory=Diagnostics)


def run_pass(
    work: Pass, found: Iterable[Event | Candidate | Diagnostic], summary: Summary
) -> Iterator[Alert]:
    """Yield every alert once it was pushed to all sinks, and fill `summary` meanwhile.

    `found` are events that all rules look at, candidates of single rules, and findings about what
    was put aside.

    Raises:
        SinkError: a sink cannot be written; the pass ends, and what was pushed before stays.
    """
    matcher = Matcher(work.compiled)
    contexts = contexts_of(work.compiled, work.profile)
    for entry in found:
        if isinstance(entry, Diagnostic):
            summary.put_aside.found.append(entry)
            continue
        summary.events += 1
        work.progress(summary.events)
        for match in matcher.matches_of(entry):
            yield _pushed(work, match, contexts[match.rule.id], summary)
    for correlation, episode in matcher.episodes(work.unsearched):
        identity = _remembered(work.episodes, correlation, episode)
        match = matcher.match_of(correlation, episode, identity)
        yield _pushed(work, match, contexts[match.rule.id], summary)
        if work.episodes is not None:
            work.episodes.save(_stored(correlation, episode, match.identity))


def _pushed(work: Pass, match: Match, context: AlertContext, summary: Summary) -> Alert:
    alert = build_alert(match, work.mappings, context)
    summary.alerts += 1
    for sink in work.sinks:
        summary.outcomes.setdefault(sink.name, Counter())[sink.push(alert)] += 1
    return alert


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
        # From the firing, not from the first event: that one may have ended an earlier episode.
        start_ns=episode.fired_ns,
        end_ns=episode.holds_until_ns + correlation.timespan_ns - 1,
        identity=identity,
    )
