"""What the source tests share: reading a path, and telling events from findings."""

import json
from pathlib import Path

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.sources import Limits, SourceOptions, read_events

TIME = "2026-11-24T09:00:00.123456789Z"
TIME_NS = 1_795_510_800_123_456_789


def read(
    *paths: Path,
    root: Path | None = None,
    limits: Limits | None = None,
    flavour: str | None = "winlogbeat",
    time_fields: tuple[str, ...] = ("@timestamp",),
) -> tuple[list[Event], list[Diagnostic]]:
    options = SourceOptions(flavour, root or paths[0].parent, limits or Limits(), time_fields)
    entries = list(read_events(paths, options))
    events = [entry for entry in entries if isinstance(entry, Event)]
    findings = [entry for entry in entries if isinstance(entry, Diagnostic)]
    return events, findings


def line(**fields: object) -> bytes:
    return json.dumps({"@timestamp": TIME, **fields}).encode()


def shown(findings: list[Diagnostic]) -> list[tuple[str, str]]:
    return [(finding.code, str(finding.location)) for finding in findings]
