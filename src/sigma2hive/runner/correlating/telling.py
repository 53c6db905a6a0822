"""From an episode that began or grew to the alert that tells of it.

Takes what was worked out; gives an alert to be stored. An episode that nobody was told of yet is
judged, as any match is; one that has its alert only adds to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigma2hive.model.matches import Match
from sigma2hive.model.service import Counted, QueuedAlert, RecordedMatch
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.records import dataclass
from sigma2hive.runner.correlating.evidence import Evidence
from sigma2hive.runner.correlating.trees import Tree
from sigma2hive.runner.correlating.walking import Grown
from sigma2hive.runner.matching import Matcher
from sigma2hive.runner.raising import Raiser, record_of
from sigma2hive.runner.store.interface import StateStore

#: An episode that fired longer ago than this, when it is found, is no news.
_NEWS_NS = 900 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be stored of an episode: its alert, and the match where it was judged."""

    queued: QueuedAlert | None = None
    record: RecordedMatch | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """Makes the alerts of one tree."""

    store: StateStore
    tree: Tree
    matcher: Matcher
    raiser: Raiser

    def told_of(self, grown: Grown, now_ns: int) -> Told:
        """Return the alert, with the events that it may lack, and what is recorded."""
        if grown.was_known and not grown.is_late:
            queued = self._added(self._match(grown, grown.new), now_ns)
            if queued is not None:
                return Told(queued)
        match = self._match(grown, grown.whole())
        if match is None:
            return Told()
        queued = self._added(match, now_ns) if grown.was_known else None
        if queued is not None:
            return Told(queued)
        is_old = now_ns - grown.firing.stored.start_ns > _NEWS_NS
        raised = self.raiser.raise_(match, now_ns, is_backfill=is_old)
        record = record_of(match, raised, match.fired_with.key.parts[0], now_ns)
        return Told(raised.queued, record)

    def _added(self, match: Match | None, now_ns: int) -> QueuedAlert | None:
        """Return what to add to the episode's own alert; None where it has none."""
        if match is None:
            return None
        alert = self.raiser.maker.build(match)
        if not self.store.has_alert(alert.identity):
            return None
        return QueuedAlert(alert, made_ns=now_ns)

    def _match(self, grown: Grown, entries: Sequence[Counted]) -> Match | None:
        """Return the match with these entries of the episode."""
        events = Evidence(self.store, self.tree).events_of(entries)
        if not events:
            return None
        return self.matcher.match_of(self.tree.top, replace(grown.firing, events=events))
