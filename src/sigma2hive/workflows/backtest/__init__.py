"""Back-tests: what rules would have raised over past events, and what to do about noise.

Takes a project, some past and what is asked; gives a `Backtest`. Decides and counts; never prints,
sends or keeps an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import field, replace

from sigma2hive.model.backtests import Backtest, Comparison
from sigma2hive.model.canonical import digest
from sigma2hive.model.rules import Compiled, Level
from sigma2hive.records import dataclass
from sigma2hive.runner.querying import Window
from sigma2hive.workflows.backtest.comparing import Counts, Differences, differing
from sigma2hive.workflows.backtest.journal import JOURNAL, Finished, Journal, Resumption
from sigma2hive.workflows.backtest.pasts import FilePast, Found, HistoryPast, Past
from sigma2hive.workflows.backtest.results import days_between, excesses_of, results_of
from sigma2hive.workflows.backtest.sides import Asked, Episode, Part, Side, day_of, subset
from sigma2hive.workflows.backtest.suggesting import (
    Proposal,
    project_with,
    propose_for_correlation,
    propose_for_rule,
)
from sigma2hive.workflows.backtest.versions import past_project
from sigma2hive.workflows.project import Project, ProjectOptions
from sigma2hive.workflows.strangers import findings_about

__all__ = [
    "JOURNAL",
    "BacktestRequest",
    "FilePast",
    "Found",
    "HistoryPast",
    "Resumption",
    "run_backtest",
]


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """What is asked of a back-test.

    Hits are counted by the fields `by`; `against` is a Git ref to compare with; `limits` are alerts
    a day by level; filters are suggested for at most `suggestions` rules.
    """

    options: ProjectOptions
    by: Sequence[str] = ()
    against: str | None = None
    limits: Mapping[Level, int] = field(default_factory=dict)
    suggestions: int = 5


@dataclass(slots=True)
class _Looked:
    """What was seen of the whole past: a part for each side, episodes, and how the sides differ."""

    parts: list[Part]
    episodes: list[list[Episode]]
    counts: Counts
    ungrouped: int = 0


def run_backtest(
    project: Project,
    past: Past,
    request: BacktestRequest,
    found: Found,
) -> Backtest:
    """Return what the rules of a project did over some past; `found` is filled meanwhile.

    What an earlier back-test over the same history has finished is not looked at again.

    Raises:
        ConfigurationError: the version to compare with cannot be had.
        ServerError: Elasticsearch cannot be searched now; finished slices are in the journal.
        StorageError: the journal cannot be used.
    """
    with ExitStack() as stack:
        differences, sides, comparison = Differences({}, {}), [], None
        if request.against is not None:
            entered = past_project(project, request.options, request.against)
            then = stack.enter_context(entered)
            differences = differing(project.compiled, then.project.compiled)
            left_out = len(then.project.left_out)
            comparison = Comparison(request.against, then.commit, (), left_out)
            compared = frozenset(differences.changes)
            if compared:
                earlier = subset(then.project.compiled, compared)
                asked = Asked((), False, past.exhaustive, compared)
                sides.append(Side(then.project, earlier, asked))
        asked = Asked(tuple(request.by), True, past.exhaustive, frozenset(differences.changes))
        sides.insert(0, Side(project, project.compiled, asked))
        journal = None
        if isinstance(past, HistoryPast) and past.resumption is not None:
            resumption = past.resumption
            question = _question_of(sides, resumption.asked)
            journal = stack.enter_context(Journal(resumption.file, question))
            window = journal.begin(past.window, resumption.now_ns, anew=resumption.anew)
            past = replace(past, window=window)
        looked = _look(past, sides, found, journal)
        for other in looked.episodes[1:]:
            looked.counts.compare_episodes(differences.changes, looked.episodes[0], other)
        tried = _try_proposals(project, past, request, sides[0], looked)
        backtest = results_of(sides[0], looked.parts[0], looked.episodes[0], found, tried)
        if comparison is not None:
            changes = looked.counts.changes(differences)
            comparison = replace(comparison, changes=changes)
        if journal is not None:
            journal.end()
    _tell_of_dead(project, backtest, found)
    if isinstance(past, HistoryPast):
        window = past.window
        backtest = replace(
            backtest,
            start_ns=window.start_ns,
            end_ns=window.end_ns,
            days=days_between(day_of(window.start_ns), day_of(window.end_ns - 1)),
        )
    return replace(
        backtest,
        comparison=comparison,
        excesses=excesses_of(backtest.rules, request.limits),
        ungrouped=looked.ungrouped,
    )


def _tell_of_dead(project: Project, backtest: Backtest, found: Found) -> None:
    """Warn of exceptions that took nothing away of all the events."""
    if found.unsearched or not backtest.events:
        return
    alive = {entry.filter_id for entry in backtest.suppressed}
    for filter_id, exception in project.exceptions.in_force.items():
        if filter_id not in alive:
            found.findings.warning(
                "S2H238",
                exception.place,
                f"the exception of {exception.owner} ({exception.ticket}) took nothing away",
                "remove it if a longer history says the same",
            )


def _look(
    past: Past, sides: Sequence[Side], found: Found, journal: Journal | None = None
) -> _Looked:
    """Look at all parts of the past."""
    total = _Looked([Part() for _ in sides], [], Counts())
    parts = past.parts()
    found.parts = len(parts)
    for window in parts:
        finished = journal.load(window) if journal and window else None
        if finished is None:
            finished = _look_at(past, window, sides, found)
            if journal and window:
                journal.save(window, finished)
        else:
            found.resumed += 1
            for side, part in zip(sides, finished.parts, strict=True):
                side.restore(part.fed)
        for whole, part in zip(total.parts, finished.parts, strict=True):
            whole.merge(part)
        for rule_id, (more, fewer) in finished.differences.items():
            total.counts.add(rule_id, more, fewer)
        found.unsearched.update(finished.unsearched)
        found.finished += 1
    for side, whole in zip(sides, total.parts, strict=True):
        side.begin()
        episodes = side.episodes(found.unsearched)
        total.episodes.append(episodes.fired)
        if side is sides[0]:
            total.ungrouped = sum(entry.count for entry in episodes.ungrouped)
            found.findings.found.extend(episodes.put_aside)
            found.findings.found.extend(findings_about(side.matcher.strangers, side.project))
        whole.merge(side.part)
    return total


def _look_at(past: Past, window: Window | None, sides: Sequence[Side], found: Found) -> Finished:
    """Look at one part of the past."""
    here, counts = Found(found.findings), Counts()
    for side in sides:
        side.begin()
    past.show(window, sides, here, lambda: counts.settle(sides))
    parts = [side.part for side in sides]
    return Finished(parts, counts.by_rule, here.unsearched)


def _try_proposals(
    project: Project, past: Past, request: BacktestRequest, side: Side, looked: _Looked
) -> Mapping[str, tuple[Proposal, int]]:
    """Return a filter for the noisiest rules, each with the alerts that are left with it."""
    proposals = _proposals(side, looked)[: request.suggestions]
    if not proposals:
        return {}
    wanted = frozenset(entry.rule_id for entry in proposals)
    some = subset(side.compiled, wanted)
    with project_with(proposals, some, project, request.options) as filtered:
        compiled = subset(filtered.compiled, wanted)
        tried = Side(filtered, compiled, Asked((), False, past.exhaustive))
        again = _look(past, [tried], Found())
    left = {rule_id: tally.hits for rule_id, tally in again.parts[0].rules.items()}
    for rule_id in {entry.info.id for entry in compiled.correlations}:
        left[rule_id] = sum(entry.correlation.info.id == rule_id for entry in again.episodes[0])
    return {entry.rule_id: (entry, left.get(entry.rule_id, 0)) for entry in proposals}


def _proposals(side: Side, looked: _Looked) -> list[Proposal]:
    """Return what could be filtered, for the rules with the most alerts first."""
    found: list[tuple[int, Proposal | None]] = []
    tallies, episodes = looked.parts[0].rules, looked.episodes[0]
    for rule in side.compiled.rules:
        if tally := tallies.get(rule.info.id):
            proposal = propose_for_rule(rule, tally, side.contexts[rule.info.id])
            found.append((tally.hits, proposal))
    for correlation in side.compiled.correlations:
        if correlation.silent:
            continue
        own = [entry for entry in episodes if entry.correlation.info.id == correlation.info.id]
        context = side.contexts[correlation.info.id]
        found.append((len(own), propose_for_correlation(own, context)))
    found.sort(key=lambda entry: -entry[0])
    return [proposal for _, proposal in found if proposal is not None]


def _question_of(sides: Sequence[Side], asked: Iterable[str]) -> str:
    """Return the digest of all that the answer depends on."""
    return digest([list(asked), *(_version_of(side) for side in sides)])


def _version_of(side: Side) -> list[str]:
    compiled: Compiled = side.compiled
    rules = [f"{rule.info.id} {rule.digest} {rule.silent}" for rule in compiled.rules]
    counting = [f"{entry.info.id} {entry.epoch} {entry.only!r}" for entry in compiled.correlations]
    fields = [*side.asked.by, *side.project.mappings.alerts.mute_by]
    return [side.project.profile.name, *sorted(rules), *sorted(counting), *fields]
