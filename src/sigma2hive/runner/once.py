"""One pass: events in, alerts out.

Takes events, compiled rules, mappings and sinks; pushes one alert a match and fills a `Summary`.
Decisions are `matching`'s; this module only does what was decided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import field

from sigma2hive.alerts import AlertBuilder, Detail
from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.engine import Correlated, Program
from sigma2hive.model.alerts import Alert
from sigma2hive.model.events import Event
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.matches import Match, Suppression, Ungrouped
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled, CompiledCorrelation
from sigma2hive.model.versions import RuleVersion
from sigma2hive.records import dataclass
from sigma2hive.runner.contexts import contexts_of
from sigma2hive.runner.delivery import Delivered
from sigma2hive.runner.episodes import find_firings
from sigma2hive.runner.matching import Candidate, DecidedRows, Matcher
from sigma2hive.runner.state import EpisodeStore, StoredEpisode
from sigma2hive.settings import KibanaSettings
from sigma2hive.sinks import Sink
from sigma2hive.sources import EventRows, in_batches


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass works with.

    `profile` is the one that `compiled` was made for: alerts look up its other names for a field.
    `program` is that of its rules and `matcher` decides them, where these were made already.
    Without `episodes` (a dry run) none is remembered. `detail` is how much of an alert somebody
    will read: most of the work is to write it. `unsearched` are ids of rules of which events may be
    missing; it may grow while events are read. `progress` is told the number of events so far, now
    and then. Alerts link to events in `kibana`; `version_of` tells of a rule's file, by its path as
    findings show it, which commit it is from.
    """

    compiled: Compiled
    mappings: Mappings
    sinks: Sequence[Sink] = ()
    episodes: EpisodeStore | None = None
    detail: Detail = Detail.WHOLE
    unsearched: Collection[str] = ()
    progress: Callable[[int], None] = lambda _: None
    profile: Profile | None = None
    program: Program | None = None
    matcher: Matcher | None = None
    kibana: KibanaSettings = field(default_factory=KibanaSettings)
    version_of: Callable[[str], RuleVersion] = lambda _: RuleVersion()


@dataclass(slots=True)
class Summary:
    """What a pass did.

    `delivered` is what became of the alerts; `put_aside` are findings about events; `ungrouped` are
    matches that correlations could not count; `suppressed` counts those that filters took away.
    """

    events: int = 0
    delivered: Delivered = field(default_factory=Delivered)
    put_aside: Diagnostics = field(default_factory=Diagnostics)
    ungrouped: list[Ungrouped] = field(default_factory=list)
    suppressed: Counter[Suppression] = field(default_factory=Counter)


def run_pass(
    work: Pass,
    found: Iterable[Event | EventRows | DecidedRows | Candidate | Diagnostic],
    summary: Summary,
) -> Iterator[Alert]:
    """Yield every alert after it was pushed to all sinks, and fill `summary` meanwhile.

    `found` are events that all rules look at, candidates of single rules, and findings about what
    was put aside.

    Raises:
        SinkError: no sink takes alerts any more; what was pushed before stays.
    """
    matcher = work.matcher or Matcher(
        work.compiled, is_explained=work.detail is Detail.WHOLE, program=work.program
    )
    summary.suppressed = matcher.suppressed
    contexts = contexts_of(work.compiled, work.profile, work.kibana, work.version_of)
    builder = AlertBuilder(work.mappings, work.detail)

    def push(match: Match) -> Alert:
        alert = builder.build(match, contexts[match.rule.id])
        summary.delivered.push(alert, work.sinks)
        return alert

    batches: Iterator[EventRows | DecidedRows | Candidate | Diagnostic] = in_batches(found)
    for entry in batches:
        if isinstance(entry, Diagnostic):
            summary.put_aside.found.append(entry)
            continue
        summary.events += 1 if isinstance(entry, Candidate) else len(entry)
        work.progress(summary.events)
        for match in matcher.matches_of(entry):
            yield push(match)
        summary.put_aside.found.extend(matcher.take_findings())
        del entry  # or it would be there while the next one is read
    for correlation, correlated in matcher.correlated(work.unsearched):
        summary.ungrouped.extend(correlated.ungrouped)
        summary.put_aside.found.extend(correlated.put_aside)
        if correlation.silent:
            continue
        remembered = _remembered(work.episodes, correlation, correlated)
        for firing in find_firings(correlation, correlated, remembered):
            yield push(matcher.match_of(correlation, firing))
            if work.episodes is not None:
                work.episodes.save(firing.stored)


def _remembered(
    store: EpisodeStore | None, correlation: CompiledCorrelation, correlated: Correlated
) -> Sequence[StoredEpisode]:
    """The episodes of earlier passes that events of this one may belong to."""
    times = [event.time_ns for group in correlated.groups for event in group.events]
    if store is None or not times:
        return ()
    # An episode may hold for a timespan after its last event, and go on for another.
    end_ns = max(times) + 2 * correlation.timespan_ns
    return store.near(correlation.info.id, correlation.epoch, min(times), end_ns)
