"""What became of tests, in words and as JSON.

Takes results; gives lines in which everything is visible, and plain values. Never prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sigma2hive.model.explanations import ExplainedRule, decisive
from sigma2hive.model.results_of_tests import Failure, RuleResult, TestReport, TestResult
from sigma2hive.model.visible import visible
from sigma2hive.reports.explaining import explanation_as_json, reason_lines


def failure_lines(failure: Failure) -> Iterator[tuple[int, str]]:
    """Yield what was otherwise, and below it the parts that made it so, each with its depth."""
    origin = f"{visible(failure.origin)}: " if failure.origin else ""
    yield 0, origin + visible(failure.message)
    for rule in failure.explained:
        if len(failure.explained) > 1:
            yield 1, f"rule '{visible(rule.info.title)}'"
        for line in _reasons(rule):
            yield 1, line


def _reasons(rule: ExplainedRule) -> Iterator[str]:
    """Yield why a rule is met, or the parts for which it is not."""
    if rule.holds:
        yield from reason_lines(decisive(rule.condition))
        return
    if not rule.gate.holds:
        # What the condition says of an event from elsewhere is beside the point.
        yield from reason_lines(decisive(rule.gate))
        return
    if not rule.condition.holds:
        yield from reason_lines(decisive(rule.condition))
    for entry in rule.filters:
        if not entry.condition.holds:
            yield f"suppressed by the filter '{visible(entry.info.title)}'"
            yield from reason_lines(decisive(entry.condition))


def test_report_as_json(report: TestReport) -> dict[str, Any]:
    """Return all results as plain values."""
    return {
        "passed": report.passed,
        "failed": report.failed,
        "skipped": report.skipped,
        "cluster": report.cluster,
        "rules": [_rule(rule) for rule in report.rules],
    }


def _rule(rule: RuleResult) -> dict[str, Any]:
    return {
        "id": rule.info.id,
        "title": rule.info.title,
        "path": rule.info.location.path,
        "line": rule.info.location.line,
        "missing": list(rule.missing),
        "tested_with_correlation": rule.is_counted,
        "unseen": [
            {
                "selection": entry.selection,
                "line": entry.location.line,
                "seen_true": entry.was_true,
                "seen_false": entry.was_false,
            }
            for entry in rule.unseen
        ],
        "tests": [_test(test) for test in rule.tests],
    }


def _test(result: TestResult) -> dict[str, Any]:
    return {
        "name": result.test.name,
        "path": result.test.location.path,
        "line": result.test.location.line,
        "wanted": result.test.wanted,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "telling": result.is_telling,
        "events": result.events,
        "variants": result.variants,
        "notes": list(result.notes),
        "failures": [
            {
                "message": failure.message,
                "origin": failure.origin,
                "explanations": [explanation_as_json(rule) for rule in failure.explained],
            }
            for failure in result.failures
        ],
    }
