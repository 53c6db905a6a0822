"""Rules and three days of events, for the tests of `backtest`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from sigma2hive.cli import main

SHELL_ID = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"
LOGONS_ID = "22222222-2222-4222-8222-222222222222"
SHELL = f"""\
title: Encoded PowerShell
id: {SHELL_ID}
logsource: {{product: windows, category: process_creation}}
level: high
detection:
    selection:
        Image|endswith: '\\powershell.exe'
        CommandLine|contains: ' -enc '
    condition: selection
"""
LOGONS = f"""\
title: Failed logon
id: 11111111-1111-4111-8111-111111111111
name: failed_logon
logsource: {{product: windows, service: security}}
level: low
detection:
    selection: {{EventID: 4625}}
    condition: selection
---
title: Many failed logons
id: {LOGONS_ID}
level: medium
correlation:
    type: event_count
    rules: [failed_logon]
    group-by: [IpAddress]
    timespan: 10m
    condition: {{gte: 3}}
"""
BACKUP_FILTER = f"""\
title: Backup may encode
id: 33333333-3333-4333-8333-333333333333
logsource: {{product: windows, category: process_creation}}
filter:
    rules: [{SHELL_ID}]
    selection: {{User: 'CORP\\svc-backup'}}
    condition: not selection
"""
POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"


def shell(
    time: str, user: str, host: str = "ws01", parent: str = "C:\\Windows\\explorer.exe"
) -> dict[str, Any]:
    """A start of PowerShell with an encoded command, as Winlogbeat writes it."""
    return {
        "@timestamp": time,
        "event": {"code": "1"},
        "winlog": {"channel": "Microsoft-Windows-Sysmon/Operational", "computer_name": host},
        "host": {"name": host},
        "user": {"domain": "CORP", "name": user},
        "process": {
            "executable": POWERSHELL,
            "command_line": "powershell.exe -enc SQBFAFgA",
            "parent": {"executable": parent},
        },
    }


def logon(time: str, address: str) -> dict[str, Any]:
    """A failed logon from an address."""
    return {
        "@timestamp": time,
        "event": {"code": "4625"},
        "winlog": {"channel": "Security"},
        "source": {"ip": address},
    }


def three_days() -> Iterator[dict[str, Any]]:
    """An agent that encodes its commands on every host, some people, and two guessers."""
    for hour in range(12):
        yield shell(f"2026-11-20T{hour:02}:00:00Z", "svc-agent", f"ws{hour:02}", "C:\\agent.exe")
    yield shell("2026-11-20T13:00:00Z", "anna")
    yield shell("2026-11-22T08:00:00Z", "ben", "ws07")
    for minute in range(4):
        yield logon(f"2026-11-20T02:0{minute}:00Z", "203.0.113.7")
    for minute in range(3):
        yield logon(f"2026-11-22T02:0{minute}:00Z", "203.0.113.8")
    for minute in range(2):
        yield logon(f"2026-11-22T03:0{minute}:00Z", "203.0.113.9")


def write_world(folder: Path) -> None:
    """Write the rules and the events."""
    (folder / "sigma_rules").mkdir()
    (folder / "sigma_rules" / "shell.yml").write_text(SHELL)
    (folder / "sigma_rules" / "logons.yml").write_text(LOGONS)
    write_events(folder / "events.ndjson", three_days())


def write_events(file: Path, events: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> None:
    """Write events as NDJSON."""
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events))


def backtest(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["backtest", *arguments], catch_exceptions=False)


def report(*arguments: str) -> dict[str, Any]:
    """Run it, and return what --json says."""
    loaded: dict[str, Any] = json.loads(backtest("--json", *arguments).stdout)
    return loaded


def alerts_of(found: dict[str, Any]) -> dict[str, int]:
    """Return the alerts by title of their rule."""
    return {entry["title"]: entry["alerts"] for entry in found["rules"]}
