"""Findings as people and programs read them.

Takes `Diagnostic` objects and the lines of the files that they point into; gives text or plain
values for JSON. Never prints. What rules and events say is hostile: characters that cannot be seen
are written out, lines are cut, credentials are concealed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sigma2hive.cli.columns import width, wrap
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.visible import visible
from sigma2hive.reports import diagnostic_as_json
from sigma2hive.repository import SourceFiles
from sigma2hive.settings import conceal_credentials

__all__ = ["SOURCE_COLUMNS", "SourceFiles", "diagnostic_as_json", "render_diagnostic"]

#: Columns that a source line may take, its number aside.
SOURCE_COLUMNS = 80
#: Before further lines of a message or hint that is wrapped.
_INDENT = " " * 8
#: Characters of a message or hint; one that quotes an event may be long.
MAX_TEXT = 1_000
#: Findings about a credential: their source line is shown up to the key.
_CREDENTIAL_CODES = frozenset({"S2H407"})


def render_diagnostic(
    finding: Diagnostic, source_lines: Sequence[str] = (), columns: int | None = None
) -> str:
    """Return a finding as text: what and where, the source line with a caret, the hint.

    `source_lines` are the lines of the file that it points into; without them, or where the place
    is not in them, the source line is left out. Lines are wrapped at `columns` where these are
    given; the place is never broken.
    """
    place = f"{visible(str(finding.location))}:"
    told = f" {finding.severity} {finding.code}: {_shown(finding.message)}"
    hint = _shown(finding.hint)
    excerpt = _excerpt(finding, source_lines, columns)
    if columns is None:
        return "\n".join([f"{place}{told}", *excerpt, *([f"  hint: {hint}"] if hint else [])])
    lines = [*wrap(told, place, _INDENT, columns), *excerpt]
    if hint:
        lines += wrap(hint, "  hint: ", _INDENT, columns)
    return "\n".join(lines)


def _shown(text: str) -> str:
    cut = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
    return visible(cut)


def _excerpt(finding: Diagnostic, source_lines: Sequence[str], columns: int | None) -> list[str]:
    line, column = finding.location.line, finding.location.column
    if not 0 < line <= len(source_lines):
        return []
    source = source_lines[line - 1].rstrip("\r\n")
    source = _without_value(source, column) if finding.code in _CREDENTIAL_CODES else source
    source = conceal_credentials(source)
    if not source.strip():
        return []
    before = f"  {line} | "
    room = SOURCE_COLUMNS if columns is None else min(SOURCE_COLUMNS, columns - len(before) - 1)
    text, caret = _window(source, column, room)
    shown = [f"{before}{text}"]
    if column:
        shown.append(f"  {' ' * len(str(line))} | {' ' * caret}^")
    return shown


def _without_value(source: str, column: int) -> str:
    start = max(column - 1, 0)
    key = re.split("[:=]", source[start:], maxsplit=1)[0]
    return f"{source[:start]}{key}: ***"


def _window(source: str, column: int, room: int) -> tuple[str, int]:
    """Return the part of a line that is shown and how far from its left `column` stands."""
    start = min(max(column - 1, 0), len(source))
    cells = [visible(char) for char in source[_first_needed(start) : start + SOURCE_COLUMNS]]
    at = start - _first_needed(start)
    cut_left, cut_right = _first_needed(start) > 0, start + SOURCE_COLUMNS < len(source)
    # Take away from the farther side until the rest fits, with a place for each ellipsis.
    left, right = 0, len(cells)
    widths = [width(cell) for cell in cells]
    total = sum(widths)
    while total + cut_left + cut_right > room:
        if at - left > right - at - 1:
            total -= widths[left]
            left, cut_left = left + 1, True
        elif right > at + 1:
            right -= 1
            total -= widths[right]
            cut_right = True
        else:
            break
    text = "…" * cut_left + "".join(cells[left:right]) + "…" * cut_right
    return text.rstrip(), cut_left + sum(widths[left:at])


def _first_needed(start: int) -> int:
    # A character takes at least a column, combining ones aside: what is farther is never shown.
    return max(0, start - SOURCE_COLUMNS)
