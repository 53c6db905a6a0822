"""Events in batches, bounded in number and bytes: what the engine looks at together.

Takes events one by one, or lines of which events are made only when somebody asks for them; gives
`EventRows`. Nearly no event meets any rule, so that most of them are never made.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar

from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.values import Values
from sigma2hive.native import ScannedLines
from sigma2hive.sources.later import LaterValues, Wanted, WantedEvents, WantedLines
from sigma2hive.sources.windows import key_in_line

Other = TypeVar("Other")

#: Where a batch ends.
MAX_EVENTS = 8_192
MAX_BYTES = 8 * 1024 * 1024
#: What is as full waits for no more, which would be another whole batch.
_FULL = 7 / 8
_WINDOWS_EVENT = b'{"Event":'
#: Stands for the document of a scanned line, which nobody made.
_SCANNED: Mapping[str, Any] = MappingProxyType({})


class Maker(Protocol):
    """Makes the events of lines that are known to be events.

    A line comes with its number, or that of its record where the file has no lines. `is_literal`
    says that each value of an event stands in its line as it is, but for the braces of a GUID.
    """

    is_literal: bool

    def event_of(self, raw: bytes, number: int) -> Event:
        """Return the event; of equal lines the one that is asked for first came first."""

    def event_with(self, raw: bytes, number: int, values: Values, key: EventKey | None) -> Event:
        """Return the event with these values, of which few are looked at.

        `key` is a raw Windows event's; None where it is a document.
        """

    def values_of(self, raw: bytes, number: int) -> Values:
        """Return what the event's values would be."""


class _Run(NamedTuple):
    """Lines that follow each other: the first's row and number. It ends where the next begins.

    Where they were scanned, the first of them is the line `first` there.
    """

    row: int
    number: int
    maker: Maker
    lines: ScannedLines | None = None
    first: int = 0


_row_of = attrgetter("row")


