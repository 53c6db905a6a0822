"""A check's report as JUnit's XML: a suite a file, a case a finding; a clean file has one case.

Source: https://github.com/testmoapp/junitxml, the form that Jenkins, GitLab and others read
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.checks import CheckReport
from sigma2hive.model.visible import visible

_NAME = "sigma2hive check"


def check_junit(report: CheckReport) -> str:
    """Return the document. A finding for which the check does not fail is a case that passed."""
    root = ET.Element("testsuites", name=_NAME)
    by_path: dict[str, list[Diagnostic]] = {path: [] for path in report.files}
    for finding in report.open:
        by_path.setdefault(finding.location.path, []).append(finding)
    for path, findings in by_path.items():
        _add_suite(root, path, findings, report)
    _count(root)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _add_suite(root: ET.Element, path: str, found: list[Diagnostic], report: CheckReport) -> None:
    shown = visible(path)
    suite = ET.SubElement(root, "testsuite", name=shown)
    if not found:
        ET.SubElement(suite, "testcase", classname=shown, name="no findings", file=shown)
    for finding in found:
        place = f" in line {finding.location.line}" if finding.location.line else ""
        name = f"{finding.code}{place}"
        case = ET.SubElement(suite, "testcase", classname=shown, name=name, file=shown)
        text = visible(finding.message)
        if report.fails(finding):
            failure = ET.SubElement(case, "failure", message=text, type=finding.severity.value)
            hint = f"\nhint: {visible(finding.hint)}" if finding.hint else ""
            failure.text = f"{visible(str(finding.location))}: {text}{hint}"
        else:
            ET.SubElement(case, "system-out").text = f"{finding.severity}: {text}"
    _count(suite)


def _count(element: ET.Element) -> None:
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
