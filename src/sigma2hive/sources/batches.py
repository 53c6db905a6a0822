"""Events in batches, bounded in number and bytes: what the engine looks at together.

Takes events one by one, or lines of which events are made only when somebody asks for them; gives
`EventRows`. Nearly no event meets any rule, so that most of them are never made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from sigma2hive.model.events import Event
from sigma2hive.model.values import Values

Other = TypeVar("Other")

#: Where a batch ends.
MAX_EVENTS = 8_192
MAX_BYTES = 8 * 1024 * 1024


class Unmade(NamedTuple):
    """A line that is known to be an event: its bytes, its place, and which of its equals it is.

    `make` makes the event of it; `line` is the number of a record where the file has no lines.
    """

    raw: bytes
    line: int
    digest: bytes
    ordinal: int
    make: Callable[[Unmade], Event]


class EventRows:
    """Some events, by their rows."""

    def __init__(self) -> None:
        self.documents: list[Mapping[str, Any]] = []
        self._rows: list[Event | Unmade] = []
        self._bytes = 0

    def __len__(self) -> int:
        """How many events there are."""
        return len(self._rows)

    @property
    def is_full(self) -> bool:
        """Whether no more should be added."""
        return len(self._rows) >= MAX_EVENTS or self._bytes >= MAX_BYTES

    def add(self, event: Event) -> None:
        """Add an event."""
        self.documents.append(event.values)
        self._rows.append(event)
        self._bytes += len(event.raw)

    def add_lines(self, documents: Sequence[Mapping[str, Any]], lines: Sequence[Unmade]) -> None:
        """Add several events that are not made yet."""
        self.documents.extend(documents)
        self._rows.extend(lines)
        self._bytes += sum(len(line.raw) for line in lines)

    def extend(self, others: EventRows) -> None:
        """Add the events of another batch."""
        self.documents.extend(others.documents)
        self._rows.extend(others._rows)
        self._bytes += others._bytes

    def event(self, row: int) -> Event:
        """Return one of the events."""
        found = self._rows[row]
        if isinstance(found, Event):
            return found
        event = self._rows[row] = found.make(found)
        return event

    def values_of(self, row: int) -> Values:
        """Return the values of one of the events."""
        return self.event(row).values

    def __iter__(self) -> Iterator[Event]:
        """Iterate over all events, in their order."""
        return map(self.event, range(len(self._rows)))


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
            rows.extend(entry)
        else:
            yield entry
            continue
        if rows.is_full:
            yield rows
            rows = EventRows()
    if len(rows):
        yield rows


def batch_of(events: Sequence[Event]) -> EventRows:
    """Return a batch of these events."""
    rows = EventRows()
    for event in events:
        rows.add(event)
    return rows
