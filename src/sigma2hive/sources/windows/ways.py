"""Ways to a field of raw Windows events: where it stands in those that have the same plan.

Takes scanned lines, and which rows of them are asked for; gives parts of columns. Ways are values:
equal ones are one, whatever events they belong to, so that what is made of a text is made once.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from sigma2hive.model.bitmaps import mask_of, rows_of
from sigma2hive.model.times import parse_time_ns, render_time
from sigma2hive.model.values import Values, canonical_text, flatten
from sigma2hive.native import Cells, Column, MadeColumn, Scan
from sigma2hive.records import dataclass
from sigma2hive.sources.windows.raw import ATTRIBUTES, GUID_LENGTH, as_windows_writes

_NOTHING = frozenset((None, ""))

#: What stands in some rows.
Found = Cells | MadeColumn
#: Makes the document of a raw event.
Normalise = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Way(Protocol):
    """How to come to the values of a field; equal where the same is done."""

    def parts(self, lines: Lines, rows: int, /) -> Iterator[Found]:
        """Yield what stands in some rows, each row in one part at most."""


#: Field path → the way to it. Paths that are not there stand in none of the events.
Plan = dict[str, Way]


class Lines:
    """Scanned raw events that are rows of a batch."""

    def __init__(self, scan: Scan, row_of: array[int], normalise: Normalise) -> None:
        self._scan = scan
        self._row_of = row_of
        self._normalise = normalise
        self._line_of: dict[int, int] | None = None
        self._values: dict[int, Values] = {}

    def column(self, keys: Sequence[str], rows: int) -> Column | None:
        """Return what stands at some keys below each other; None where nothing does."""
        number = self._scan.paths.number_of(keys)
        if number is None:
            return None
        wanted = rows.to_bytes(rows.bit_length() + 7 >> 3, "little")
        column = self._scan.column(number, self._row_of, wanted)
        return column if len(column) else None

    def values(self, row: int) -> Values:
        """Return all values of one event, for what no column is known of."""
        values = self._values.get(row)
        if values is None:
            if self._line_of is None:
                self._line_of = {row: line for line, row in enumerate(self._row_of) if row >= 0}
            record = json.loads(self._scan.line(self._line_of[row]))
            values = self._values[row] = flatten(self._normalise(record))
        return values


@dataclass(frozen=True, slots=True)
class Constant:
    """The same texts in each event."""

    texts: tuple[str, ...]

    def parts(self, _: Lines, rows: int) -> Iterator[Found]:
        """Yield them for some rows."""
        yield _cells((row, self.texts) for row in rows_of(rows))


@dataclass(frozen=True, slots=True)
class Text:
    """A value in EventData as the shipper reads it, unless it is one of those that are dropped."""

    name: str
    dropped: frozenset[str] = frozenset()

    def parts(self, lines: Lines, rows: int) -> Iterator[Found]:
        """Yield the texts in some rows."""
        column = lines.column(("Event", "EventData", self.name), rows)
        if column is not None:
            yield MadeColumn(column, _shipped(column.texts, self.dropped))


@dataclass(frozen=True, slots=True)
class InSystem:
    """A text in System, by the keys that lead to it there."""

    keys: tuple[str, ...]

    def parts(self, lines: Lines, rows: int) -> Iterator[Found]:
        """Yield the texts in some rows."""
        column = lines.column(("Event", "System", *self.keys), rows)
        if column is not None:
            yield MadeColumn(column, [as_windows_writes(text) or None for text in column.texts])


@dataclass(frozen=True, slots=True)
class Whole:
    """What only whole documents say."""

    path: str

    def parts(self, lines: Lines, rows: int) -> Iterator[Found]:
        """Yield the texts in some rows."""
        yield _cells((row, lines.values(row).get(self.path, ())) for row in rows_of(rows))


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a function makes of another field's text: one value or several; "" is nothing."""

    way: Way
    function: Callable[[str], Any]

    def parts(self, lines: Lines, rows: int) -> Iterator[Found]:
        """Yield the texts in some rows."""
        for part in self.way.parts(lines, rows):
            yield self._made(part)

    def _made(self, part: Found) -> Found:
        function = self.function
        if isinstance(part, Cells):
            return _cells(
                (row, _texts(function(text)))
                for row, text in zip(part.rows, part.cells, strict=True)
            )
        made = [None if text is None else function(text) for text in part.texts]
        kinds = set(map(type, made))
        if list in kinds:
            each = list(map(_texts, made))
            cells = zip(part.rows, part.codes, strict=True)
            return _cells((row, each[code]) for row, code in cells)
        if not kinds <= {str, type(None)}:
            made = [None if value is None else canonical_text(value) for value in made]
        return MadeColumn(part, [text or None for text in made])


