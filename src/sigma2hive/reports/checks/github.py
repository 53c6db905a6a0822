"""A check's findings as workflow commands, which GitHub shows as annotations in a pull request.

What a rule says must not become another command: everything is escaped as GitHub reads it.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands, and
the escapes of @actions/core (command.ts)
"""

from __future__ import annotations

from sigma2hive.diagnostics import Diagnostic, Severity
from sigma2hive.model.checks import CheckReport
from sigma2hive.model.visible import visible

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_IN_TEXT = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_IN_TEXT, ":": "%3A", ",": "%2C"}


def github_annotations(report: CheckReport) -> str:
    """Return one command a line; findings that are set aside have none."""
    return "".join(f"{_command(finding)}\n" for finding in report.open)


def _command(finding: Diagnostic) -> str:
    location = finding.location
    # A path is escaped by GitHub's own rules only: it must name the file.
    properties = {"file": location.path}
    if location.line:
        properties |= {"line": str(location.line), "col": str(max(location.column, 1))}
    properties["title"] = finding.code
    written = ",".join(
        f"{key}={_escaped(text, _IN_PROPERTIES)}" for key, text in properties.items()
    )
    lines = [finding.message, f"hint: {finding.hint}"] if finding.hint else [finding.message]
    text = "\n".join(visible(line) for line in lines)
    return f"::{_COMMANDS[finding.severity]} {written}::{_escaped(text, _IN_TEXT)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(char, char) for char in text)
