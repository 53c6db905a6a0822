"""Findings as plain values.

Takes `Diagnostic` objects; gives values for JSON. Never prints.
"""

from __future__ import annotations

from sigma2hive.diagnostics import Diagnostic


def diagnostic_as_json(finding: Diagnostic) -> dict[str, str | int]:
    """Return a finding's fields as JSON values; `line` and `column` are 0 where unknown."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "path": finding.location.path,
        "line": finding.location.line,
        "column": finding.location.column,
        "message": finding.message,
        "hint": finding.hint,
        "count": finding.count,
    }
