"""What was found, in words and in the forms that other programs read."""

from collections.abc import Callable, Mapping

from sigma2hive.model.results_of_tests import TestReport
from sigma2hive.reports.checks import CHECK_REPORTS
from sigma2hive.reports.explaining import (
    Line,
    explanation_as_json,
    reason_lines,
    shown_value,
    tree_lines,
)
from sigma2hive.reports.findings import diagnostic_as_json
from sigma2hive.reports.junit import JUNIT_MARK, junit_xml
from sigma2hive.reports.results import failure_lines, test_report_as_json

#: Forms of a report of tests for other programs, by the option that asks for them.
REPORTS: Mapping[str, Callable[[TestReport], str]] = {"junit": junit_xml}

__all__ = [
    "CHECK_REPORTS",
    "JUNIT_MARK",
    "REPORTS",
    "Line",
    "diagnostic_as_json",
    "explanation_as_json",
    "failure_lines",
    "junit_xml",
    "reason_lines",
    "shown_value",
    "test_report_as_json",
    "tree_lines",
]
