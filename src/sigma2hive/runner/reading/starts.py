"""Where the reading of an index begins that was never read.

Takes the positions of patterns; gives times. A pattern is remembered with the time at which it was
first looked at: what was made later is read from its beginning, what was there begins a little
before that time, whenever it comes into sight. What is older is older than every rule that looks
at it. The beginning of an index that was there is found by the documents' own times, and only until
its first slice is stored: from then on it is a position, and events of any time are found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sigma2hive.clients.elasticsearch import Indices
from sigma2hive.model.service import Interval, Position
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.records import dataclass
from sigma2hive.runner.reading.catalogue import Place
from sigma2hive.runner.reading.interface import NOTHING, Slice

PREFIX = "since:"


@dataclass(frozen=True, slots=True)
class Starts:
    """When each pattern was first looked at, in seconds; `back_s` is how far back that began.

    `continued` has the times up to which places were read by another cursor, by their index.
    """

    since: Mapping[str, int]
    back_s: int
    continued: Mapping[str, int]

    def of(self, place: Place) -> int | None:
        """Return the time at which the reading of a place begins, None for its beginning."""
        continued_s = self.continued.get(place.index)
        since_s = min(self.since[target] for target in place.targets)
        if continued_s is not None:
            since_s = continued_s
        if place.facts is not None and place.facts.created_ms // 1000 >= since_s:
            return None
        return since_s - (self.back_s if continued_s is None else 0)


def starts_of(
    positions: Mapping[str, Position], targets: Collection[str], now_s: int, back_s: int
) -> Starts:
    """Return when each pattern was first looked at: now, where there is no position of it."""
    since: dict[str, int] = {}
    for target in targets:
        position = positions.get(PREFIX + target)
        at_s: int = now_s if position is None else position["since"]  # type: ignore[assignment]
        since[target] = min(at_s, now_s)  # a clock may have been ahead
    return Starts(since, back_s, {})


def new_patterns(
    positions: Mapping[str, Position], targets: Collection[str], now_s: int
) -> Iterator[Slice]:
    """Yield a slice without documents for each pattern that is looked at for the first time."""
    for target in sorted(targets):
        if PREFIX + target not in positions:
            yield Slice(
                unit=PREFIX + target,
                targets=(target,),
                index=target,
                indices=Indices((target,)),
                query=NOTHING,
                position={"since": now_s},
                expected=None,
                interval=Interval(now_s * NANOSECONDS, now_s * NANOSECONDS),
            )
