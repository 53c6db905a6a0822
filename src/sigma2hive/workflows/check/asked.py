"""What a command line asks of a check. Imports nothing that looks for mistakes."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path

from sigma2hive.diagnostics import Severity
from sigma2hive.records import dataclass
from sigma2hive.workflows.places import Output


@dataclass(frozen=True, slots=True)
class Servers:
    """Which servers of the settings are asked, too."""

    elasticsearch: bool = False
    thehive: bool = False


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What a command line asks of a check.

    `against` are artefacts to compare with what would be written; a check fails for findings of
    `fails_from` and above, None is never. `baseline` is a file of findings that do not count, and
    `is_baseline_written` asks to write it instead. With `changed_since`, a ref, only what has
    changed since then, and what depends on it, is told. `suites` are published validators to run
    besides, `servers` those to ask.
    """

    against: Output | None = None
    fails_from: Severity | None = Severity.WARNING
    baseline: Path | None = None
    is_baseline_written: bool = False
    changed_since: str | None = None
    suites: tuple[str, ...] = ()
    servers: Servers = field(default_factory=Servers)
