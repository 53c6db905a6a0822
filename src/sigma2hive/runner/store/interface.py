"""What a state store is: the memory of the service, which survives any crash.

`SQLite` keeps it in one file, where a step is one transaction. `Elasticsearch` keeps it for several
runners: a step's matches and alerts are created first, under ids that hang on what they are, and
the cursor moves last, by compare-and-set. A crash between the two repeats work, and every part of a
step may be stored again without harm: matches are unique by (rule, event key), alerts by identity.

May be used from several threads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from sigma2hive.diagnostics import Sigma2hiveError
from sigma2hive.model.alerts import Alert, Identity
from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.service import (
    Counted,
    Delivery,
    DeliveryCounts,
    MatchFilter,
    Mute,
    OwnAlert,
    Position,
    Receipt,
    RecordedMatch,
    RuleRecord,
    Searched,
    Step,
    Stored,
    StoredEpisode,
)
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.store.leases import Leases

#: No attempt is postponed by more: one that seems to be was by a clock that was ahead, and is due.
LONGEST_WAIT_NS = 2 * 3_600 * NANOSECONDS


class MovedError(Sigma2hiveError):
    """Another runner has moved the cursor: what was found since is its to tell, not ours."""


class Progress(Protocol):
    """How far was read, and what came of it."""

    def positions(self, prefix: str = "") -> Mapping[str, Position]:
        """Return where each unit stands whose name begins so."""

    def commit(self, step: Step) -> None:
        """Store a step whole.

        Raises:
            MovedError: its unit no longer stands where the step expects; nothing is stored.
            StoreError: it cannot be written; the step may be tried again.
        """

    def forget(self, units: Collection[str]) -> None:
        """Forget the cursors of units that are gone for good; what was found in them stays."""

    def rules(self) -> Mapping[str, RuleRecord]:
        """Return what is known of rules and correlations, by id, those that are gone too."""

    def save_rules(self, records: Collection[RuleRecord]) -> None:
        """Store what is known of these rules."""

    def note(self, name: str, value: JsonValue) -> None:
        """Keep something that whoever looks from outside should know; the last value counts."""

    def notes(self) -> Mapping[str, JsonValue]:
        """Return all of it, by name."""

    def ledger(self, units: Collection[str] | None = None) -> Sequence[Searched]:
        """Return the ledger, in the order of unit and time; what adjoins and is alike is one."""


class Matches(Protocol):
    """Every match that was found, until retention ends."""

    def known(self, pairs: Collection[tuple[str, EventKey]]) -> set[tuple[str, EventKey]]:
        """Return those (rule id, event key) that are recorded already."""

    def events_of(
        self, rule_ids: Collection[str], start_ns: int, end_ns: int
    ) -> Iterator[tuple[str, Event]]:
        """Yield (rule id, event) recorded for these rules, by event time in [start_ns, end_ns)."""

    def find(self, wanted: MatchFilter, limit: int) -> Sequence[RecordedMatch]:
        """Return recorded matches, those found last first."""

    def walk(self, wanted: MatchFilter) -> Iterator[RecordedMatch]:
        """Yield recorded matches, those found first first, in bounded memory."""

    def recorded(self, rule_id: str, key: EventKey) -> RecordedMatch | None:
        """Return what is recorded of a rule and an event."""

    def count_fates(self, since_ns: int) -> Mapping[tuple[str, str], int]:
        """Return (rule id, fate) → how many were found since then."""

    def own_alerts(self, since_ns: int, rule_id: str = "") -> Sequence[OwnAlert]:
        """Return the alerts of matches' own made since then, of a rule or of all, oldest first."""

    def near(
        self, rule_id: str, epoch: str, start_ns: int, end_ns: int, group: str | None = None
    ) -> Sequence[StoredEpisode]:
        """Return the episodes of a correlation's epoch, or of one group, that overlap this span.

        Both ends are included.
        """

    def matches_after(self, rule_id: str, number: int, limit: int) -> Sequence[Stored]:
        """Return matches of a rule that were stored after the one with this number, in order.

        Whatever is committed later has a higher number than all that could be read before. A store
        that cannot promise that gives some again: those that may have been overtaken.
        """

    def last_match(self) -> int:
        """Return the number of the match that was stored last, 0 where there is none."""

    def time_of_next(
        self, rule_ids: Collection[str], start_ns: int, end_ns: int, ordinal: int
    ) -> int | None:
        """Return the event time of the match with this ordinal, counted from 0, of these rules.

        By event time in [start_ns, end_ns); None where there are fewer.
        """

    def load(self, pairs: Iterable[tuple[str, EventKey]]) -> Iterator[tuple[str, Event]]:
        """Yield (rule id, event) of these matches, in this order; what is not there is left out."""


