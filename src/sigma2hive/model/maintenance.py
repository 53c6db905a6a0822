"""Maintenance windows: when what rules find on some hosts is known to be of the team's own making.

Takes event times, rules and names of hosts; tells whether a window covers them. No I/O.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import cache
from zoneinfo import ZoneInfo

from sigma2hive.diagnostics import Location
from sigma2hive.model.folding import fold
from sigma2hive.model.rules import RuleInfo
from sigma2hive.model.times import moment_of
from sigma2hive.records import dataclass

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class WeeklyTimes:
    """Times of some days of the week, in minutes of the day as clocks there show it.

    One that ends at or before its start ends on the next day; it belongs to the day it began on.
    """

    days: tuple[int, ...]
    start_minute: int
    end_minute: int

    def covers(self, moment: datetime) -> bool:
        """Whether a moment, in the window's own zone, is in it."""
        minute = moment.hour * 60 + moment.minute
        if self.start_minute < self.end_minute:
            return moment.weekday() in self.days and self.start_minute <= minute < self.end_minute
        if minute >= self.start_minute:
            return moment.weekday() in self.days
        yesterday = (moment - timedelta(days=1)).weekday()
        return minute < self.end_minute and yesterday in self.days


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A time in which matches make no alerts.

    `rules` are ids or names, `tags` are rules' tags, `hosts` are names with `*` and `?`; of each
    that says something one must fit. It holds for events that happened in [start_ns, end_ns), None
    for no bound, and where `weekly` says something only then, by the clocks of `zone`.
    """

    reason: str
    owner: str
    rules: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    start_ns: int | None = None
    end_ns: int | None = None
    weekly: WeeklyTimes | None = None
    zone: str = "UTC"
    location: Location = dataclasses.field(default=Location(""), compare=False)

    def is_about(self, rule: RuleInfo) -> bool:
        """Whether the window is about a rule, whatever its hosts."""
        names = {rule.id.lower(), rule.name}
        tags = {fold(tag) for tag in rule.tags}
        return (not self.rules or any(e.lower() in names or e in names for e in self.rules)) and (
            not self.tags or any(fold(tag) in tags for tag in self.tags)
        )

    def holds_at(self, time_ns: int) -> bool:
        """Whether an event of that time is in the window."""
        if self.start_ns is not None and time_ns < self.start_ns:
            return False
        if self.end_ns is not None and time_ns >= self.end_ns:
            return False
        return self.weekly is None or self.weekly.covers(_local(time_ns, self.zone))

    def covers_host(self, names: Iterable[str]) -> bool:
        """Whether a host of any of these names is meant."""
        if not self.hosts:
            return True
        patterns = [fold(pattern).replace("[", "[[]") for pattern in self.hosts]
        return any(fnmatchcase(fold(name), pattern) for name in names for pattern in patterns)


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name in the IANA database.

    Raises:
        ZoneInfoNotFoundError, ValueError: there is none of that name here.
    """
    return ZoneInfo(name)


def _local(time_ns: int, zone: str) -> datetime:
    try:
        return moment_of(time_ns).astimezone(zone_of(zone))
    except (OverflowError, ValueError):  # the years 1 and 9999
        return moment_of(time_ns)
