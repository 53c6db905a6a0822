"""Text laid out in the columns of a terminal.

Takes text in which everything is visible already; gives lines that are no wider than asked. Counts
columns as terminals do: two for wide characters, none for combining ones. Loses no text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

#: How wide output for people is where we control it.
COLUMNS = 80
_GAP = "  "
#: Narrower than this, a table's last column is no column any more.
_LEAST = 24


def width(text: str) -> int:
    """Return the columns that a terminal gives `text`."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def pad(text: str, columns: int) -> str:
    """Return `text` with blanks after it up to so many columns."""
    return text + " " * (columns - width(text))


def wrap(text: str, first: str = "", rest: str = "", columns: int = COLUMNS) -> Iterator[str]:
    """Yield `text` after `first`, its further lines after `rest`; long words are broken."""
    is_ascii = text.isascii() and first.isascii() and rest.isascii()
    width_of = len if is_ascii else width
    whole = columns - width_of(rest)
    words = text.split(" ")
    if is_ascii and text.isprintable() and all(words) and max(map(len, words)) <= whole:
        yield from _words_wrapped(text, first, rest, columns)
        return
    line, room, is_empty = first, columns - width_of(first), True
    for piece in re.findall(r" +|[^ ]+", text):
        for part in (piece,) if width_of(piece) <= whole else _parts(piece, whole):
            size = width_of(part)
            if size > room and room < whole:
                yield line.rstrip()
                line, room, is_empty = rest, whole, True
            if is_empty and part.isspace() and line == rest:
                continue
            line, room, is_empty = line + part, room - size, False
    yield line.rstrip()


def _words_wrapped(text: str, first: str, rest: str, columns: int) -> Iterator[str]:
    """Yield the same of ASCII words with one blank between each two, none too wide for a line."""
    line = first
    while len(line) + len(text) > columns:
        end = text.rfind(" ", 0, max(columns - len(line), 0) + 1)
        yield (line + text[: max(end, 0)]).rstrip()
        line, text = rest, text[end + 1 :]
    yield (line + text).rstrip()


def _parts(word: str, columns: int) -> Iterator[str]:
    """Yield a word that is too wide for any line in parts that fit."""
    part, used = "", 0
    for char in word:
        if used + width(char) > columns:
            yield part
            part, used = "", 0
        part, used = part + char, used + width(char)
    yield part


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table in aligned columns, the last one wrapped; one cell a line where none fits."""
    widths = [max(map(width, column)) for column in zip(head, *rows, strict=True)]
    before = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    if before + min(widths[-1], _LEAST) > COLUMNS:
        yield from _stacked(head, rows)
        return
    for row in (head, *rows):
        cells = [pad(cell, size) for cell, size in zip(row[:-1], widths[:-1], strict=True)]
        yield from wrap(row[-1], "".join(cell + _GAP for cell in cells), " " * before)


def _stacked(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    label = max(map(width, head[1:]))
    for row in rows:
        yield from wrap(row[0], "", _GAP)
        for name, cell in zip(head[1:], row[1:], strict=True):
            yield from wrap(cell, f"{_GAP}{pad(name, label)}{_GAP}", " " * (label + 4))
