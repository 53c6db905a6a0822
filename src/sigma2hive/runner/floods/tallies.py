"""What a summary is made of: how many matches, of which groups, hosts and users, from when to when.

Takes matches one by one, now or from the store after a restart; gives counts. Bounded: of values
beyond a number only how many matches have them is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sigma2hive.model.alerts import Identity
from sigma2hive.model.events import Event
from sigma2hive.model.rules import RuleInfo
from sigma2hive.runner.building import RuleFacts

HOST_FIELD = "host.name"
USER_FIELD = "user.name"
#: Events whose raw logs a summary carries: those that it was first made of.
_SAMPLES = 3
#: Different values of which each is counted.
_MOST_COUNTED = 5_000


@dataclass(slots=True)
class Counted:
    """How many matches have each value; `beyond` counts those of values that are too many."""

    counts: Counter[str] = field(default_factory=Counter)
    beyond: int = 0

    def add(self, value: str) -> None:
        """Count a match with this value."""
        if value in self.counts or len(self.counts) < _MOST_COUNTED:
            self.counts[value] += 1
        else:
            self.beyond += 1

    def ordered(self) -> list[tuple[str, int]]:
        """Return the values and their counts, the most frequent first."""
        return sorted(self.counts.items(), key=lambda entry: (-entry[1], entry[0]))


@dataclass(slots=True)
class Tally:
    """The matches beyond a cap that were found in one hour from `start_ns` on.

    Of one `rule`, or, where that is None, of all of a severity beyond the overall cap. `is_untold`
    says that some were counted since the last alert was made of it, `is_told` that there is one.
    """

    identity: Identity
    start_ns: int
    rule: RuleInfo | None = None
    severity: int = 1
    matches: int = 0
    first_ns: int = 0
    last_ns: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    groups: Counted = field(default_factory=Counted)
    hosts: Counted = field(default_factory=Counted)
    users: Counted = field(default_factory=Counted)
    samples: tuple[Event, ...] = ()
    is_untold: bool = False
    is_told: bool = False

    def add(self, facts: RuleFacts, group: str, events: Iterable[Event]) -> None:
        """Count a match."""
        events = tuple(events)
        times = [event.time_ns for event in events]
        self.first_ns = min((*times, self.first_ns)) if self.matches else min(times)
        self.last_ns = max((*times, self.last_ns)) if self.matches else max(times)
        self.matches += 1
        self.rules[facts.info.id] += 1
        self.groups.add(group)
        for counted, name in ((self.hosts, HOST_FIELD), (self.users, USER_FIELD)):
            for value in facts.values(name, events):
                counted.add(value)
        if not self.is_told and len(self.samples) < _SAMPLES:
            # What is added later would change the events of an alert that is told already.
            known = {event.key for event in self.samples}
            if events[0].key not in known:
                self.samples = (*self.samples, events[0])
