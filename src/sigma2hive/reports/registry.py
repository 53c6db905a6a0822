"""The forms of a report of tests. Adding one is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sigma2hive.model.results_of_tests import TestReport
from sigma2hive.reports.junit import junit_xml

#: Forms of a report of tests for other programs, by the option that asks for them.
REPORTS: Mapping[str, Callable[[TestReport], str]] = {"junit": junit_xml}
