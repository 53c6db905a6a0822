"""From counts to what is reported: one result a rule, and the rules that are too noisy.

Takes tallies and episodes; gives `Backtest` and `Excess`es. Does no I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from sigma2hive.model.backtests import (
    Backtest,
    Excess,
    FieldValues,
    RuleResult,
    Sample,
    Suggestion,
)
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule, Level
from sigma2hive.workflows.backtest.pasts import Found
from sigma2hive.workflows.backtest.sides import Episode, Part, Side, day_of
from sigma2hive.workflows.backtest.suggesting import LEAST_ALERTS, Proposal
from sigma2hive.workflows.backtest.tallies import MAX_SAMPLES, RuleTally, TopValues

#: Values of a field that a result has, and fields with noisy values.
_MAX_VALUES = 10
_MAX_NOISY_FIELDS = 5
#: The share of a rule's hits from which on a value is noisy.
_NOISY = 0.25
#: More days than these are not listed one by one where nothing happened.
_MAX_DAYS = 400

#: By rule: the filter that was tried, and the alerts that are left with it.
Tried = Mapping[str, tuple[Proposal, int]]


def results_of(
    side: Side, part: Part, episodes: Sequence[Episode], found: Found, tried: Tried
) -> Backtest:
    """Return what one side did."""
    results = [
        _of_rule(rule, part.rules.get(rule.info.id, RuleTally()), side, found, tried)
        for rule in side.compiled.rules
    ]
    by_rule: dict[str, list[Episode]] = {}
    for entry in episodes:
        by_rule.setdefault(entry.correlation.info.id, []).append(entry)
    results += [
        _of_correlation(entry, by_rule.get(entry.info.id, []), found, tried)
        for entry in side.compiled.correlations
    ]
    shown = [entry for entry in results if entry.hits or entry.unsearched]
    shown.sort(key=lambda entry: (-entry.alerts, -entry.hits, entry.info.title, entry.info.id))
    return Backtest(
        checked=len(results),
        events=part.events,
        rules=tuple(shown),
        days=tuple(_days({day for entry in shown if entry.alerts for day in entry.by_day})),
        suppressed=part.suppressed,
        put_aside=sum(finding.count for finding in found.findings.errors),
        is_deduplicated=side.is_deduplicated,
    )


def excesses_of(results: Sequence[RuleResult], limits: Mapping[Level, int]) -> tuple[Excess, ...]:
    """Return the rules that raised more alerts on some day than their level may."""
    found = []
    for entry in results:
        limit = limits.get(entry.info.level) if entry.info.level else None
        if limit is None or not entry.alerts:
            continue
        over = {day: count for day, count in entry.by_day.items() if count > limit}
        if over:
            day = max(over, key=lambda day: (over[day], day))
            found.append(Excess(entry.info, day, over[day], limit, len(over)))
    return tuple(sorted(found, key=lambda entry: (-entry.alerts, entry.info.title)))


def _of_rule(
    rule: CompiledRule, tally: RuleTally, side: Side, found: Found, tried: Tried
) -> RuleResult:
    by = side.asked.by
    asked = [tally.values.get(name, TopValues()).top(name, _MAX_VALUES) for name in by]
    return RuleResult(
        info=rule.info,
        hits=tally.hits,
        alerts=0 if rule.silent else tally.hits,
        by_day=dict(sorted(tally.by_day.items())),
        silent=rule.silent,
        unsearched=found.unsearched.get(rule.info.id, ""),
        by=tuple(entry for entry in asked if entry.values),
        noisy=tuple(_noisy(tally, by)) if tally.hits >= LEAST_ALERTS else (),
        samples=tuple(tally.samples),
        suggestion=_suggestion(rule.info.id, tally.hits, tried),
    )


def _of_correlation(
    correlation: CompiledCorrelation, episodes: Sequence[Episode], found: Found, tried: Tried
) -> RuleResult:
    groups = TopValues()
    for entry in episodes:
        groups.add(entry.group)
    firsts = [entry.firing.events[0] for entry in episodes]
    days = Counter(day_of(event.time_ns) for event in firsts)
    missing = [found.unsearched[key] for key in correlation.leaves if key in found.unsearched]
    names = ", ".join(name for name, _ in correlation.group_by)
    return RuleResult(
        info=correlation.info,
        hits=len(episodes),
        alerts=0 if correlation.silent else len(episodes),
        silent=correlation.silent,
        by_day=dict(sorted(days.items())),
        is_correlation=True,
        unsearched=missing[0] if missing else "",
        groups=groups.top(names, _MAX_VALUES) if correlation.group_by and episodes else None,
        samples=tuple(Sample(event.time_ns, event.origin) for event in firsts[:MAX_SAMPLES]),
        suggestion=_suggestion(correlation.info.id, len(episodes), tried),
    )


def _suggestion(rule_id: str, before: int, tried: Tried) -> Suggestion | None:
    if rule_id not in tried:
        return None
    proposal, after = tried[rule_id]
    if after >= before:
        return None
    return Suggestion(proposal.document, proposal.selection, before, after)


def _noisy(tally: RuleTally, by: Sequence[str]) -> Iterator[FieldValues]:
    """Yield the fields of which one value makes much of the hits, but not all."""
    seen: set[tuple[int, ...]] = set()
    kept = 0
    for name, values in tally.values.items():
        top = values.top(name, _MAX_VALUES)
        counts = tuple(entry.count for entry in top.values)
        # One account under two names is one row; what all hits have tells nothing apart.
        if name in by or counts in seen or not counts:
            continue
        if not _NOISY * tally.hits <= counts[0] < tally.hits:
            continue
        seen.add(counts)
        yield top
        kept += 1
        if kept == _MAX_NOISY_FIELDS:
            return


def _days(found: set[str]) -> Iterator[str]:
    """Yield all days from the first to the last, where they are not too many."""
    days = sorted(found)
    if not days:
        return
    span = date.fromisoformat(days[-1]) - date.fromisoformat(days[0])
    yield from days if span.days > _MAX_DAYS else days_between(days[0], days[-1])


def days_between(first: str, last: str) -> tuple[str, ...]:
    """Return all days from the first to the last."""
    start = date.fromisoformat(first)
    number = (date.fromisoformat(last) - start).days + 1
    return tuple((start + timedelta(days=day)).isoformat() for day in range(number))
