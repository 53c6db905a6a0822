"""Up to which `_seq_no` a shard surely shows all that it took.

Takes what `_stats` said, and counts; gives a number. Sends nothing.

Why this is needed: each operation on a shard gets the next number, but several threads write at
once, and a search sees what was written before the shard's last refresh. So an older number may
become visible after a newer one, and a cursor that goes by what it has seen would pass it over. The
global checkpoint is the number up to which every operation is on all copies: none below it is
still being written, none below it ever changes hands. Whatever was written before a refresh is
visible after it. Hence, of a checkpoint C that was read before a refresh began, everything up to C
is visible in every view that is opened after that refresh has ended; what is missing there was
deleted or replaced.

That such a refresh has happened is known in one of three ways:

1. *Counted.* Of the numbers in (A, B] with B <= C as many documents are visible as there are
   numbers. Each number has at most one document, so none is missing. This tells at once, and fails
   where documents were deleted or replaced. (A shrunken index may have a number twice, so it is
   never counted there.)
2. *Refreshed.* The shard's counter of refreshes went up by two since C was read. One of them may
   have been under way at that time; they follow one another, so the second began after it.
3. *Settled.* The counter has not moved for a minute and five refresh intervals, while searches kept
   the shard awake. A shard refreshes itself in each interval in which there is something to show.

All three are about one copy of the shard, the primary, so views are opened there. Where it moves to
another node, the search fails and it is begun anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from sigma2hive.clients.elasticsearch import ShardFacts
from sigma2hive.records import dataclass

#: When a counter that stands still means that there is nothing to show.
SETTLED_SECONDS = 60
_INTERVALS = 5
#: When it is worth asking for a refresh, where that is allowed.
STUCK_SECONDS = 5
#: What is remembered of a shard.
_MAX_SEEN = 32
#: In how many steps it is told how far numbers have no gap.
STEPS = 32


@dataclass(frozen=True, slots=True)
class LastLook:
    """Until when, in seconds, a shard was looked at, and how far it was then."""

    checkpoint: int
    at_s: int


@dataclass(slots=True)
class _Seen:
    """What was seen first at `at_s`, and nothing else until `until_s`."""

    facts: ShardFacts
    at_s: int
    until_s: int


@dataclass(slots=True)
class Visibility:
    """What was seen of one shard, and what follows from it. Forgetting it costs time only."""

    refresh_seconds: float
    _seen: list[_Seen] = field(default_factory=list)
    _proven: int = -1
    _node: str = ""
    _searched_s: int = -1

    def see(self, facts: ShardFacts, now_s: int) -> None:
        """Take what `_stats` said now."""
        if facts.node != self._node or (
            self._seen and facts.refreshes < self._seen[-1].facts.refreshes
        ):
            # Another copy, or the same one opened anew: its counter says nothing of the past.
            self._node, self._seen, self._proven = facts.node, [], -1
        for seen in self._seen:
            if facts.refreshes >= seen.facts.refreshes + 2 or self._is_settled(seen, facts, now_s):
                self._proven = max(self._proven, seen.facts.checkpoint)
        last = self._seen[-1] if self._seen else None
        if last is not None and last.facts == facts:
            last.until_s = now_s
            return
        self._seen.append(_Seen(facts, now_s, now_s))
        done = [seen for seen in self._seen if seen.facts.checkpoint <= self._proven]
        self._seen = [seen for seen in self._seen if seen not in done[:-1]]
        if len(self._seen) > _MAX_SEEN:
            # The oldest may be about to settle; of the others the newest count.
            del self._seen[1]

    def searched(self, now_s: int) -> None:
        """Take that a search has waked the shard, if it slept."""
        self._searched_s = now_s

    def _is_settled(self, seen: _Seen, facts: ShardFacts, now_s: int) -> bool:
        if self.refresh_seconds <= 0 or facts.refreshes != seen.facts.refreshes:
            return False
        wait = SETTLED_SECONDS + _INTERVALS * self.refresh_seconds
        return self._searched_s >= seen.at_s and now_s - seen.at_s >= wait

    def refreshed(self, checkpoint: int) -> None:
        """Take that a refresh was asked for after this checkpoint was read, and is done."""
        self._proven = max(self._proven, checkpoint)

    @property
    def proven(self) -> int:
        """Up to where a refresh is known to have shown everything."""
        return self._proven

    @property
    def last_look(self) -> LastLook | None:
        """When `_stats` was last asked, and how far the shard was."""
        last = self._seen[-1] if self._seen else None
        return None if last is None else LastLook(last.facts.checkpoint, last.until_s)

    def is_stuck(self, now_s: int) -> bool:
        """Whether something has waited for a refresh for longer than usual."""
        waiting = (seen for seen in self._seen if seen.facts.checkpoint > self._proven)
        return any(now_s - seen.at_s >= STUCK_SECONDS for seen in waiting)

    def taken_before_s(self, number: int) -> int | None:
        """Return a time before which the shard took nothing with a higher number, if known."""
        times = [seen.until_s for seen in self._seen if seen.facts.checkpoint <= number]
        return max(times, default=None)


def steps(after: int, up_to: int) -> list[tuple[int, int]]:
    """Return (after, up_to] in at most `STEPS` steps, each as (after, up_to)."""
    width = max(1, -(-(up_to - after) // STEPS))
    return [(start, min(start + width, up_to)) for start in range(after, up_to, width)]


def without_gap(parts: Sequence[tuple[int, int]], counts: Sequence[int]) -> int:
    """Return up to where every number has its document."""
    reached = parts[0][0]
    for (after, up_to), count in zip(parts, counts, strict=True):
        if count != up_to - after:
            break
        reached = up_to
    return reached
