"""Tests of rules, run: all events of all tests in one look of the engine, then each test judged.

Takes a `Project` and its tests; gives a `TestReport`, rules without tests in it. Asks a server only
where it is given one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sigma2hive.engine import Columns, Engine, explain_rule
from sigma2hive.model.events import Event
from sigma2hive.model.explanations import ExplainedRule
from sigma2hive.model.results_of_tests import Failure, RuleResult, TestReport, TestResult
from sigma2hive.model.rule_tests import RuleTest
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.values import Values
from sigma2hive.records import dataclass
from sigma2hive.runner.contexts import contexts_of
from sigma2hive.runner.strangers import Strangers
from sigma2hive.sources import batch_of
from sigma2hive.workflows.explain import source_options
from sigma2hive.workflows.project import Project
from sigma2hive.workflows.strangers import findings_about
from sigma2hive.workflows.testing.cases import Case, RulesUnderTest, case_of
from sigma2hive.workflows.testing.cluster import Elsewhere, TestCluster
from sigma2hive.workflows.testing.coverage import unseen_selections
from sigma2hive.workflows.testing.judging import Decided, judge
from sigma2hive.workflows.testing.sigma_names import SigmaNames
from sigma2hive.workflows.testing.telling import is_telling

#: Events, variants among them, that are decided and kept at once.
EVENTS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Least:
    """How many tests a rule must have that it must match, and that it must not."""

    positive: int = 1
    negative: int = 1


def run_tests(
    project: Project,
    tests: Iterable[RuleTest],
    least: Least,
    cluster: TestCluster | None = None,
) -> TestReport:
    """Return what became of each test, for every rule and correlation that was read."""
    contexts = contexts_of(project.compiled, project.profile, project.settings.kibana)
    results: dict[str, list[TestResult]] = {}
    explained: dict[str, list[ExplainedRule]] = {}
    strangers = Strangers()
    for cases in _portions(project, tests, results):
        for case, decided, seen, failures in _decide(cases, cluster):
            result = judge(project, case, decided, contexts)
            result = replace(
                result,
                failures=(*result.failures, *failures),
                is_telling=is_telling(case, seen),
            )
            results.setdefault(case.test.rule_id, []).append(result)
            strangers.look(len(case.events), _strangers(case, seen))
            for rule_id, entries in seen.items():
                explained.setdefault(rule_id, []).extend(entries)
    rules = tuple(_rule_results(project, results, explained, least))
    findings = tuple(findings_about(strangers, project))
    return TestReport(rules, cluster.name if cluster is not None else "", findings)


def _strangers(case: Case, seen: Mapping[str, Sequence[ExplainedRule]]) -> Sequence[Values]:
    """Return the events' values where none is of the log source of a rule that is tested."""
    if any(entry.gate.holds for entries in seen.values() for entry in entries):
        return ()
    return [event.values for event in case.events]


def _portions(
    project: Project, tests: Iterable[RuleTest], results: dict[str, list[TestResult]]
) -> Iterator[list[Case]]:
    """Yield cases in portions of bounded size; what cannot be run goes into `results`."""
    names = SigmaNames(project.profile, source_options(project))
    rules = RulesUnderTest(project)
    portion: list[Case] = []
    size = 0
    for test in tests:
        tested = rules.find(test.rule_id)
        reason = test.unusable or ("" if tested is not None else "the rule is left out")
        if reason or tested is None:
            results.setdefault(test.rule_id, []).append(TestResult(test, reason=reason))
            continue
        case = case_of(test, tested, names)
        portion.append(case)
        size += len(case.events) + len(case.variants)
        if size >= EVENTS_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


_Outcome = tuple[Case, Decided, dict[str, list[ExplainedRule]], list[Failure]]


def _decide(cases: Sequence[Case], cluster: TestCluster | None) -> Iterator[_Outcome]:
    """Yield each case with what was found, what explains it, and what a server found otherwise."""
    rules = {rule.info.id: rule for case in cases for rule in case.tested.rules}
    events = [event for case in cases for event in case.all_events]
    here = _found(list(rules.values()), events)
    there = Elsewhere(here)
    if cluster is not None:
        there = cluster.find(list(rules.values()), events)
    start = 0
    for case in cases:
        rows = here.get(case.tested.entry.info.id, 0) >> start
        count, variants = len(case.events), len(case.variants)
        seen = {
            rule.info.id: [explain_rule(rule, event.values) for event in case.events]
            for rule in case.tested.rules
        }
        decided = Decided(
            matched=[bool(rows >> row & 1) for row in range(count)],
            variants=[bool(rows >> row & 1) for row in range(count, count + variants)],
            explained=seen.get(case.tested.entry.info.id, ()),
        )
        failures = list(_found_otherwise(case, here, there, start))
        yield case, decided, seen, failures
        start += count + variants


def _found(rules: Sequence[CompiledRule], events: Sequence[Event]) -> dict[str, int]:
    """Return the rows that each rule finds, by its id."""
    rows = batch_of(events)
    columns = Columns(rows.documents, rows.values_of)
    return {rules[hits.rule].info.id: hits.rows for hits in Engine(rules).hits_in(columns)}


def _found_otherwise(
    case: Case, here: Mapping[str, int], there: Elsewhere, start: int
) -> Iterator[Failure]:
    """Yield what a server found otherwise: of the case's events for its rules."""
    names = [event.origin for event in case.events]
    names += [f"{case.events[number].origin}, {variant.name}" for number, variant in case.variants]
    for row, name in enumerate(names, start):
        if reason := there.refused.get(row):
            yield Failure(f"Elasticsearch does not take the event: {reason}", name)
            continue
        for rule in case.tested.rules:
            is_here = here.get(rule.info.id, 0) >> row & 1
            if is_here != there.rows.get(rule.info.id, 0) >> row & 1:
                what = "does not find" if is_here else "finds"
                yield Failure(f"Elasticsearch {what} the event for '{rule.info.title}'", name)


def _rule_results(
    project: Project,
    results: Mapping[str, Sequence[TestResult]],
    explained: Mapping[str, Sequence[ExplainedRule]],
    least: Least,
) -> Iterator[RuleResult]:
    infos = project.repository.alerting
    counted = {rule.info.id for rule in project.compiled.rules if rule.silent}
    counted |= {entry.info.id for entry in project.compiled.correlations if entry.silent}
    for info in sorted(infos, key=lambda info: (info.location.path, info.document)):
        tests = tuple(results.get(info.id, ()))
        is_counted = info.id in counted
        yield RuleResult(
            info=info,
            tests=tests,
            missing=() if is_counted else tuple(_missing(tests, least)),
            unseen=unseen_selections(explained.get(info.id, ())),
            is_counted=is_counted,
        )


def _missing(tests: Sequence[TestResult], least: Least) -> Iterator[str]:
    for wanted, is_positive, what in (
        (least.positive, True, "must match"),
        (least.negative, False, "must not match"),
    ):
        there = [test for test in tests if test.test.is_positive is is_positive]
        telling = sum(test.is_telling for test in there)
        if telling < wanted:
            so_many = "no test" if wanted == 1 else f"{telling} of {wanted} tests"
            yield f"{so_many} of what it {what}{_idle(len(there) - telling)}"


def _idle(count: int) -> str:
    """Return why so many tests are none."""
    if not count:
        return ""
    tests = "1 test has" if count == 1 else f"{count:,} tests have"
    return f" ({tests} no event that the rule looks at)"