class EventRows:
    """Some events, by their rows.

    Which of its equals a line is, is counted as their events are made. So whoever makes one of them
    makes all, in their order; that holds for all that decides by what an event says.
    """

    def __init__(self) -> None:
        #: What each row says; an empty one stands for those of `scanned` lines.
        self.documents: list[Mapping[str, Any]] = []
        self.scanned: list[ScannedLines] = []
        #: Events, lines, or None for a scanned line.
        self._rows: list[Event | bytes | None] = []
        self._runs: list[_Run] = []
        self._bytes = 0
        self._is_literal = True
        self._wanted: dict[int, Wanted] = {}

    def __len__(self) -> int:
        """How many events there are."""
        return len(self._rows)

    @property
    def is_full(self) -> bool:
        """Whether no more should be added: little would fit."""
        return len(self._rows) >= _FULL * MAX_EVENTS or self._bytes >= _FULL * MAX_BYTES

    def has_room_for(self, others: EventRows) -> bool:
        """Whether another batch makes one with this: of none it does, however large it is."""
        count, size = len(self) + len(others), self._bytes + others._bytes
        return not self._rows or (count <= MAX_EVENTS and size <= MAX_BYTES)

    def add_read(self, event: Event, number: int, maker: Maker) -> None:
        """Add the event of a line with its number, read with care."""
        self._runs.append(_Run(len(self._rows), number, maker))
        self.add(event)

    def add(self, event: Event) -> None:
        """Add an event."""
        self.documents.append(event.values)
        self._rows.append(event)
        self._bytes += len(event.raw)

    def add_lines(
        self,
        documents: Sequence[Mapping[str, Any]],
        lines: Sequence[bytes],
        number: int,
        maker: Maker,
    ) -> None:
        """Add lines that are not made yet and follow each other, the first with its number."""
        row = len(self._rows)
        last = self._runs[-1] if self._runs else None
        is_next = last is not None and last.maker is maker and last.lines is None
        if last is None or not is_next or last.number - last.row != number - row:
            self._runs.append(_Run(row, number, maker))
            self._is_literal = self._is_literal and maker.is_literal
        self.documents.extend(documents)
        self._rows.extend(lines)
        self._bytes += sum(map(len, lines))

    def add_scanned(self, lines: ScannedLines, part: range, number: int, maker: Maker) -> None:
        """Add plain lines of a scan that follow each other, the first with its number."""
        row = len(self._rows)
        lines.put(part, row)
        if not self.scanned or self.scanned[-1] is not lines:
            self.scanned.append(lines)
        self._runs.append(_Run(row, number, maker, lines, part.start))
        self._is_literal = self._is_literal and maker.is_literal
        self.documents.extend(repeat(_SCANNED, len(part)))
        self._rows.extend(repeat(None, len(part)))
        self._bytes += lines.scan.size_of(part)

    def extend(self, others: EventRows) -> None:
        """Add the events of another batch."""
        before = len(self._rows)
        moved = {id(lines): lines.moved(before) for lines in others.scanned}
        self.scanned.extend(moved.values())
        self._runs.extend(
            run._replace(row=before + run.row, lines=run.lines and moved[id(run.lines)])
            for run in others._runs
        )
        self.documents.extend(others.documents)
        self._rows.extend(others._rows)
        self._bytes += others._bytes
        self._is_literal = self._is_literal and others._is_literal

    def event(self, row: int) -> Event:
        """Return one of the events."""
        found = self._rows[row]
        if isinstance(found, Event):
            return found
        run = self._run_of(row)
        raw, number = _line(found, run, row), run.number + row - run.row
        wanted = self._wanted.get(row)
        if wanted is None:
            event = run.maker.event_of(raw, number)
        else:
            values = LaterValues(wanted, row, run.maker, raw, number)
            event = run.maker.event_with(raw, number, values, wanted.keys.get(row))
        self._rows[row] = event
        return event

    def read_later(self, rows: Iterable[int]) -> None:
        """Let the values of these rows be read when they are asked for.

        Until `let_go`, those of one field are read for all of them together.
        """
        by_scan: dict[int, tuple[ScannedLines, list[int]]] = {}
        keys: dict[int, EventKey] = {}
        for row in rows:
            found = self._rows[row]
            if isinstance(found, bytes):
                key = key_in_line(found) if found.startswith(_WINDOWS_EVENT) else None
                if key is not None:
                    keys[row] = key
            elif found is None and (lines := self._run_of(row).lines) is not None:
                by_scan.setdefault(id(lines), (lines, []))[1].append(row)
        documents = WantedEvents(self.documents, keys)
        self._wanted.update(dict.fromkeys(keys, documents))
        for lines, here in by_scan.values():
            wanted = WantedLines(lines, here)
            self._wanted.update((row, wanted) for row in here if wanted.is_known(row))

    def let_go(self) -> None:
        """Keep nothing of what is read later; the events stay what they are."""
        for wanted in self._wanted.values():
            wanted.let_go()
        self._wanted.clear()

    def values_of(self, row: int) -> Values:
        """Return the values of one of the events, in any order."""
        found = self._rows[row]
        if isinstance(found, Event):
            return found.values
        run = self._run_of(row)
        return run.maker.values_of(_line(found, run, row), run.number + row - run.row)

    def raw_of(self, row: int) -> bytes | None:
        """Return the line that an event will be made of; None where it was made, or has none.

        Of a raw Windows event the key is left out where its values stand in it as they are.
        """
        found = self._rows[row]
        # A document that came out of an index has no line: an empty one stands for it.
        if found is None:
            found = _line(found, self._run_of(row), row)
        elif isinstance(found, Event) or not found:
            return None
        return found.removeprefix(_WINDOWS_EVENT) if self._is_literal else found

    def line_of(self, row: int) -> tuple[bytes, int]:
        """Return the line, and its number, of one that was added with its number."""
        found = self._rows[row]
        run = self._run_of(row)
        raw = found.raw if isinstance(found, Event) else _line(found, run, row)
        return raw, run.number + row - run.row

    def _run_of(self, row: int) -> _Run:
        return self._runs[bisect_right(self._runs, row, key=_row_of) - 1]

    def __iter__(self) -> Iterator[Event]:
        """Iterate over all events, in their order."""
        return map(self.event, range(len(self._rows)))


def _line(found: bytes | None, run: _Run, row: int) -> bytes:
    """Return a line of a run, which has its line feed unless it was scanned."""
    if found is not None or run.lines is None:
        return found or b""
    return run.lines.scan.line(run.first + row - run.row)


def in_batches(
    entries: Iterable[Event | EventRows | Other],
) -> Iterator[EventRows | Other]:
    """Yield the same with single events and small batches put together, in their order.

    What is no event may come before events that were read before it.
    """
    rows = EventRows()
    for entry in entries:
        if isinstance(entry, Event):
            rows.add(entry)
        elif isinstance(entry, EventRows):
            if not rows.has_room_for(entry):
                yield rows
                rows = EventRows()
            rows = _joined(rows, entry)
        else:
            yield entry
            continue
        del entry  # or it would be there while the next one is read
        if rows.is_full:
            yield rows
            rows = EventRows()
    if len(rows):
        yield rows


def _joined(rows: EventRows, more: EventRows) -> EventRows:
    if not len(rows):
        return more
    rows.extend(more)
    return rows


def batch_of(events: Sequence[Event]) -> EventRows:
    """Return a batch of these events."""
    rows = EventRows()
    for event in events:
        rows.add(event)
    return rows
