"""Results of tests as people read them: a line a rule, what failed below it, the sums at the end.

Takes a report; gives lines of 80 columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigma2hive.cli.columns import wrap
from sigma2hive.model.results_of_tests import Outcome, RuleResult, TestReport, TestResult
from sigma2hive.model.visible import visible
from sigma2hive.reports import failure_lines

#: Rules of one kind that are named in the coverage; --json has all.
MAX_NAMED = 20
#: Of one test so many things that are otherwise are told.
MAX_FAILURES = 10

_MARKS = {Outcome.PASSED: "ok    ", Outcome.FAILED: "FAIL  ", Outcome.SKIPPED: "skip  "}


def report_lines(report: TestReport, *, verbose: bool = False) -> Iterator[str]:
    """Yield everything; `verbose` shows each test and its notes."""
    for rule in report.rules:
        if rule.tests:
            yield from _rule_lines(rule, verbose)
    yield from _coverage_lines(report, verbose)
    yield from _sums(report)


def _rule_lines(rule: RuleResult, verbose: bool) -> Iterator[str]:
    events = sum(test.events for test in rule.tests)
    counts = f"{_many(len(rule.tests), 'test')}, {_many(events, 'event')}"
    text = f"{visible(rule.info.title)} ({counts})"
    yield from wrap(text, _MARKS[_outcome(rule)], " " * 6)
    for test in rule.tests:
        if verbose or test.outcome is not Outcome.PASSED:
            yield from _test_lines(test, verbose)


def _outcome(rule: RuleResult) -> Outcome:
    if rule.is_failed:
        return Outcome.FAILED
    is_skipped = all(test.outcome is Outcome.SKIPPED for test in rule.tests)
    return Outcome.SKIPPED if is_skipped else Outcome.PASSED


def _test_lines(test: TestResult, verbose: bool) -> Iterator[str]:
    place = visible(str(test.test.location))
    text = f"{visible(test.test.name)} ({place})"
    if test.outcome is Outcome.SKIPPED:
        text += f": {visible(test.reason)}"
    yield from wrap(text, f"  {_MARKS[test.outcome]}", " " * 8)
    for failure in test.failures[:MAX_FAILURES]:
        for depth, line in failure_lines(failure):
            indent = " " * (8 + 2 * depth)
            yield from wrap(line, indent, indent + "  ")
    if (more := len(test.failures) - MAX_FAILURES) > 0:
        yield f"        and {more:,} more; --json has them all"
    for note in test.notes if verbose else ():
        yield from wrap(f"note: {visible(note)}", " " * 8, " " * 10)


def _coverage_lines(report: TestReport, verbose: bool) -> Iterator[str]:
    unseen = [
        (rule, f"{entry.selection} was never {'false' if entry.was_true else 'true'}")
        if entry.was_true or entry.was_false
        else (rule, f"{entry.selection} was never looked at")
        for rule in report.rules
        for entry in rule.unseen
    ]
    lines = [f"{visible(rule.info.title)}: {visible(text)}" for rule, text in unseen]
    yield from _named("selections of which tests show one side only", lines, verbose)


def _named(what: str, lines: Sequence[str], verbose: bool) -> Iterator[str]:
    if not lines:
        return
    yield ""
    yield f"{what}:"
    shown = lines if verbose else lines[:MAX_NAMED]
    for line in shown:
        yield from wrap(line, "  ", "    ")
    if len(lines) > len(shown):
        yield f"  and {len(lines) - len(shown):,} more; --verbose names them"


def _sums(report: TestReport) -> Iterator[str]:
    loud = [rule for rule in report.rules if not rule.is_counted]
    tested = sum(bool(rule.tests) for rule in loud)
    lacking = sum(bool(rule.missing) for rule in loud)
    events = sum(test.events for test in report.tests)
    variants = sum(test.variants for test in report.tests)
    yield ""
    text = (
        f"{_many(len(report.tests), 'test')} of {tested:,} of {_many(len(loud), 'rule')}: "
        f"{report.passed:,} passed, {report.failed:,} failed, {report.skipped:,} skipped; "
        f"{_many(events, 'event')}, {_many(variants, 'variant')}"
    )
    if report.cluster:
        text += f"; in-process and on {visible(report.cluster)}"
    if lacking:
        text += f"; {_many(lacking, 'rule')} with too few tests"
    yield from wrap(text, "", "  ")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
