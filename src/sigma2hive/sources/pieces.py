"""A stream of bytes cut into events, each within a bound.

Takes chunks of bytes; gives the lines of NDJSON, or the objects of a JSON text that is written
otherwise: one array of events, or objects over several lines. Never holds more than a chunk and one
event; of an event above the limit only the size is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO

from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Cut:
    """One event's bytes, without the line ending, and the line and column that it starts in.

    `is_oversized`: it is larger than the bound, and not here. `is_ended`: the line ending, or the
    closing bracket, was seen; without it the file ends inside.
    """

    line: int
    raw: bytes
    is_oversized: bool = False
    is_ended: bool = True
    column: int = 1

    def place_of(self, offset: int) -> tuple[int, int]:
        """Return line and column of the character at `offset` in the event's text."""
        before = self.raw.decode("utf-8", "replace")[:offset]
        newlines = before.count("\n")
        if newlines:
            return self.line + newlines, offset - before.rfind("\n")
        return self.line, self.column + offset


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that follow each other, the first of them with a number; None is an oversized one.

    Each has its ending, which is a line feed here; `is_ended`: the file has that of the last too.
    """

    first: int
    lines: Sequence[bytes | None]
    is_ended: bool = True

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self.lines)

    def cut(self, position: int) -> Cut | None:
        """Return the line at a position as a cut; None where it is blank."""
        raw = self.lines[position]
        line = self.first + position
        if raw is None:
            return Cut(line, b"", is_oversized=True)
        if raw.isspace():
            return None
        is_ended = self.is_ended or position < len(self.lines) - 1
        return Cut(line, raw.removesuffix(b"\n"), is_ended=is_ended)


def cut_blocks(chunks: Iterable[bytes], max_bytes: int) -> Iterator[Block]:
    """Yield all lines, in a block those that end in one chunk."""
    number, rest, is_skipping = 1, b"", False
    for chunk in filter(None, chunks):
        # Several times as fast as splitting.
        lines = BytesIO(chunk).readlines()
        after = b"" if chunk.endswith(b"\n") else lines.pop()
        if lines:
            has_returns = b"\r" in chunk or rest.endswith(b"\r")
            lines[0] = rest + lines[0]
            bounded = _bounded(_without_returns(lines) if has_returns else lines, max_bytes)
            yield Block(number, [None, *bounded[1:]] if is_skipping else bounded)
            number += len(lines)
            rest, is_skipping = after, False
        elif not is_skipping:
            rest += after
        if len(rest) > max_bytes + 1:  # it may yet end in CR
            rest, is_skipping = b"", True
    if rest or is_skipping:
        last = rest.removesuffix(b"\r")
        is_oversized = is_skipping or len(last) > max_bytes
        yield Block(number, [None if is_oversized else last + b"\n"], is_ended=False)


def _without_returns(lines: Iterable[bytes]) -> list[bytes]:
    return [line[:-2] + b"\n" if line.endswith(b"\r\n") else line for line in lines]


def _bounded(lines: list[bytes], max_bytes: int) -> Sequence[bytes | None]:
    """Return the lines with None for each that is larger, its ending left out."""
    if len(max(lines, key=len)) <= max_bytes + 1:
        return lines
    return [line if len(line) <= max_bytes + 1 else None for line in lines]


def cut_lines(chunks: Iterable[bytes], max_bytes: int) -> Iterator[Cut]:
    """Yield every line that is not blank."""
    for block in cut_blocks(chunks, max_bytes):
        for position in range(len(block.lines)):
            cut = block.cut(position)
            if cut is not None:
                yield cut


def cut_objects(chunks: Iterable[bytes], max_bytes: int) -> Iterator[Cut]:
    """Yield every object, and what stands where an object should.

    Objects may follow each other, with commas or not, inside one array or none.
    """
    cutter = _ObjectCutter(max_bytes)
    for chunk in chunks:
        yield from cutter.feed(chunk)
    yield from cutter.end()


#: Between objects: whatever is no blank, comma or bracket of an array around them begins something.
_BEGIN = re.compile(rb"[^ \t\r\n,\[\]]")
_STRAY_END = re.compile(rb"[{\n,\]]")
_OUTSIDE_STRING = re.compile(rb'["{}\[\]]')
_INSIDE_STRING = re.compile(rb'["\\]')


class _ObjectCutter:
    """Follows strings and brackets, and nothing else of JSON, from chunk to chunk."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._depth = 0  # of brackets in the current object; 0 is between objects
        self._is_stray = False  # in something between objects that is none
        self._is_in_string = False
        self._is_escaped = False  # the next chunk's first byte follows a backslash
        self._kept = bytearray()
        self._size = 0
        self._line = 1
        self._start_line = self._start_column = 1
        self._column = 1  # of the chunk's first byte

    def feed(self, chunk: bytes) -> Iterator[Cut]:
        """Yield what ends in this chunk."""
        start = counted = 0
        position = int(self._is_escaped)
        self._is_escaped = False
        while position < len(chunk):
            if self._depth:
                position = self._follow(chunk, position)
                if not self._depth:
                    yield self._taken(chunk[start:position])
            elif self._is_stray:
                found = _STRAY_END.search(chunk, position)
                if found is None:
                    break
                position = found.start()
                yield self._taken(chunk[start:position])
            else:
                found = _BEGIN.search(chunk, position)
                if found is None:
                    break
                start, position = found.span()
                self._line += chunk.count(b"\n", counted, start)
                counted = start
                self._begin(found.group(), self._column_at(chunk, start))
        if self._depth or self._is_stray:
            self._keep(chunk[start:])
        self._line += chunk.count(b"\n", counted)
        self._column = self._column_at(chunk, len(chunk))

    def end(self) -> Iterator[Cut]:
        """Yield what the text ends inside of."""
        if self._depth or self._is_stray:
            yield self._taken(b"", is_ended=False)

    def _column_at(self, chunk: bytes, position: int) -> int:
        newline = chunk.rfind(b"\n", 0, position)
        return position - newline if newline >= 0 else self._column + position

    def _begin(self, byte: bytes, column: int) -> None:
        self._start_line, self._start_column = self._line, column
        self._depth = int(byte == b"{")
        self._is_stray = not self._depth

    def _follow(self, chunk: bytes, position: int) -> int:
        """Return where the current object ends, or the chunk's length where it does not."""
        while position < len(chunk):
            pattern = _INSIDE_STRING if self._is_in_string else _OUTSIDE_STRING
            found = pattern.search(chunk, position)
            if found is None:
                break
            position = found.end()
            byte = found.group()
            if byte == b'"':
                self._is_in_string = not self._is_in_string
            elif byte == b"\\":
                self._is_escaped = position == len(chunk)
                position += 1
            elif byte in b"{[":
                self._depth += 1
            else:
                self._depth -= 1
                if not self._depth:
                    return position
        return len(chunk)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._max_bytes:
            self._kept += part
        else:
            self._kept.clear()

    def _taken(self, last: bytes, *, is_ended: bool = True) -> Cut:
        self._keep(last)
        is_oversized = self._size > self._max_bytes
        cut = Cut(
            *(self._start_line, bytes(self._kept), is_oversized, is_ended, self._start_column)
        )
        self._kept.clear()
        self._size = self._depth = 0
        self._is_stray = self._is_in_string = False
        return cut
