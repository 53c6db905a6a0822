"""A check's report as SARIF 2.1.0, which code scanning of GitHub, GitLab and Azure reads.

Findings that are set aside are there too, as suppressed, so that a server closes none by mistake.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/ (with errata 01), and what GitHub reads of
it: https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from sigma2hive import __version__
from sigma2hive.diagnostics import CODES, Location, Severity
from sigma2hive.model.checks import Checked, CheckReport, SetAside
from sigma2hive.model.visible import visible
from sigma2hive.reports.codes import code_help
from sigma2hive.settings import SETTINGS_FILE

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_KINDS = {SetAside.IGNORED: "inSource", SetAside.BASELINE: "external"}
_ROOT = "%SRCROOT%"


def sarif_log(report: CheckReport) -> str:
    """Return the log: one run, with the codes that were found as its rules."""
    codes = sorted({entry.finding.code for entry in report.checked})
    positions = {code: position for position, code in enumerate(codes)}
    driver = {
        "name": "sigma2hive",
        "version": __version__,
        "rules": [_rule(code) for code in codes],
    }
    is_successful = report.is_usable and report.is_whole and not report.is_unanswered
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": is_successful}],
        "results": [_result(entry, positions) for entry in report.checked],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    about = code_help()[code]
    return {
        "id": code,
        "shortDescription": {"text": CODES[code]},
        "fullDescription": {"text": about.why},
        "help": {
            "text": f"{about.why}\n{about.mend}",
            "markdown": f"{about.why}\n\n**What to do:** {about.mend}",
        },
    }


def _result(entry: Checked, positions: dict[str, int]) -> dict[str, Any]:
    finding = entry.finding
    text = visible(finding.message)
    if _is_option(finding.location):
        text = f"{visible(finding.location.path)}: {text}"
    if finding.hint:
        text += f"\nHint: {visible(finding.hint)}"
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": positions[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": _locations(finding.location),
        "partialFingerprints": {"sigma2hive/v1": entry.fingerprint},
    }
    if entry.set_aside is not None:
        suppression = {"kind": _KINDS[entry.set_aside]}
        if entry.reason:
            suppression["justification"] = visible(entry.reason)
        result["suppressions"] = [suppression]
    return result


def _is_option(place: Location) -> bool:
    """Whether something is wrong with the command line, not with a file."""
    return place.path.startswith("--")


def _locations(place: Location) -> list[dict[str, Any]]:
    if _is_option(place):
        # GitHub refuses a log as a whole in which one result has no file.
        place = Location(SETTINGS_FILE)
    # A path from the root of the file system is one as it stands.
    base = {} if place.path.startswith("/") else {"uriBaseId": _ROOT}
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": quote(place.path, errors="surrogateescape"), **base}
    }
    if place.line:
        column = {"startColumn": place.column} if place.column else {}
        physical["region"] = {"startLine": place.line, **column}
    return [{"physicalLocation": physical}]
