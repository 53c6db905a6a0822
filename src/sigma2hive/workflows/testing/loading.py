"""Which tests there are: those beside rules, in rules, and of SigmaHQ's kind.

Takes a `Project` and further paths; gives tests, and puts what is wrong with them among findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sigma2hive.diagnostics import Diagnostic, Diagnostics, Severity
from sigma2hive.model.results_of_tests import TestReport
from sigma2hive.model.rule_tests import RuleTest
from sigma2hive.repository import load_regression_tests, load_tests
from sigma2hive.workflows.project import Project


def tests_of(project: Project, regression: Sequence[Path], findings: Diagnostics) -> list[RuleTest]:
    """Return all tests of the project's rules; `regression` are files and folders of info.yml."""
    root = project.settings.root
    infos = project.repository.alerting
    found = load_tests(project.paths, root, infos, findings)
    found += load_regression_tests(regression, root, infos, findings)
    findings.show_from(root)
    return found


def gate_findings(report: TestReport) -> Iterator[Diagnostic]:
    """Yield a finding for each rule that has too few tests."""
    for rule in report.rules:
        if rule.missing:
            yield Diagnostic(
                "S2H231",
                Severity.ERROR,
                rule.info.location,
                f"'{rule.info.title}' has {' and '.join(rule.missing)}",
                "write them into a file beside it, NAME.test.yaml (docs/testing.md)",
            )
