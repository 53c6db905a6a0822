"""What is read at once: a slice of new documents, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sigma2hive.clients.elasticsearch import Indices
from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.model.service import Interval, Position
from sigma2hive.records import dataclass
from sigma2hive.sources import EventRows

#: The query of a slice that only moves a cursor.
NOTHING: Mapping[str, Any] = {"match_none": {}}


@dataclass(frozen=True, slots=True)
class Slice:
    """Documents that were not read yet, of one unit (one shard, one index, one pattern).

    `targets` are the index patterns whose rules look at it, `index` what people know it by. What is
    in it are the documents of `indices` that meet `query`, read with `preference`. The unit stands
    at `expected` and will at `position`; None is a unit that was never read. `interval` is the time
    in which Elasticsearch took these documents, as well as that is known, for the ledger.
    `is_backfill` says that it is not news: a sweep for late events, or catching up after downtime.
    """

    unit: str
    targets: tuple[str, ...]
    index: str
    indices: Indices
    query: Mapping[str, Any]
    position: Position
    expected: Position | None
    interval: Interval
    preference: str | None = None
    is_backfill: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """What a document is known by: its index, and its `_id` there."""

    index: str
    id: str


#: Where a position says that it is known what was lost of its unit, if anything.
SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Lost:
    """What of a unit was never read, since its index was deleted; `targets` looked there.

    Without a `reason` it was read to its end.
    """

    unit: str
    index: str
    expected: Position
    interval: Interval
    reason: str
    targets: tuple[str, ...] = ()

    @property
    def position(self) -> Position:
        """Where the unit stands when that is noted."""
        return {**self.expected, SETTLED: True}


class Reader(Protocol):
    """Finds what is new in one cluster."""

    def plan(self, positions: Mapping[str, Position], now_ns: int) -> Sequence[Slice]:
        """Return what can be read now, in the order in which to read it.

        Each slice is bounded in size. `positions` are where the units stand. Of one unit there may
        be several slices; each expects the position that the one before it leads to.

        Raises:
            ServerError: the cluster cannot be asked.
        """

    def horizons(self) -> Mapping[str, int]:
        """Return, by index pattern, how far the slices planned last reach.

        All that Elasticsearch took before that time, in nanoseconds, is in them or was read before.
        """

    def held_back(self) -> Mapping[str, str]:
        """Return, by index pattern, why not all of it could be planned last."""

    def is_whole(self) -> bool:
        """Whether the slices planned last are all there was to read.

        Nothing is behind or to be swept yet, and nothing could not be asked.
        """

    def read(self, part: Slice) -> Iterator[EventRows | Diagnostic]:
        """Yield its documents, and findings for those that are no events.

        Raises:
            ServerError: not all of it came; nothing that was yielded counts.
        """

    def documents(self, part: Slice) -> Sequence[Document]:
        """Return what its documents are known by, in their order, without reading them.

        Raises:
            ServerError: not all of them came.
        """

    def only(self, part: Slice, documents: Collection[Document]) -> Slice:
        """Return the same slice with those of its documents alone."""

    def lost(self, positions: Mapping[str, Position], looked_ns: int) -> Sequence[Lost]:
        """Return what will never be read of indices that were deleted, once of each.

        As planned last; before this run anybody last looked at `looked_ns`.

        Raises:
            ServerError: the cluster cannot be asked.
        """

    def closed(self, positions: Mapping[str, Position]) -> Collection[str]:
        """Return the units whose index is closed, as planned last: it is read on when it opens."""

    def gone(self, positions: Mapping[str, Position]) -> Collection[str]:
        """Return the units whose index is no more: nothing of them will ever be read again."""


@dataclass(frozen=True, slots=True)
class Found:
    """A document that a search in a slice found: its place there, and what reads it."""

    place: int
    read: Callable[[], Event | Diagnostic]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first documents that a query finds, in the order of their places; `is_all` of them."""

    found: Sequence[Found]
    is_all: bool


class HeldSlice(Protocol):
    """A slice that stands still while it is searched."""

    def count(self) -> int:
        """Return how many documents are in it.

        Raises:
            ServerError: they cannot be counted.
        """

    def begin(self, queries: Sequence[Mapping[str, Any]]) -> Sequence[Beginning | ServerError]:
        """Return what each query finds first, or why its search failed.

        Raises:
            ServerError: none of them got an answer.
        """

    def go_on(self, query: Mapping[str, Any], beginning: Beginning) -> Iterator[Found]:
        """Yield what a query finds beyond its beginning.

        Raises:
            ServerError: not all of it came.
        """


class SearchingReader(Reader, Protocol):
    """A reader of which slices can also be searched."""

    def hold(self, part: Slice) -> AbstractContextManager[HeldSlice]:
        """Give a slice that stands still meanwhile; its end says whether it was whole.

        Raises:
            ServerError: it cannot be held, or is another by now: what was found does not count.
        """
