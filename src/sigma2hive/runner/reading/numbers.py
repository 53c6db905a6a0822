"""The cursor by `_seq_no`: where a shard was read to, and what to read next.

Takes a position, how far the shard surely shows everything, and the time; gives parts to read, each
with the position after it. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sigma2hive.model.service import Position
from sigma2hive.records import dataclass

#: What lies further back is not news.
NEWS_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Behind:
    """Numbers in (after, up_to] that were passed over for newer ones, taken in this time."""

    after: int
    up_to: int
    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where a shard stands: all up to `seq_no` was read, but for what is `behind`.

    Whatever the shard took before `at_s` has such a number. `index` and `created_ms` tell a copy of
    the index that is mounted or restored under another name.
    """

    seq_no: int
    at_s: int
    index: str
    created_ms: int
    behind: tuple[Behind, ...] = ()

    def as_position(self) -> Position:
        """Return it as it is stored."""
        return {
            "seq_no": self.seq_no,
            "at": self.at_s,
            "index": self.index,
            "created": self.created_ms,
            "behind": [[b.after, b.up_to, b.start_s, b.end_s] for b in self.behind],
        }


def numbers_of(position: Position) -> Numbers:
    """Return what was stored."""
    behind = tuple(Behind(*row) for row in position["behind"])  # type: ignore[misc,union-attr]
    return Numbers(
        position["seq_no"],  # type: ignore[arg-type]
        position["at"],  # type: ignore[arg-type]
        position["index"],  # type: ignore[arg-type]
        position["created"],  # type: ignore[arg-type]
        behind,
    )


@dataclass(frozen=True, slots=True)
class Part:
    """Numbers in (after, up_to] to read, and where the shard stands then."""

    after: int
    up_to: int
    start_s: int
    end_s: int
    then: Numbers
    is_backfill: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """How far the shard shows everything; what it took before `at_s` has such a number."""

    seq_no: int
    at_s: int


def plan_news(stands: Numbers, shown: Shown, now_s: int, width: int) -> list[Part]:
    """Return what is new, oldest first, in parts of `width` numbers.

    Where there is far more, only the newest part is read now, and the rest falls behind.
    """
    start = stands
    after, at_s = stands.seq_no, stands.at_s
    shown_s = max(shown.at_s, at_s)
    if shown.seq_no - after > 2 * width:
        edge = shown.seq_no - width
        edge_s = _between(at_s, shown_s, after, shown.seq_no, edge)
        start = replace(stands, behind=_joined(stands.behind, Behind(after, edge, at_s, edge_s)))
        after, at_s = edge, edge_s
    parts = []
    for first in range(after, shown.seq_no, width):
        last = min(first + width, shown.seq_no)
        first_s = _between(at_s, shown_s, after, shown.seq_no, first)
        last_s = _between(at_s, shown_s, after, shown.seq_no, last)
        start = replace(start, seq_no=last, at_s=last_s)
        is_backfill = last < shown.seq_no and last_s < now_s - NEWS_SECONDS
        parts.append(Part(first, last, first_s, last_s, start, is_backfill))
    return parts


def plan_behind(stands: Numbers, width: int) -> Iterator[Part]:
    """Yield what is behind, oldest first, in parts of `width` numbers."""
    while stands.behind:
        first, *rest = stands.behind
        last = min(first.after + width, first.up_to)
        last_s = _between(first.start_s, first.end_s, first.after, first.up_to, last)
        left = (Behind(last, first.up_to, last_s, first.end_s),) if last < first.up_to else ()
        stands = replace(stands, behind=(*left, *rest))
        yield Part(first.after, last, first.start_s, last_s, stands, is_backfill=True)


def _joined(behind: tuple[Behind, ...], more: Behind) -> tuple[Behind, ...]:
    if behind and behind[-1].up_to == more.after:
        more = Behind(behind[-1].after, more.up_to, behind[-1].start_s, more.end_s)
        behind = behind[:-1]
    return (*behind, more)


def _between(start_s: int, end_s: int, first: int, last: int, number: int) -> int:
    """Return about when a number was taken, of those in (first, last]."""
    return start_s + (end_s - start_s) * (number - first) // (last - first)