@dataclass(frozen=True, slots=True)
class LastOf:
    """What the last of several ways leads to, where it leads to anything, as if written in turn."""

    ways: tuple[Way, ...]

    def parts(self, lines: Lines, rows: int) -> Iterator[Found]:
        """Yield the texts in some rows."""
        for way in reversed(self.ways):
            taken = 0
            for part in way.parts(lines, rows) if rows else ():
                taken |= _rows_in(part)
                yield part
            rows &= ~taken


@dataclass(frozen=True, slots=True)
class Beside:
    """What a way leads to in events that have another field, too."""

    way: Way
    other: Way

    def parts(self, lines: Lines, rows: int) -> Iterator[Found]:
        """Yield the texts in some rows."""
        there = 0
        for part in self.other.parts(lines, rows):
            there |= _rows_in(part)
        yield from self.way.parts(lines, rows & there)


@dataclass(frozen=True, slots=True)
class Joined:
    """What a function makes of two fields' texts, where both are there; "" is nothing."""

    first: Way
    second: Way
    function: Callable[[str, str], str]

    def parts(self, lines: Lines, rows: int) -> Iterator[Found]:
        """Yield the texts in some rows."""
        ones, others = (_by_row(way.parts(lines, rows)) for way in (self.first, self.second))
        yield _cells(
            (row, _texts(self.function(ones[row], others[row])))
            for row in sorted(ones.keys() & others.keys())
        )


def one_time(text: str) -> str:
    """Return a time as documents have it, "" where a text is none; a number alone is none here."""
    time_ns = parse_time_ns(text) if "-" in text else None
    return "" if time_ns is None else render_time(time_ns)


#: When an event was logged.
LOGGED: Final = Mapped(InSystem(("TimeCreated", ATTRIBUTES, "SystemTime")), one_time)


def constant(value: Any) -> Constant:
    """Return the way to what is the same in each event: a JSON value."""
    return Constant(flatten({"": value}).get("", ()))


def constants(document: Mapping[str, Any]) -> Plan:
    """Return the ways to what is the same in each event; a document has it, path by path."""
    return {path: constant(value) for path, value in document.items()}


def last_of(*ways: Way) -> Way:
    """Return the way to fields that are written in turn."""
    return ways[0] if len(ways) == 1 else LastOf(ways)


def _shipped(texts: Sequence[str | None], dropped: frozenset[str]) -> list[str | None]:
    none = dropped | _NOTHING
    # Nearly all texts are themselves.
    return [
        None
        if text in none
        else text
        if text is None or (len(text) != GUID_LENGTH and "\n" not in text)
        else _shipped_oddly(text, none)
        for text in texts
    ]


def _shipped_oddly(text: str, none: frozenset[str | None]) -> str | None:
    shipped = as_windows_writes(text).replace("\r\n", "\n").rstrip("\n")
    return None if shipped in none else shipped


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return tuple(value) if type(value) is list else (canonical_text(value),)


def _cells(each: Iterable[tuple[int, tuple[str, ...]]]) -> Cells:
    found = [(row, text) for row, texts in each for text in texts]
    return Cells([row for row, _ in found], [text for _, text in found])


def _rows_in(part: Found) -> int:
    return mask_of(part.rows) if isinstance(part, Cells) else part.mask


def _by_row(parts: Iterable[Found]) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in parts:
        found.update(zip(part.rows, part.cells, strict=True))
    return found
