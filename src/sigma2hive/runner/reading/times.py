"""The cursors by time: up to when an index was read, what to read next, and what to read again.

Takes a position and the time; gives windows, and the position after each. Sends nothing.

An event is found when its time is looked at, or in one of the sweeps that look at that time again.
A stretch of time x that is read at a time of at least x + d needs no sweep after d: so it is after
downtime, where everything is read late.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sigma2hive.model.service import Position
from sigma2hive.records import dataclass

#: Clocks of several runners differ by less.
_SKEW_SECONDS = 60
#: A sweep waits until it has a stretch worth a search: this part of its delay.
STRETCH = 20


@dataclass(frozen=True, slots=True)
class Late:
    """The stretch [start_s, end_s) is read no earlier than `at_s`."""

    start_s: int
    end_s: int
    at_s: int


@dataclass(frozen=True, slots=True)
class Times:
    """Where an index stands: all before `to_s` was read, but for what is `behind`.

    `swept` are (delay, up to when it was read again after that delay).
    """

    to_s: int
    swept: tuple[tuple[int, int], ...]
    behind: tuple[tuple[int, int], ...] = ()
    late: tuple[Late, ...] = ()

    def as_position(self) -> Position:
        """Return it as it is stored."""
        return {
            "to": self.to_s,
            "swept": [list(entry) for entry in self.swept],
            "behind": [list(entry) for entry in self.behind],
            "late": [[entry.start_s, entry.end_s, entry.at_s] for entry in self.late],
        }


def times_of(position: Position, delays: Sequence[int]) -> Times:
    """Return what was stored; sweeps are those of the settings, new ones begin where it stands."""
    to_s: int = position["to"]  # type: ignore[assignment]
    swept: dict[int, int] = dict(position["swept"])  # type: ignore[arg-type]
    return Times(
        to_s,
        tuple((delay, swept.get(delay, to_s)) for delay in delays),
        tuple((start, end) for start, end in position["behind"]),  # type: ignore[misc,union-attr]
        tuple(Late(*entry) for entry in position["late"]),  # type: ignore[misc,union-attr]
    )


def beginning(at_s: int, delays: Sequence[int]) -> Times:
    """Return where an index stands of which nothing before `at_s` is to be read."""
    return Times(at_s, tuple((delay, at_s) for delay in delays))


@dataclass(frozen=True, slots=True)
class Window:
    """The time [start_s, end_s), and where the index stands when it was read."""

    start_s: int
    end_s: int
    then: Times


def set_right(stands: Times, now_s: int) -> Times:
    """Return where an index stands by a clock that was ahead before, and is no more.

    To that clock everything was late, or had been read: what lies behind now as far as the last
    sweep looks is read again, by the first sweep.
    """
    if stands.to_s <= now_s + _SKEW_SECONDS:
        return stands
    delays = [delay for delay, _ in stands.swept]
    swept = tuple(
        (d, min(s, now_s - (max(delays) if d == min(delays) else d))) for d, s in stands.swept
    )
    return replace(stands, to_s=now_s, swept=swept, late=())


def news(stands: Times, now_s: int, overlap_s: int) -> tuple[int, int]:
    """Return the window of what is new, with what has to be looked at again at once.

    It goes on a second beyond now: a second is only told whole when it is over. Where another
    runner, whose clock is ahead a little, has read further, it begins at now.
    """
    return max(min(stands.to_s, now_s) - overlap_s, 0), now_s + 1


def after_news(stands: Times, window: tuple[int, int], now_s: int) -> Times:
    """Return where the index stands when the window of what is new was read."""
    start_s, end_s = window
    late = stands.late
    if any(start_s < now_s - delay for delay, _ in stands.swept):
        late = (*late, Late(start_s, end_s, now_s))
    return _tidied(replace(stands, to_s=max(stands.to_s, end_s), late=late))


def falling_behind(stands: Times, window: tuple[int, int], now_s: int) -> Times:
    """Return where it stands when the window is put off, for newer events first."""
    start_s, end_s = window
    read = after_news(stands, window, now_s)
    behind = stands.behind
    if behind and behind[-1][1] >= start_s:
        start_s = behind[-1][0]
        behind = behind[:-1]
    return replace(read, behind=(*behind, (start_s, end_s)))


def after_behind(stands: Times, up_to_s: int) -> Times:
    """Return where it stands when the oldest stretch was read up to then."""
    (start_s, end_s), *rest = stands.behind
    left = ((up_to_s, end_s),) if start_s < up_to_s < end_s else ()
    return replace(stands, behind=(*left, *rest))


def due_sweeps(stands: Times, now_s: int, cadence_s: int) -> Iterator[tuple[int, int, int]]:
    """Yield (delay, start, end) of each sweep that is due."""
    for delay, swept_s in stands.swept:
        start_s = _skipped(stands.late, delay, swept_s)
        end_s = now_s - delay
        next_late = min(
            (entry.start_s for entry in stands.late if entry.start_s > start_s), default=end_s
        )
        if next_late < end_s:
            yield delay, start_s, next_late
        elif end_s - start_s >= max(cadence_s, delay // STRETCH):
            yield delay, start_s, end_s


def after_sweep(stands: Times, delay: int, up_to_s: int) -> Times:
    """Return where it stands when a sweep has come so far."""
    swept = tuple((d, max(s, up_to_s) if d == delay else s) for d, s in stands.swept)
    return _tidied(replace(stands, swept=swept))


def _skipped(late: Sequence[Late], delay: int, start_s: int) -> int:
    """Return where a sweep goes on: what is read late needs no sweep."""
    for entry in sorted(late, key=lambda entry: entry.start_s):
        end_s = min(entry.end_s, entry.at_s - delay)
        if entry.start_s <= start_s < end_s:
            start_s = end_s
    return start_s


def _tidied(stands: Times) -> Times:
    """Move sweeps on, and forget what no sweep will meet any more."""
    swept = tuple((delay, _skipped(stands.late, delay, s)) for delay, s in stands.swept)
    late = tuple(
        entry
        for entry in stands.late
        if any(s < min(entry.end_s, entry.at_s - delay) for delay, s in swept)
    )
    return replace(stands, swept=swept, late=late)


def cut(buckets: Sequence[tuple[int, int]], end_s: int, most: int) -> list[int]:
    """Return where to cut a window so that each part has at most `most` events, if it can be.

    `buckets` are (start, count), in order; the last end is `end_s`.
    """
    ends: list[int] = []
    held = 0
    for start_s, count in buckets:
        if held and held + count > most:
            ends.append(start_s)
            held = 0
        held += count
    return [*ends, end_s]


def range_of(field: str, start_s: int, end_s: int | None) -> dict[str, Any]:
    """Return the query for a field in [start, end), in seconds."""
    bounds: dict[str, Any] = {"gte": start_s * 1000, "format": "epoch_millis"}
    if end_s is not None:
        bounds["lt"] = end_s * 1000
    return {"range": {field: bounds}}
