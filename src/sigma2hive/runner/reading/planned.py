"""What a cursor plans for one of its units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigma2hive.clients.elasticsearch import Indices
from sigma2hive.model.service import Interval, Position
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.records import dataclass
from sigma2hive.runner.reading.catalogue import Place
from sigma2hive.runner.reading.interface import Slice


@dataclass(frozen=True, slots=True)
class Planned:
    """Slices of one unit, by how urgent they are: `news`, what is `behind`, `sweeps` for late ones.

    All that was taken before `shown_s` has been read when all of them are; `is_more` says that
    something older is left then.
    """

    unit: str
    targets: tuple[str, ...]
    shown_s: int
    news: tuple[Slice, ...] = ()
    behind: tuple[Slice, ...] = ()
    sweeps: tuple[Slice, ...] = ()
    is_more: bool = False

    @property
    def slices(self) -> tuple[Slice, ...]:
        """All of them."""
        return (*self.news, *self.behind, *self.sweeps)


@dataclass(slots=True)
class Chain:
    """Makes the slices of one unit: each expects the position that the one before it leads to.

    The unit stands at `expected`; None is a unit that was never read.
    """

    unit: str
    place: Place
    indices: Indices
    expected: Position | None
    preference: str | None = None

    def add(
        self,
        query: Mapping[str, Any],
        span_s: tuple[int, int],
        position: Position,
        *,
        is_backfill: bool,
    ) -> Slice:
        """Return the next slice, which leads to `position`; `span_s` is when its documents came."""
        start_s, end_s = span_s
        made = Slice(
            unit=self.unit,
            targets=self.place.targets,
            index=self.place.index,
            indices=self.indices,
            query=query,
            position=position,
            expected=self.expected,
            interval=Interval(start_s * NANOSECONDS, end_s * NANOSECONDS),
            preference=self.preference,
            is_backfill=is_backfill,
        )
        self.expected = position
        return made
