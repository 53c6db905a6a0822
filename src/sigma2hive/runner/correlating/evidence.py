"""The whole events of an alert, where windows were worked out with a part of each.

Takes entries of a correlation's groups; gives the recorded events, with those by which counted
correlations held, however deep. Reads the store, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.service import Counted
from sigma2hive.records import dataclass
from sigma2hive.runner.correlating.counting import how_it_came
from sigma2hive.runner.correlating.trees import Tree
from sigma2hive.runner.store.interface import StateStore

#: The events of a counted correlation's group in (start, (time, key)]: when, and the last of them.
_Span = tuple[int, tuple[int, EventKey]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Looks up the events of one tree's alerts."""

    store: StateStore
    tree: Tree

    def events_of(self, entries: Iterable[Counted]) -> tuple[Event, ...]:
        """Return the events, in order of (time, key); what retention has taken is left out."""
        gathered = self._gathered(entries)
        pairs = ((how_it_came(entry).leaves[0], key) for key, entry in gathered.items())
        loaded = (event for _, event in self.store.load(pairs))
        return tuple(sorted(loaded, key=lambda event: (event.time_ns, event.key)))

    def first_of(self, entries: Iterable[Counted]) -> Counted:
        """Return what is the first of these events, and of those by which they came to be."""
        gathered = self._gathered(entries)
        return min(gathered.values(), key=lambda entry: (entry.time_ns, entry.key))

    def _gathered(self, entries: Iterable[Counted]) -> Mapping[EventKey, Counted]:
        gathered: dict[EventKey, Counted] = {}
        waiting = list(entries)
        while waiting:
            spans: dict[tuple[str, str], list[_Span]] = {}
            for entry in waiting:
                came = how_it_came(entry)
                gathered.setdefault(entry.key, entry)
                if came.inner:
                    span_ns = self.tree.node(came.inner).correlation.timespan_ns
                    spans.setdefault((came.inner, came.inner_group), []).append(
                        (entry.time_ns - span_ns, (entry.time_ns, entry.key))
                    )
            waiting = [
                found
                for (inner, group), asked in spans.items()
                for span in _joined(asked)
                for found in self._in_span(inner, group, span)
            ]
        return gathered

    def _in_span(self, inner: str, group: str, span: _Span) -> Sequence[Counted]:
        after_ns, last = span
        unit = self.tree.node(inner).unit
        found = self.store.counted(unit, group, after_ns + 1, last[0] + 1)
        return [entry for entry in found if (entry.time_ns, entry.key) <= last]


def _joined(spans: Iterable[_Span]) -> Sequence[_Span]:
    """Return the spans, those that overlap as one."""
    joined: list[_Span] = []
    for start_ns, last in sorted(spans):
        if joined and start_ns < joined[-1][1][0]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((start_ns, last))
    return joined
