"""Tests of rules that fail, as findings."""

from __future__ import annotations

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.results_of_tests import RuleResult, TestResult
from sigma2hive.workflows.project import Project
from sigma2hive.workflows.testing import tests_of


def find_failing_tests(project: Project, findings: Diagnostics) -> None:
    """Run the tests that rules have, and report those that fail or cannot be used."""
    tests = tests_of(project, (), findings)
    if not tests:
        return
    # Here, since a check of rules without tests waits for none of this.
    from sigma2hive.workflows.testing import Least, run_tests  # noqa: PLC0415

    for rule in run_tests(project, tests, Least(0, 0)).rules:
        for result in rule.tests:
            if result.failures:
                _report(rule, result, findings)


def _report(rule: RuleResult, result: TestResult, findings: Diagnostics) -> None:
    first = result.failures[0]
    origin = f"{first.origin}: " if first.origin else ""
    more = f" (and {len(result.failures) - 1} more)" if len(result.failures) > 1 else ""
    findings.error(
        "S2H232",
        result.test.location,
        f"test '{result.test.name}' of '{rule.info.title}' fails: {origin}{first.message}{more}",
        f"`sigma2hive test --rules {rule.info.location.path}` says why",
    )
