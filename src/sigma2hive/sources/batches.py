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
    """A line that is known to be an event: its bytes, its place, and which of its equals it is."""

    raw: bytes
    line: int
    digest: bytes
    ordinal: int


class EventRows:
    """Some events, by their rows. `make` makes those that were added as lines."""

    def __init__(self, make: Callable[[Unmade], Event] | None = None) -> None:
        self.documents: list[Mapping[str, Any]] = []
        self._rows: list[Event | Unmade] = []
        self._make = make
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

    def event(self, row: int) -> Event:
        """Return one of the events."""
        found = self._rows[row]
        if isinstance(found, Event):
            return found
        if self._make is None:
            raise ValueError("a batch with lines needs to know how events are made of them")
        event = self._rows[row] = self._make(found)
        return event

    def values_of(self, row: int) -> Values:
        """Return the values of one of the events."""
        return self.event(row).values

    def __iter__(self) -> Iterator[Event]:
        """Iterate over all events, in their order."""
        return map(self.event, range(len(self._rows)))


def in_batches(
    entries: Iterable[Event | Other],
) -> Iterator[EventRows | Other]:
    """Yield the same with single events put together; what is none may come before events that
    were read before it."""
    rows = EventRows()
    for entry in entries:
        if isinstance(entry, Event):
            rows.add(entry)
            if rows.is_full:
                yield rows
                rows = EventRows()
        else:
            yield entry
    if len(rows):
        yield rows


def batch_of(events: Sequence[Event]) -> EventRows:
    """Return a batch of these events."""
    rows = EventRows()
    for event in events:
        rows.add(event)
    return rows
