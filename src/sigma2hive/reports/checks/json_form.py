"""A check's report as one JSON document."""

from __future__ import annotations

import json
from typing import Any

from sigma2hive.diagnostics import Severity
from sigma2hive.model.checks import Checked, CheckReport, SetAside
from sigma2hive.reports.findings import diagnostic_as_json


def check_json(report: CheckReport) -> str:
    """Return the document: counts, every finding with what became of it, differences."""
    counts = report.counts
    document = {
        "profile": report.profile,
        "rules": report.rules,
        "usable": report.is_usable,
        "failing": len(report.failing),
        **{f"{severity}s": counts[severity] for severity in Severity},
        **{why.value: report.set_aside(why) for why in SetAside},
        "findings": [_as_json(entry) for entry in report.checked],
        "drift": [{"path": drift.path, "diff": drift.diff} for drift in report.drifts],
    }
    return json.dumps(document, indent=2) + "\n"


def _as_json(entry: Checked) -> dict[str, Any]:
    return {
        **diagnostic_as_json(entry.finding),
        "fingerprint": entry.fingerprint,
        "set_aside": entry.set_aside.value if entry.set_aside else None,
        "reason": entry.reason,
    }
