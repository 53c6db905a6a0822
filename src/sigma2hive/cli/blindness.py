"""What commands tell of rules that are blind on the cluster's indices.

Takes a project; gives lines, findings for --json, and whether there are any. A snapshot that lacks
what a hundred rules ask for must not bury what else there is to tell.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from sigma2hive.cli.exits import print_findings
from sigma2hive.compiler import Blindness

#: Findings of one code that are shown; all of them are in --json.
_SHOWN_OF_EACH = 5


def print_blindness(seen: Blindness, root: Path) -> None:
    """Print the first findings of each code, and a summary, to stderr; nothing without any."""
    if not seen.blind:
        return
    counts: Counter[str] = Counter()
    shown = []
    for finding in seen.findings:
        counts[finding.code] += 1
        if counts[finding.code] <= _SHOWN_OF_EACH:
            shown.append(finding)
    print_findings(shown, root)
    for code, count in sorted(counts.items()):
        if count > _SHOWN_OF_EACH:
            more = count - _SHOWN_OF_EACH
            click.echo(f"… and {more:,} more warnings {code}, all of them in --json", err=True)
    rules = f"{seen.blind:,} of {seen.checked:,} rules with a snapshot"
    click.echo(
        f"blind: {rules} ask for what the indices lack; {seen.never:,} never match", err=True
    )


def blindness_as_json(seen: Blindness) -> dict[str, int]:
    """Return the counts; the findings stand among the others."""
    return {"checked": seen.checked, "blind": seen.blind, "never": seen.never}