class Counting(Protocol):
    """What correlations count, by group: made of matches, and made again where it is lost."""

    def counted_after(self, unit: str, number: int) -> Sequence[tuple[int, Counted]]:
        """Return what a correlation counts since the entry with this number, in order.

        The same promise as that of `matches_after`.
        """

    def counted(self, unit: str, group: str, start_ns: int, end_ns: int) -> Sequence[Counted]:
        """Return what is counted in one group, by event time in [start_ns, end_ns), in order."""

    def prune_counted(self, unit: str, before_ns: int) -> None:
        """Forget what happened before; without harm where no window reaches back to it."""


class Outbox(Protocol):
    """Alerts on their way: each sink has its own progress."""

    def open_sinks(self, sinks: Collection[str]) -> None:
        """Say which sinks alerts go to from now on; each has its own progress."""

    def due(self, sink: str, now_ns: int, limit: int) -> Sequence[Delivery]:
        """Return what may be sent now: by severity, then age, and never an alert twice at once."""

    def arrived(self, receipts: Sequence[Receipt]) -> None:
        """Note that these versions of alerts are there; later ones that came meanwhile wait."""

    def delivered(self, delivery: Delivery, now_ns: int, told: str = "") -> None:
        """Note one of them; `told` is what was left out of it."""

    def postponed(self, delivery: Delivery, not_before_ns: int, reason: str) -> None:
        """Note an attempt that failed, and when to try again."""

    def refused(self, delivery: Delivery, now_ns: int, reason: str) -> None:
        """Make it a dead letter."""

    def replay(self, sink: str = "", alerts: Collection[Identity] = ()) -> int:
        """Let dead letters wait again, all of them or these; return how many."""

    def dead(self, sink: str = "", limit: int = 100) -> Sequence[Delivery]:
        """Return dead letters, the latest first."""

    def counts(self) -> Mapping[str, DeliveryCounts]:
        """Return how each sink stands."""

    def pause(self, sink: str, reason: str) -> None:
        """Note why nothing is sent to a sink; "" ends it."""

    def has_alert(self, identity: Identity) -> bool:
        """Whether an alert is stored; reading it takes longer the larger it has grown."""

    def alert(self, identity: Identity) -> Alert | None:
        """Return an alert as it was stored last."""


class Mutes(Protocol):
    """What somebody asked not to be told of, for a time. Ended ones stay, for the audit."""

    def mutes(self, now_ns: int | None = None) -> Sequence[Mute]:
        """Return all mutes, or those that hold at a time, with how many matches each has hidden."""

    def mute(self, mute: Mute) -> Mute:
        """Store a mute, and return it with its number."""

    def unmute(self, number: int, now_ns: int) -> bool:
        """End a mute early; False where there is none that holds."""


class Keeping(Protocol):
    """How long all of it is kept."""

    def purge(self, now_ns: int, keep_ns: int, most_bytes: int) -> int:
        """Forget some of what is older than `keep_ns`, or too much; return how much that was.

        A bounded piece of work: whoever wants all of it gone calls until nothing was. Matches,
        alerts that are delivered everywhere, episodes, ended mutes and what the ledger says of long
        ago go; what waits, dead letters and what is younger than two days stay.

        Raises:
            ValueError: `keep_ns` is less than two days.
        """


class StateStore(Progress, Matches, Counting, Outbox, Mutes, Keeping, Leases, Protocol):
    """All of it."""

    def check(self) -> None:
        """Look whether what is stored is where it was.

        Raises:
            StorageError: it was removed, or replaced by something else.
            ServerError: it cannot be looked at.
        """

    def close(self) -> None:
        """Let go of it."""
