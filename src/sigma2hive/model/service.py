"""What a service remembers from cycle to cycle: how far it read, what it found, what is to be told.

Plain values without I/O. Times are nanoseconds since the Unix epoch, UTC; intervals are half-open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from sigma2hive.model.alerts import Alert, Identity
from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.folding import fold
from sigma2hive.model.rules import Figure
from sigma2hive.records import dataclass

#: How far a unit was read, in the words of the cursor that reads it.
Position = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Interval:
    """[start_ns, end_ns) in the time in which Elasticsearch took events, as well as it is known."""

    start_ns: int
    end_ns: int


class SearchStatus(StrEnum):
    """What became of an interval."""

    SEARCHED = "searched"
    FAILED = "failed"  # it will be tried again
    TRUNCATED = "truncated"  # a part of it was put aside
    SKIPPED = "skipped"  # it will not be tried again


@dataclass(frozen=True, slots=True)
class Searched:
    """One entry of the ledger: what became of an interval of a unit.

    `unit` is what a cursor reads (one shard of an index, or a pattern), `target` what people know
    it by, and `patterns` are the index patterns whose rules looked at it.
    """

    unit: str
    target: str
    interval: Interval
    status: SearchStatus = SearchStatus.SEARCHED
    reason: str = ""
    patterns: tuple[str, ...] = ()


class Fate(StrEnum):
    """What became of a match. Whatever it is, the match stays queryable."""

    ALERT = "alert"  # it is in an alert
    COUNTED = "counted"  # it only feeds correlations
    SUMMARISED = "summarised"  # beyond a cap: a summary alert tells of it
    MUTED = "muted"  # somebody muted it for a time
    MAINTENANCE = "maintenance"  # it fell in a maintenance window
    SHADOW = "shadow"  # the rule is not promoted yet


@dataclass(frozen=True, slots=True)
class RecordedMatch:
    """A rule and one event that met it, unique by (rule id, event key).

    `index` is where the event was read, `grouped_by` the values that flood control counts it under,
    as a text, `alert` what tells of it, where something does, and `muted_by` the number of the mute
    that hid it.
    """

    rule_id: str
    event: Event
    index: str
    found_ns: int
    fate: Fate
    alert: Identity | None = None
    grouped_by: str = ""
    muted_by: int | None = None


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    """An episode that has fired.

    `group` is its group's canonical JSON; `start_ns`, when it fired, to `end_ns`, both included, is
    the time in which further events belong to it, in nanoseconds since the epoch. `figure` is what
    was counted, summed or worked out when it fired.
    """

    rule_id: str
    epoch: str
    group: str
    start_ns: int
    end_ns: int
    identity: JsonValue
    figure: Figure = 0


@dataclass(frozen=True, slots=True)
class QueuedAlert:
    """An alert to be told, and what flood control counts it under; summaries it does not count.

    `made_ns` is when, by the clock of whoever made it.
    """

    alert: Alert
    grouped_by: str = ""
    is_summary: bool = False
    made_ns: int = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class OwnAlert:
    """What is kept of an alert of a match's own for flood control, in the words of QueuedAlert."""

    rule_id: str
    grouped_by: str
    identity: Identity
    made_ns: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A recorded match in short; `number` grows in the order in which matches are stored."""

    number: int
    rule_id: str
    key: EventKey
    time_ns: int
    found_ns: int


@dataclass(frozen=True, slots=True)
class Counted:
    """An event in one group of one correlation: what the correlation needs to know of it.

    Unique by all but its `body`. `unit` is the correlation, `group` its group's canonical JSON,
    `source` by what the event came there.
    """

    unit: str
    group: str
    time_ns: int
    key: EventKey
    source: str
    body: JsonValue


@dataclass(frozen=True, slots=True)
class Step:
    """All that one slice leads to: stored whole or not at all.

    `unit` goes on at `position` afterwards; `expected` is where it stood when the slice was
    planned, None where it was new: another runner that moved it meanwhile makes the step fail, and
    nothing of it is stored. Without a unit no cursor moves. Alerts that are known are joined.
    """

    unit: str = ""
    position: Position | None = None
    expected: Position | None = None
    matches: tuple[RecordedMatch, ...] = ()
    alerts: tuple[QueuedAlert, ...] = ()
    episodes: tuple[StoredEpisode, ...] = ()
    searched: tuple[Searched, ...] = ()
    counted: tuple[Counted, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """What the service knows of a rule or correlation.

    It looks at events that were taken from `since_ns` on: when it was first seen, or last changed
    what it finds (`digest`; the epoch of a correlation). `disabled` says why it does not run.
    `missed` names the cursors as they were when it was disabled: from there on it has not looked
    yet, and does so, beside what is new, when it is there again unchanged. A name is the times, ns,
    at which the rule was disabled. `path` is the file that it was last read from.
    """

    rule_id: str
    digest: str
    since_ns: int
    targets: tuple[str, ...] = ()
    disabled: str = ""
    missed: str = ""
    path: str = ""

    @property
    def missed_since_ns(self) -> int | None:
        """Since when it has missed anything; None where it has looked at everything."""
        return int(self.missed.partition(".")[0]) if self.missed else None

    @property
    def disabled_since_ns(self) -> int:
        """When it was disabled last, as well as that is known."""
        return int(self.missed.rpartition(".")[2]) if self.missed else self.since_ns


class DeliveryState(StrEnum):
    """How an alert stands with one sink."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"  # refused for good; `replay` tries again


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert on its way to one sink.

    `version` grows with each change of the alert: what is delivered is a version, and a later one
    waits again. `attempts` were in vain since `queued_ns`; `reason` says why the last one was. What
    `was_delivered` in some version is not made again where it is gone: an analyst deleted it.
    """

    sink: str
    alert: Alert
    version: int
    queued_ns: int
    attempts: int = 0
    not_before_ns: int = 0
    state: DeliveryState = DeliveryState.WAITING
    reason: str = ""
    was_delivered: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery that arrived at a time; `told` is what was left out of it."""

    delivery: Delivery
    at_ns: int
    told: str = ""


