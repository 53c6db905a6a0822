"""A rule and an event that it finds, for the tests of `run`."""

import json
from pathlib import Path

RULE = """\
title: Shadow copies deleted
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
logsource: {product: windows, category: process_creation}
level: high
detection:
    selection:
        CommandLine|contains|all: [vssadmin, delete]
    condition: selection
"""
EVENT = {
    "@timestamp": "2026-11-20T02:15:00.1234567Z",
    "event": {"code": "1"},
    "winlog": {"channel": "Microsoft-Windows-Sysmon/Operational"},
    "host": {"name": "ws01.corp.example"},
    "process": {"command_line": "VSSADMIN.exe Delete Shadows /all"},
}
OTHER = {**EVENT, "process": {"command_line": "notepad.exe"}}


def write_world(folder: Path) -> None:
    """Write one rule and two events, and nothing else."""
    (folder / "sigma_rules").mkdir()
    (folder / "sigma_rules" / "rule.yml").write_text(RULE)
    write_events(folder / "events.ndjson", EVENT, OTHER)


def write_events(file: Path, *events: object) -> None:
    lines = (event if isinstance(event, str) else json.dumps(event) for event in events)
    file.write_text("".join(f"{line}\n" for line in lines))
