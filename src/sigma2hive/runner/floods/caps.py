"""How many alerts of their own matches may make: a sliding hour, by group, rule and in all.

Takes alerts that were made and the time; tells whether another may be. Counts what the store has,
so that a restart changes nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from enum import StrEnum

from sigma2hive.model.alerts import Identity
from sigma2hive.model.service import OwnAlert
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.settings import FloodSettings

HOUR_NS = 3600 * NANOSECONDS


class Cap(StrEnum):
    """Which cap a match is beyond."""

    GROUP = "group"
    RULE = "rule"
    ALL = "all"


class Caps:
    """The alerts of the last hour, and which groups an alert told of lately."""

    def __init__(self, settings: FloodSettings, alerts: Iterable[OwnAlert], now_ns: int) -> None:
        """Count what was made, the oldest first."""
        self._settings = settings
        self._new_after_ns = settings.new_group_hours * HOUR_NS
        self._recent: deque[OwnAlert] = deque()
        self._by_group: Counter[tuple[str, str]] = Counter()
        self._by_rule: Counter[str] = Counter()
        self._last: dict[tuple[str, str], OwnAlert] = {}
        self._identities: set[Identity] = set()
        for alert in alerts:
            self.count(alert)
        self._forget(now_ns)

    def beyond(self, rule_id: str, group: str, now_ns: int) -> Cap | None:
        """Return the cap that another alert would be beyond, None where it may be made.

        A group that no alert told of lately only counts in all.
        """
        self._forget(now_ns)
        last = self._last.get((rule_id, group))
        if last is not None and last.made_ns > now_ns - self._new_after_ns:
            if self._by_group[rule_id, group] >= self._settings.per_group:
                return Cap.GROUP
            if self._by_rule[rule_id] >= self._settings.per_rule:
                return Cap.RULE
        return Cap.ALL if len(self._recent) >= self._settings.in_all else None

    def count(self, alert: OwnAlert) -> None:
        """Count an alert that was made."""
        self._recent.append(alert)
        self._by_group[alert.rule_id, alert.grouped_by] += 1
        self._by_rule[alert.rule_id] += 1
        self._last[alert.rule_id, alert.grouped_by] = alert
        self._identities.add(alert.identity)

    def knows(self, identity: Identity) -> bool:
        """Whether an alert of that identity was made lately."""
        return identity in self._identities

    def last(self, rule_id: str, group: str) -> OwnAlert | None:
        """Return the last alert of a group, where it is not long ago."""
        return self._last.get((rule_id, group))

    def _forget(self, now_ns: int) -> None:
        while self._recent and self._recent[0].made_ns <= now_ns - HOUR_NS:
            alert = self._recent.popleft()
            group = (alert.rule_id, alert.grouped_by)
            self._by_group[group] -= 1
            self._by_rule[alert.rule_id] -= 1
            if not self._by_group[group]:
                del self._by_group[group]
