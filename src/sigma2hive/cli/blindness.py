"""What commands tell of rules that are blind on the cluster's indices.

Takes a project; gives lines, findings for --json, and whether there are any. A snapshot that lacks
what a hundred rules ask for must not bury what else there is to tell.
"""

from __future__ import annotations

from pathlib import Path

from sigma2hive.cli.exits import print_first_findings
from sigma2hive.cli.output import tell
from sigma2hive.model.rules import Blindness


def print_blindness(seen: Blindness, root: Path) -> None:
    """Print the first findings of each code, and a summary, to stderr; nothing without any."""
    if not seen.blind:
        return
    print_first_findings(seen.findings, root)
    rules = f"{seen.blind:,} of {seen.checked:,} rules with a snapshot"
    tell(f"blind: {rules} ask for what the indices lack; {seen.never:,} never match")


def blindness_as_json(seen: Blindness) -> dict[str, int]:
    """Return the counts; the findings stand among the others."""
    return {"checked": seen.checked, "blind": seen.blind, "never": seen.never}