@dataclass(frozen=True, slots=True)
class Mute:
    """Matches of a rule that make no alert until `until_ns`; they are counted.

    `where` are (field, value) that an event must have, all of them; without any, all matches of the
    rule are meant. `by` is who asked for it, `ended_ns` when somebody ended it early, `hidden` how
    many matches it has hidden so far.
    """

    number: int
    rule_id: str
    where: tuple[tuple[str, str], ...]
    since_ns: int
    until_ns: int
    reason: str
    by: str
    ended_ns: int | None = None
    hidden: int = 0

    def holds_at(self, now_ns: int) -> bool:
        """Whether it mutes what is found at a time."""
        return self.since_ns <= now_ns < self.end_ns

    @property
    def end_ns(self) -> int:
        """When it ends, or ended."""
        return self.until_ns if self.ended_ns is None else min(self.ended_ns, self.until_ns)


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """How the outbox of one sink stands; `oldest_ns` is when the oldest that waits was queued.

    One that is not `is_open` gets no alerts any more: what waits for it stays.
    """

    waiting: int = 0
    delivered: int = 0
    dead: int = 0
    oldest_ns: int | None = None
    paused: str = ""
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class MatchFilter:
    """Which recorded matches to return: everything that is set must hold; times are found_ns.

    `alert` is what tells of them. `where` are (field, value) that an event must have, all of
    them, in any letter case.
    """

    rule_id: str = ""
    fate: Fate | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    where: tuple[tuple[str, str], ...] = field(default=())
    alert: Identity | None = None

    def admits(self, event: Event) -> bool:
        """Whether the event has what `where` asks for."""
        return all(
            fold(value) in map(fold, event.values.get(name, ())) for name, value in self.where
        )
