"""What a check found, in the forms that other programs read."""

from collections.abc import Callable, Mapping

from sigma2hive.model.checks import CheckReport
from sigma2hive.reports.checks.github import github_annotations
from sigma2hive.reports.checks.json_form import check_json
from sigma2hive.reports.checks.junit import check_junit
from sigma2hive.reports.checks.sarif import sarif_log

#: Forms of a check's report for other programs, by their name in `--format`. Each gives the whole
#: text, with a line break at its end where there is any text.
CHECK_REPORTS: Mapping[str, Callable[[CheckReport], str]] = {
    "json": check_json,
    "github": github_annotations,
    "sarif": sarif_log,
    "junit": check_junit,
}

__all__ = ["CHECK_REPORTS"]
