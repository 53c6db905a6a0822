"""The way `auto`: whichever of the two costs less on the slices of some patterns.

Takes both ways; finds what each of them finds. Reading is where it begins. What a search takes is
measured beside that by a few rules' searches, of which the hits are not used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.canonical import JsonValue
from sigma2hive.runner.finding.asking import Query
from sigma2hive.runner.finding.costs import STREAM, Costs, costs_of
from sigma2hive.runner.finding.interface import Batch, Finder, Means, name_of
from sigma2hive.runner.finding.streaming import Stream
from sigma2hive.runner.reading.interface import Slice

#: Searches that are sent to know what one takes.
_SAMPLE = 20


class Auto:
    """Takes the cheaper way. `ticks` measures, `now_ns` says when that was; both in nanoseconds."""

    def __init__(
        self,
        means: Means,
        ticks: Callable[[], int] = time.perf_counter_ns,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.matcher = means.matcher
        self._stream = Stream(means.reader, means.matcher, means.decider)
        self._query = Query(means)
        self._ticks = ticks
        self._now_ns = now_ns
        found = ((name, costs_of(note)) for name, note in means.known.items())
        self._known = {name: costs for name, costs in found if costs is not None}
        self._costs: dict[str, Costs] = {}

    def ahead(self, parts: Sequence[Slice]) -> None:
        """Let those be read already that would be read now."""
        now_ns = self._now_ns()
        self._stream.ahead([p for p in parts if self._costs_of(p).way_at(now_ns) == STREAM])

    def find(self, part: Slice) -> Iterator[Batch | Diagnostic]:
        """Yield the batches of a slice; see `Finder`."""
        costs = self._costs_of(part)
        rules = self._query.rules_for(part)
        costs.rules = len(rules)
        is_read = costs.way_at(self._now_ns()) == STREAM
        finder: Finder = self._stream if is_read else self._query
        events = took_ns = 0
        try:
            for entry, step_ns in self._timed(finder.find(part)):
                took_ns += step_ns
                if entry is not None:
                    events += entry.events if isinstance(entry, Batch) else 0
                    yield entry
        except ServerError:
            if not is_read:
                costs.failed(self._now_ns())
            raise
        if not events:
            return
        if is_read:
            costs.read(events, took_ns, self._now_ns())
            self._sample(part, costs)
        else:
            costs.searched(len(rules), took_ns, self._now_ns(), events)

    def standing(self) -> Mapping[str, JsonValue]:
        """Return which way is taken for which patterns, and what each of them costs."""
        refused = self._query.refused()
        return {
            name: {**costs.as_note(), "refused": refused}
            for name, costs in sorted(self._costs.items())
        }

    def _costs_of(self, part: Slice) -> Costs:
        name = name_of(part)
        return self._costs.setdefault(name, self._known.get(name, Costs()))

    def _sample(self, part: Slice, costs: Costs) -> None:
        """Measure a few searches in a slice that was read."""
        rules = self._query.rules_for(part)
        if not rules or not costs.wants_sample(self._now_ns()):
            return
        some = rules[:: -(-len(rules) // _SAMPLE)]
        # What they find counts nowhere. Where they fail, reading goes on, and they are tried again.
        with self.matcher.counting_nothing(), suppress(ServerError):
            took_ns = sum(step_ns for _, step_ns in self._timed(self._query.find_for(part, some)))
            costs.searched(len(some), took_ns, self._now_ns())

    def _timed(
        self, found: Iterator[Batch | Diagnostic]
    ) -> Iterator[tuple[Batch | Diagnostic | None, int]]:
        """Yield each entry with the time that it took, and at the end None with what that took."""
        while True:
            began = self._ticks()
            entry = next(found, None)
            yield entry, self._ticks() - began
            if entry is None:
                return
