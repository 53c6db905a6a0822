"""Results of tests as JUnit's XML, which CI servers show beside a pull request.

Takes a report; gives the document: a suite a rule, a case a test. Rules with too few tests have a
case that failed for that.

Source: https://github.com/testmoapp/junitxml, the form that Jenkins, GitLab and others read
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from sigma2hive.model.results_of_tests import Outcome, RuleResult, TestReport, TestResult
from sigma2hive.model.visible import visible
from sigma2hive.reports.results import failure_lines

#: What every such document of ours starts with.
JUNIT_MARK = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="sigma2hive test"'


def junit_xml(report: TestReport) -> str:
    """Return the document."""
    root = ET.Element("testsuites", name="sigma2hive test")
    for rule in report.rules:
        if rule.tests or rule.missing:
            _add_suite(root, rule)
    _count(root, list(root.iter("testcase")))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _add_suite(root: ET.Element, rule: RuleResult) -> None:
    suite = ET.SubElement(root, "testsuite", name=visible(rule.info.title), id=rule.info.id)
    for test in rule.tests:
        _add_case(suite, rule, test)
    if rule.missing:
        message = f"the rule has {' and '.join(rule.missing)}"
        ET.SubElement(_case(suite, rule, "enough tests"), "failure", message=message)
    _count(suite, list(suite))


def _case(suite: ET.Element, rule: RuleResult, name: str) -> ET.Element:
    path = visible(rule.info.location.path)
    return ET.SubElement(suite, "testcase", classname=path, name=visible(name), file=path)


def _add_case(suite: ET.Element, rule: RuleResult, test: TestResult) -> None:
    case = _case(suite, rule, test.test.name)
    if test.outcome is Outcome.SKIPPED:
        ET.SubElement(case, "skipped", message=visible(test.reason))
    for failure in test.failures:
        lines = [f"{'  ' * depth}{text}" for depth, text in failure_lines(failure)]
        element = ET.SubElement(case, "failure", message=lines[0])
        element.text = "\n".join(lines)


def _count(element: ET.Element, cases: Sequence[ET.Element]) -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
