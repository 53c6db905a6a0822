"""Which recorded matches a tree of correlations takes in next, and when.

Takes where the tree stands and the time; gives matches with their entries, bounded in number, and
where the tree stands then. A match is taken in when the watermark has passed its event, so that
those that come a little out of order are there before anything fires. What comes later than that,
or says that it happened in the future, is taken in once it has been there for as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sigma2hive.model.events import Event
from sigma2hive.model.service import Counted, Stored
from sigma2hive.records import dataclass
from sigma2hive.runner.correlating.counting import Tell, count_event
from sigma2hive.runner.correlating.positions import Reached
from sigma2hive.runner.correlating.trees import Tree
from sigma2hive.runner.store.interface import StateStore

#: Matches taken in at once: what is held in memory.
MATCHES_PER_STEP = 2_000
#: Matches of one rule that are looked through at once for late ones, in short.
_LOOKED_AT = 20_000
#: An event that is further in the future than this is not waited for.
FUTURE_NS = 300 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken in, where the tree stands then, and whether more is due."""

    entries: tuple[Counted, ...]
    matches: int
    reached: Reached
    is_more: bool


@dataclass(frozen=True, slots=True)
class Taking:
    """Takes in matches for one tree."""

    store: StateStore
    tree: Tree
    watermark_ns: int
    tell: Tell = lambda _: None

    def take(self, reached: Reached, now_ns: int) -> Taken:
        """Return what is due after `reached`."""
        odd, match, is_more_odd = self._odd(reached, now_ns)
        end_ns = max(now_ns - self.watermark_ns, reached.horizon_ns)
        horizon_ns = self._horizon_ns(reached.horizon_ns, end_ns)
        entries: list[Counted] = []
        matches = 0
        for rule_id, event in self._events(odd, reached.horizon_ns, horizon_ns):
            matches += 1
            entries.extend(count_event(self.tree, rule_id, event, self.tell))
        after = replace(reached, horizon_ns=horizon_ns, match=match)
        return Taken(tuple(entries), matches, after, is_more_odd or horizon_ns < end_ns)

    def _events(
        self, odd: Sequence[Stored], after_ns: int, until_ns: int
    ) -> Iterator[tuple[str, Event]]:
        """Yield what is due, in time where it comes in time."""
        yield from self.store.load((entry.rule_id, entry.key) for entry in odd)
        if until_ns > after_ns:
            yield from self.store.events_of(self.tree.leaves, after_ns + 1, until_ns + 1)

    def _horizon_ns(self, start_ns: int, end_ns: int) -> int:
        """Return how far to go so that not too much is taken in at once; a moment is never cut."""
        cut_ns = self.store.time_of_next(
            self.tree.leaves, start_ns + 1, end_ns + 1, MATCHES_PER_STEP
        )
        if cut_ns is None:
            return end_ns
        return cut_ns - 1 if cut_ns - 1 > start_ns else cut_ns

    def _odd(self, reached: Reached, now_ns: int) -> tuple[Sequence[Stored], int, bool]:
        """Return late matches and those of the future, and until which number all were looked at.

        Some may have been taken in before; that changes nothing.
        """
        stored, is_more = self._stored_after(reached.match)
        odd: list[Stored] = []
        match = reached.match
        for entry in stored:
            if entry.time_ns <= reached.horizon_ns or entry.time_ns > now_ns + FUTURE_NS:
                if entry.found_ns > now_ns - self.watermark_ns:
                    return odd, match, False
                if len(odd) == MATCHES_PER_STEP:
                    return odd, match, True
                odd.append(entry)
            match = entry.number
        return odd, match, is_more

    def _stored_after(self, number: int) -> tuple[Sequence[Stored], bool]:
        """Return what was stored since, in order, and whether there is more."""
        found: list[Stored] = []
        end: int | None = None
        for rule_id in self.tree.leaves:
            of_rule = self.store.matches_after(rule_id, number, _LOOKED_AT)
            if len(of_rule) == _LOOKED_AT:
                end = min(of_rule[-1].number, of_rule[-1].number if end is None else end)
            found.extend(of_rule)
        ordered = sorted(found, key=lambda entry: entry.number)
        if end is None:
            return ordered, False
        return [entry for entry in ordered if entry.number <= end], True
