"""Back-tests: what rules would have raised over past events, as figures.

Counts, shares and a few samples; never whole events. Values are as events have them: whoever shows
them makes them safe for where they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from sigma2hive.model.matches import Suppression
from sigma2hive.model.rules import RuleInfo
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Counted:
    """A value, as first seen, and how often it came."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class FieldValues:
    """The most frequent values of a field among a rule's hits.

    Counts are exact, or where `is_exact` is false at least so many: of a field with very many
    values the rare ones are not kept.
    """

    field: str
    values: tuple[Counted, ...]
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Sample:
    """One event of a rule's hits, by where it is found."""

    time_ns: int
    origin: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A Sigma filter that takes away a part of a rule's alerts, and what it was seen to do.

    `document` is its YAML; `before` and `after` are the rule's alerts without and with it.
    """

    document: str
    selection: tuple[tuple[str, str], ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule or correlation did.

    `hits` are different events, or the episodes of a correlation; a silent rule's raise no alert.
    `by_day` are alerts (hits of a silent rule) by day of event time in UTC, written 2026-11-20.
    `groups` are the values that a correlation groups by; `by` what was asked for. `unsearched`
    where the rule could not be looked for everywhere.
    """

    info: RuleInfo
    hits: int
    alerts: int
    by_day: Mapping[str, int]
    is_correlation: bool = False
    silent: bool = False
    unsearched: str = ""
    groups: FieldValues | None = None
    by: tuple[FieldValues, ...] = ()
    noisy: tuple[FieldValues, ...] = ()
    samples: tuple[Sample, ...] = ()
    suggestion: Suggestion | None = None


@dataclass(frozen=True, slots=True)
class Excess:
    """A rule that raised more alerts on a day than its level may: the worst day, and how many."""

    info: RuleInfo
    day: str
    alerts: int
    limit: int
    days: int


class Change(StrEnum):
    """What became of a rule since the other version."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that is not the same in both versions: alerts that only one of them raises."""

    info: RuleInfo
    change: Change
    more: int
    fewer: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rules at another Git ref on the same events; `left_out` could not be used there."""

    ref: str
    commit: str
    changes: tuple[RuleChange, ...]
    left_out: int = 0

    @property
    def more(self) -> int:
        """Alerts that only the present rules raise."""
        return sum(entry.more for entry in self.changes)

    @property
    def fewer(self) -> int:
        """Alerts that only the rules at the ref raise."""
        return sum(entry.fewer for entry in self.changes)


@dataclass(frozen=True, slots=True)
class Backtest:
    """What all rules did.

    `rules` are those with hits, the most alerts first; `checked` is how many there are. `days` are
    all that were looked at, in order; of files those from the first alert to the last. `start_ns`
    and `end_ns` are the window of a history, None of files. `put_aside` counts events that could
    not be read.
    """

    checked: int
    events: int
    rules: tuple[RuleResult, ...]
    days: tuple[str, ...]
    suppressed: Mapping[Suppression, int] = field(default_factory=dict)
    excesses: tuple[Excess, ...] = ()
    comparison: Comparison | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    put_aside: int = 0
    ungrouped: int = 0
    is_deduplicated: bool = True

    @property
    def alerts(self) -> int:
        """All alerts that would have been raised."""
        return sum(entry.alerts for entry in self.rules)

    @property
    def by_day(self) -> Mapping[str, int]:
        """The alerts of all rules by day."""
        found = dict.fromkeys(self.days, 0)
        for entry in self.rules:
            if not entry.silent:
                for day, count in entry.by_day.items():
                    found[day] = found.get(day, 0) + count
        return found

    @property
    def by_level(self) -> Mapping[str, int]:
        """The alerts by level of their rule, "none" for a rule without."""
        found: dict[str, int] = {}
        for entry in self.rules:
            level = str(entry.info.level or "none")
            if entry.alerts:
                found[level] = found.get(level, 0) + entry.alerts
        return found
