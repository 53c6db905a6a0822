"""What became of a test, once all of its events are decided.

Takes a case and which of its events the engine found; gives a `TestResult`. The engine's word is
held against the reference evaluator's for each event, and against what the rule's parts say for
each variant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sigma2hive.alerts import AlertContext, build_alert
from sigma2hive.engine import case_deciders, reasons_for
from sigma2hive.model.alerts import Alert
from sigma2hive.model.events import Event
from sigma2hive.model.explanations import ExplainedRule
from sigma2hive.model.identity import event_identity
from sigma2hive.model.matches import Match
from sigma2hive.model.results_of_tests import Failure, TestResult
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule
from sigma2hive.records import dataclass
from sigma2hive.workflows.project import Project
from sigma2hive.workflows.testing.cases import MAX_VARIED, Case
from sigma2hive.workflows.testing.correlations import alerts_of, failed_variants, why_none
from sigma2hive.workflows.testing.expectations import differences

_MAX_EXPLAINED = 3
_DISAGREE = "this is a mistake of sigma2hive, please report it"


@dataclass(frozen=True, slots=True)
class Decided:
    """What the engine found of a case: for each event, and for each variant, whether it matches.

    `explained` has the reference evaluator's word on each event, for a rule that is no correlation.
    """

    matched: Sequence[bool]
    variants: Sequence[bool]
    explained: Sequence[ExplainedRule] = ()


def judge(
    project: Project, case: Case, decided: Decided, contexts: Mapping[str, AlertContext]
) -> TestResult:
    """Return what became of the test."""
    failures = [
        Failure(
            f"the event cannot be read: {finding.message} ({finding.code})", str(finding.location)
        )
        for finding in case.put_aside
    ]
    if not case.events:
        failures.append(Failure("there is no event in it"))
        return TestResult(case.test, tuple(failures))
    if isinstance(case.tested.entry, CompiledCorrelation):
        alerts = alerts_of(project, case.tested, case.events)
        failures += _wrong_alerts(case, alerts)
        variants, failed = failed_variants(project, case, len(alerts))
        return TestResult(
            case.test, (*failures, *failed), events=len(case.events), variants=variants
        )
    failures += _wrong_matches(case, decided)
    if case.test.each_alert is not None or case.test.alerts:
        context = contexts[case.tested.entry.info.id]
        failures += _unlike(case, _alerts(project, case, decided, context))
    failures += _disagreements(case, decided)
    return TestResult(
        test=case.test,
        failures=tuple(failures),
        notes=tuple(_notes(case, case.tested.entry, decided)),
        events=len(case.events),
        variants=len(case.variants),
    )


def _wrong_alerts(case: Case, alerts: Sequence[Alert]) -> Iterator[Failure]:
    count = case.test.count
    if not count.allows(len(alerts)):
        if not alerts:
            yield from why_none(case)
        else:
            yield Failure(f"{_alerts_in_words(len(alerts))}, not {count}: {_titles(alerts)}")
    yield from _unlike(case, alerts)


def _titles(alerts: Sequence[Alert]) -> str:
    shown = ", ".join(repr(alert.title) for alert in alerts[:_MAX_EXPLAINED])
    more = len(alerts) - _MAX_EXPLAINED
    return f"{shown} and {more:,} more" if more > 0 else shown


def _alerts_in_words(count: int) -> str:
    return f"{count:,} alert{'' if count == 1 else 's'}"


def _unlike(case: Case, alerts: Sequence[Alert]) -> Iterator[Failure]:
    """Yield what alerts do not say as wanted; their number is told elsewhere."""
    pairs = list(zip(alerts, case.test.alerts, strict=False))
    if case.test.each_alert is not None:
        pairs += [(alert, case.test.each_alert) for alert in alerts]
    for alert, wanted in pairs:
        for message in differences(alert, wanted):
            yield Failure(f"alert {alert.title!r}: {message}", str(wanted.location))


def _wrong_matches(case: Case, decided: Decided) -> Iterator[Failure]:
    found = [number for number, is_match in enumerate(decided.matched) if is_match]
    others = [number for number, is_match in enumerate(decided.matched) if not is_match]
    if case.test.is_every:
        for number in others:
            yield _told(case, decided, number, "must match, and does not")
        return
    count = case.test.count
    if count.allows(len(found)):
        return
    if count.most == 0:
        for number in found:
            yield _told(case, decided, number, "must not match, and does")
        return
    matches = f"{len(found):,} match{'' if len(found) == 1 else 'es'}, not {count}"
    yield Failure(f"{matches}, of {len(decided.matched):,} events")
    is_too_few = len(found) < count.least
    for number in (others if is_too_few else found)[:_MAX_EXPLAINED]:
        yield _told(case, decided, number, "does not match" if is_too_few else "matches")


def _told(case: Case, decided: Decided, number: int, message: str) -> Failure:
    return Failure(message, case.events[number].origin, (decided.explained[number],))


def _disagreements(case: Case, decided: Decided) -> Iterator[Failure]:
    for event, is_match, explained in zip(
        case.events, decided.matched, decided.explained, strict=True
    ):
        if explained.holds is not is_match:
            what = "finds" if is_match else "does not find"
            message = f"the engine {what} the event, the reference evaluator says otherwise"
            yield Failure(f"{message}: {_DISAGREE}", event.origin, (explained,))
    for (number, variant), is_match in zip(case.variants, decided.variants, strict=True):
        if variant.expected is not is_match:
            what = "found" if is_match else "not found"
            message = f"{variant.name}: {what}, and the rule's parts say otherwise"
            yield Failure(f"{message}: {_DISAGREE}", case.events[number].origin)


def _notes(case: Case, rule: CompiledRule, decided: Decided) -> Iterator[str]:
    """Yield what the variants show of the rule, where that is no mistake."""
    deciders = list(dict.fromkeys(atom.origin.item for atom in case_deciders(rule)))
    for (number, variant), is_match in zip(case.variants, decided.variants, strict=True):
        if is_match is decided.matched[number]:
            continue
        origin = case.events[number].origin
        if not variant.name.startswith("without"):
            what = "matches" if is_match else "does not match any more"
            yield f"{origin}: {variant.name} it {what}, by {', '.join(deciders)}"
        elif is_match:
            yield f"{origin}: {variant.name} it would match"
    if not case.test.is_positive:
        for event, explained in zip(case.events, decided.explained, strict=True):
            if not explained.gate.holds:
                yield f"{event.origin}: is not of the rule's log source, so it shows little"
    if len(case.events) > MAX_VARIED:
        yield f"variants were made of the first {MAX_VARIED} events only"


def _alerts(project: Project, case: Case, decided: Decided, context: AlertContext) -> list[Alert]:
    """Return the alerts of the events that match, in the order of their time."""
    rule = case.tested.entry
    assert isinstance(rule, CompiledRule)  # noqa: S101 - a correlation's alerts come from a pass
    found = [
        event for event, is_match in zip(case.events, decided.matched, strict=True) if is_match
    ]
    found.sort(key=lambda event: (event.time_ns, event.key))
    return [build_alert(_match(rule, event), project.mappings, context) for event in found]


def _match(rule: CompiledRule, event: Event) -> Match:
    return Match(
        rule=rule.info,
        events=(event,),
        identity=event_identity(rule.info.id, event.key),
        reasons=reasons_for(rule.condition, event.values),
    )
