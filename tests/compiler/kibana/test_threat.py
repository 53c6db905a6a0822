"""ATT&CK in detection rules: a technique stands below its own tactics only."""

from __future__ import annotations

from typing import Any

import pytest

from sigma2hive.compiler.kibana.threat import threat_of


def told(*tags: str) -> dict[str, dict[str, list[str]]]:
    """Return tactic → technique → its parts, by their ids."""
    entries: Any = threat_of([f"attack.{tag}" for tag in tags])
    return {
        entry["tactic"]["id"]: {
            technique["id"]: [part["id"] for part in technique.get("subtechnique", [])]
            for technique in entry["technique"]
        }
        for entry in entries
    }


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        # Not paired by position: T1003 is credential access, wherever it stands.
        (
            ("execution", "t1003.001", "credential-access", "t1059.001"),
            {"TA0002": {"T1059": ["T1059.001"]}, "TA0006": {"T1003": ["T1003.001"]}},
        ),
        # Of several tactics of a technique, those that the rule names.
        (("persistence", "t1078"), {"TA0003": {"T1078": []}}),
        (
            ("t1078.004",),
            {
                "TA0001": {"T1078": ["T1078.004"]},
                "TA0003": {"T1078": ["T1078.004"]},
                "TA0004": {"T1078": ["T1078.004"]},
                "TA0005": {"T1078": ["T1078.004"]},
            },
        ),
        # Revoked: T1562.001 is T1685 now, which is no part of another and has another tactic.
        (
            ("defense-evasion", "t1562.001"),
            {"TA0005": {}, "TA0112": {"T1685": []}},
        ),
        # A technique whose tactic the rule does not name keeps its own.
        (("impact", "t1046"), {"TA0007": {"T1046": []}, "TA0040": {}}),
        (("t1059", "t1059.001", "t1059.003"), {"TA0002": {"T1059": ["T1059.001", "T1059.003"]}}),
        (("t9999", "g0016", "s0002"), {}),
    ],
)
def test_techniques_stand_below_their_tactics(
    tags: tuple[str, ...], expected: dict[str, Any]
) -> None:
    assert told(*tags) == expected


def test_names_and_links_are_attacks_own() -> None:
    (entry,) = threat_of(["attack.t1059.001"])
    reference = "https://attack.mitre.org/techniques/T1059/"
    assert entry == {
        "framework": "MITRE ATT&CK",
        "tactic": {
            "id": "TA0002",
            "name": "Execution",
            "reference": "https://attack.mitre.org/tactics/TA0002/",
        },
        "technique": [
            {
                "id": "T1059",
                "name": "Command and Scripting Interpreter",
                "reference": reference,
                "subtechnique": [
                    {"id": "T1059.001", "name": "PowerShell", "reference": f"{reference}001/"}
                ],
            }
        ],
    }
