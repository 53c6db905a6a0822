"""A test of a correlation: its events go through a whole pass, as in a run.

Takes a case; gives what became of it. Variants are made of all events together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigma2hive.engine import case_changed, case_deciders, explain_rule, matches, without
from sigma2hive.model.alerts import Alert
from sigma2hive.model.events import Event
from sigma2hive.model.results_of_tests import Failure
from sigma2hive.model.rules import Compiled, CompiledCorrelation
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.sources import batch_of
from sigma2hive.workflows.project import Project
from sigma2hive.workflows.testing.cases import Case, Tested

_MAX_UNMET = 3


def alerts_of(project: Project, tested: Tested, events: Sequence[Event]) -> list[Alert]:
    """Return the alerts of the correlation itself, in the order of their time."""
    work = Pass(
        compiled=Compiled(tested.rules, tested.correlations),
        mappings=project.mappings,
        profile=project.profile,
        kibana=project.settings.kibana,
    )
    every = run_pass(work, [batch_of(events)], Summary())
    found = [alert for alert in every if alert.rule_id == tested.entry.info.id]
    return sorted(found, key=lambda alert: (alert.date_ns, alert.source_ref))


def why_none(case: Case) -> Iterator[Failure]:
    """Yield how far a correlation came that should have fired, and why events are not counted."""
    unmet = [
        event
        for event in case.events
        if not any(matches(rule, event) for rule in case.tested.rules)
    ]
    met = len(case.events) - len(unmet)
    message = f"no alert: {met:,} of {len(case.events):,} events meet a rule that it counts"
    if not unmet:
        message += ", and in no group do they meet its condition within its timespan"
    yield Failure(message)
    for event in unmet[:_MAX_UNMET]:
        explained = tuple(explain_rule(rule, event.values) for rule in case.tested.rules)
        yield Failure("meets no rule that it counts", event.origin, explained)


def failed_variants(project: Project, case: Case, alerts: int) -> tuple[int, list[Failure]]:
    """Return how many variants were decided, and what was not as it is to be expected."""
    decided = 0
    failures = []
    for name, events, expected in _variants(case, alerts):
        decided += 1
        found = len(alerts_of(project, case.tested, events))
        if found != expected:
            failures.append(Failure(f"{name}: {found:,} alerts, not {expected:,}"))
    return decided, failures


def _variants(case: Case, alerts: int) -> Iterator[tuple[str, list[Event], int]]:
    rules = case.tested.rules
    if not any(case_deciders(rule) for rule in rules):
        changed = [case_changed(event, rules) for event in case.events]
        yield "all events in another letter case", changed, alerts
    entry = case.tested.entry
    if isinstance(entry, CompiledCorrelation) and entry.group_by and not entry.chained:
        fields = [field for name, _ in entry.group_by for field in entry.candidates(name)]
        paths = {path for field in fields for path in (field.path, *(p.path for p in field.parts))}
        less = [without(event, paths) for event in case.events]
        yield "all events without what they are grouped by", less, 0
