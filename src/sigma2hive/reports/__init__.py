"""What was found, in words and in the forms that other programs read."""

from typing import TYPE_CHECKING

from sigma2hive.lazily import importing

if TYPE_CHECKING:
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
    from sigma2hive.reports.registry import REPORTS
    from sigma2hive.reports.results import failure_lines, test_report_as_json

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

# Hidden from type checkers, which would take any name for one of these. Every command tells
# findings; few write a report, and what reports are made of takes long to import.
if not TYPE_CHECKING:
    __getattr__ = importing(
        __name__,
        {
            "CHECK_REPORTS": "checks",
            "JUNIT_MARK": "junit",
            "REPORTS": "registry",
            "Line": "explaining",
            "diagnostic_as_json": "findings",
            "explanation_as_json": "explaining",
            "failure_lines": "results",
            "junit_xml": "junit",
            "reason_lines": "explaining",
            "shown_value": "explaining",
            "test_report_as_json": "results",
            "tree_lines": "explaining",
        },
    )
