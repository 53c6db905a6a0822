"""Markdown blocks that the description's sections are made of: tables, lists, runs of values.

Takes texts that are Markdown already, and values that are not; gives Markdown. What is left away is
counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sigma2hive.alerts.text import code_span

_MAX_ROWS = 25
_MAX_LISTED = 15


def table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a titled table, "" without rows."""
    if not rows:
        return ""
    lines = [f"### {title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows[:_MAX_ROWS]]
    if len(rows) > _MAX_ROWS:
        lines += ["", f"{len(rows) - _MAX_ROWS} more rows are not shown here."]
    return "\n".join(lines)


def listed(title: str, entries: Iterable[str]) -> str:
    """Return a titled list, "" without entries."""
    found = [entry for entry in entries if entry]
    if not found:
        return ""
    lines = [f"- {entry}" for entry in found[:_MAX_LISTED]]
    if len(found) > _MAX_LISTED:
        lines.append(f"- and {len(found) - _MAX_LISTED:,} more")
    return "\n".join([f"### {title}", "", *lines])


def spans(values: tuple[str, ...], *, in_table: bool = True) -> str:
    """Return values as code: up to three in full, else two and the number of the rest."""
    shown = values if len(values) <= 3 else values[:2]
    text = ", ".join(code_span(value, in_table=in_table) for value in shown)
    return text if len(values) <= 3 else f"{text} +{len(values) - 2:,} more"
