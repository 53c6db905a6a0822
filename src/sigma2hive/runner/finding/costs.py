"""What the two ways cost on the slices of some index patterns, and which of them is taken.

Takes times that were measured; gives the cheaper way. Decides alone, without I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.times import NANOSECONDS

STREAM, QUERY, AUTO = "stream", "query", "auto"

#: What an earlier measurement counts beside the next one: ten slices on, a tenth of it is left.
_KEPT = 0.8
#: The other way has to cost so little of this one, so that nothing goes to and fro.
_CLEARLY = 0.7
#: After so long it is measured anew what the way costs that is not taken.
_STALE_NS = 600 * NANOSECONDS
#: Means are kept in thousandths, since what is stored has no fractions.
_THOUSANDTHS = 1_000


@dataclass(slots=True)
class Mean:
    """A mean in which the last measurements count most: `total` of something over `number`."""

    total: float = 0.0
    number: float = 0.0

    def add(self, total: float, number: float) -> None:
        """Take another measurement."""
        self.total = _KEPT * self.total + total
        self.number = _KEPT * self.number + number

    @property
    def value(self) -> float | None:
        """Return it; None where nothing was measured."""
        return self.total / self.number if self.number else None


@dataclass(slots=True)
class Costs:
    """The costs of slices that the same patterns look at; `way` is the one that is taken.

    `events` are those of a slice that has any, `event_ns` is what fetching and deciding one takes,
    `search_ns` what the search for a rule takes, and `rules` how many there are.
    """

    way: str = STREAM
    rules: int = 0
    events: Mean = field(default_factory=Mean)
    event_ns: Mean = field(default_factory=Mean)
    search_ns: Mean = field(default_factory=Mean)
    #: When the ways were measured last.
    streamed_ns: int = 0
    searched_ns: int = 0

    @property
    def stream_ns(self) -> float | None:
        """What a slice takes that is read; None where that was never measured."""
        events, each_ns = self.events.value, self.event_ns.value
        return None if events is None or each_ns is None else events * each_ns

    @property
    def query_ns(self) -> float | None:
        """What a slice takes that is searched for each rule."""
        each_ns = self.search_ns.value
        return None if each_ns is None else self.rules * each_ns

    def way_at(self, now_ns: int) -> str:
        """Return how to look at the next slice: now and then it is read, to know that cost."""
        if self.way == QUERY and abs(now_ns - self.streamed_ns) >= _STALE_NS:
            return STREAM
        return self.way

    def wants_sample(self, now_ns: int) -> bool:
        """Whether it should be measured what a search takes, beside reading."""
        return self.way == STREAM and abs(now_ns - self.searched_ns) >= _STALE_NS

    def read(self, events: int, took_ns: int, now_ns: int) -> None:
        """Take what reading a slice took, and choose."""
        self.events.add(events, 1)
        self.event_ns.add(took_ns, events)
        self.streamed_ns = now_ns
        self._choose()

    def searched(self, searches: int, took_ns: int, now_ns: int, events: int | None = None) -> None:
        """Take what searches took, and choose; `events` are those of a slice that is not read."""
        if events is not None:
            self.events.add(events, 1)
        self.search_ns.add(took_ns, searches)
        self.searched_ns = now_ns
        self._choose()

    def failed(self, now_ns: int) -> None:
        """Take that a slice could not be searched: it is read, and searches are measured anew."""
        self.way, self.search_ns, self.searched_ns = STREAM, Mean(), now_ns

    def _choose(self) -> None:
        stream_ns, query_ns = self.stream_ns, self.query_ns
        if stream_ns is None or query_ns is None:
            return
        if self.way == STREAM and query_ns < _CLEARLY * stream_ns:
            self.way = QUERY
        elif self.way == QUERY and stream_ns < _CLEARLY * query_ns:
            self.way = STREAM

    def as_note(self) -> Mapping[str, JsonValue]:
        """Return them as a store keeps them."""
        return {
            "way": self.way,
            "rules": self.rules,
            **{name: _note_of(getattr(self, name)) for name in _MEANS},
            "streamed_ns": self.streamed_ns,
            "searched_ns": self.searched_ns,
        }


_MEANS = ("events", "event_ns", "search_ns")


def costs_of(note: object) -> Costs | None:
    """Return the costs of a note; None where it has none: the way was not chosen by them."""
    if not isinstance(note, Mapping) or not all(name in note for name in _MEANS):
        return None
    try:
        means = {name: _mean_of(note[name]) for name in _MEANS}
        return Costs(
            way=QUERY if note["way"] == QUERY else STREAM,
            rules=int(note["rules"]),
            **means,
            streamed_ns=int(note["streamed_ns"]),
            searched_ns=int(note["searched_ns"]),
        )
    except (KeyError, TypeError, ValueError):
        return None  # another version's: it is measured anew


def _note_of(mean: Mean) -> JsonValue:
    return [int(mean.total * _THOUSANDTHS), int(mean.number * _THOUSANDTHS)]


def _mean_of(note: object) -> Mean:
    if not isinstance(note, Sequence):
        raise TypeError("a mean is kept as two numbers")
    total, number = (int(part) / _THOUSANDTHS for part in note)
    return Mean(total, number)
