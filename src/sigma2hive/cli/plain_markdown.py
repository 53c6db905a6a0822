"""An alert's Markdown as plain text for a terminal.

Takes the Markdown that `sigma2hive.alerts` writes; gives lines: headings underlined, tables in
aligned columns, code and links as they read. Blocks of code stay line for line, to be copied.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from sigma2hive.cli.columns import table_lines, width, wrap
from sigma2hive.model.visible import visible

_FENCE = re.compile(r" {0,3}(`{3,})[A-Za-z]*")
_HEADING = re.compile(r"#{1,6} +(.+)")
_ITEM = re.compile(r"([-*] )(.*)")
_CELL = re.compile(r"(?<!\\)\|")
_INLINE = re.compile(
    r"(?P<fence>(?<!`)`+(?!`))(?P<code>.+?)(?<!`)(?P=fence)(?!`)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|\*\*(?P<bold>(?:[^*\\]|\\.)+)\*\*"
    r"|\[(?P<text>[^\[\]\\]+)\]\((?P<target>[^()\s]+)\)"
    r"|<(?P<link>https?://[^<>\s]+)>"
)


def plain_lines(markdown: str, leave_out: Collection[str] = ()) -> Iterator[str]:
    """Yield the lines of a description, without the sections whose heading is in `leave_out`."""
    lines = iter(markdown.split("\n"))
    is_shown, has_begun = True, False
    blank: tuple[str, ...] = ()
    for line in lines:
        heading, fence = _HEADING.fullmatch(line), _FENCE.fullmatch(line)
        if heading:
            is_shown = heading[1] not in leave_out
        block = list(_block(line, lines, fence[1] if fence else ""))
        for shown in block if is_shown else ():
            if shown:
                yield from blank
                yield shown
            # One blank line between two others, none at the ends.
            blank = ("",) if not shown and has_begun else ()
            has_begun = has_begun or bool(shown)


def _block(line: str, lines: Iterator[str], fence: str) -> Iterator[str]:
    """Yield what begins with `line` as it is shown, taking from `lines` what belongs to it."""
    if fence:
        for inner in lines:
            if re.fullmatch(rf" {{0,3}}`{{{len(fence)},}}\s*", inner):
                return
            yield visible(inner.expandtabs())
    elif line.startswith("|"):
        rows = [line]
        for inner in lines:
            if not inner.startswith("|"):
                yield from table_lines(_cells(rows[0]), [_cells(row) for row in rows[2:]])
                yield from _block(inner, lines, "")
                return
            rows.append(inner)
        yield from table_lines(_cells(rows[0]), [_cells(row) for row in rows[2:]])
    elif heading := _HEADING.fullmatch(line):
        yield _read(heading[1])
        yield "-" * width(_read(heading[1]))
    elif item := _ITEM.fullmatch(line):
        yield from wrap(_read(item[2]), item[1], "  ")
    else:
        yield from wrap(_read(line))


def _cells(row: str) -> list[str]:
    return [_read(cell.strip()) for cell in _CELL.split(row.strip())[1:-1]]


def _read(text: str) -> str:
    return visible(_INLINE.sub(_inline, text))


def _inline(found: re.Match[str]) -> str:
    if found["code"] is not None:
        code = found["code"].replace("\\|", "|")
        # As CommonMark has it: blanks at both ends keep backticks apart from the fence.
        is_padded = code[0] == code[-1] == " " and code.strip(" ")
        return code[1:-1] if is_padded else code
    if found["text"] is not None:
        return f"{found['text']} {found['target']}"
    if found["bold"] is not None:
        return _INLINE.sub(_inline, found["bold"])
    return found["escaped"] or found["link"]
