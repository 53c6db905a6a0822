"""How the service stands, from its store: for `status`, for metrics, for whoever asks.

Takes a store and a time; gives plain figures. Does not know whether the service runs: it says when
it was last at work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.service import DeliveryCounts, Mute, Searched
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.records import dataclass
from sigma2hive.runner.correlating.standing import CorrelationStanding, standings_in
from sigma2hive.runner.service.aside import put_aside_in
from sigma2hive.runner.service.coverage import Coverage, coverage_of, losses_in, searched_to
from sigma2hive.runner.service.given_up import given_up_in
from sigma2hive.runner.service.rules import REMOVED
from sigma2hive.runner.service.silence import Heard, heard_of
from sigma2hive.runner.service.suppressed import SUPPRESSED, SuppressedBy, suppressed_of
from sigma2hive.runner.store.interface import StateStore

#: Notes of the service: its last cycle, and when each pattern was last heard of.
CYCLE, HEARD = "cycle", "heard"
#: What the note of a cycle says of the ways in which hits are found.
WAYS = "ways"
#: And why the rules at work are not those of the files; "" where they are.
OUTDATED = "outdated"

#: A rule whose patterns were not searched for so long is blind; slow cycles are not blindness.
PATIENCE_NS = 300 * NANOSECONDS
_DAY_NS = 24 * 3_600 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class PatternStanding:
    """An index pattern: how far it was searched, and when events last came; None is never."""

    pattern: str
    searched_to_ns: int | None
    heard_ns: int | None
    rules: int


@dataclass(frozen=True, slots=True)
class Standing:
    """All of it.

    `fates` are the matches of the last day, by what became of them; `suppressed` is what filters
    took away since the state was made, `losses` what was never read and will not be, `put_aside`
    documents at which this program itself fails, `undecided` expressions that were given up on a
    value.
    """

    now_ns: int
    cycle: Mapping[str, JsonValue]
    patterns: Sequence[PatternStanding]
    rules: Sequence[Coverage]
    sinks: Mapping[str, DeliveryCounts]
    fates: Mapping[str, int]
    mutes: Sequence[Mute]
    suppressed: Sequence[SuppressedBy] = ()
    ways: Mapping[str, JsonValue] = field(default_factory=dict)
    losses: Sequence[Searched] = ()
    correlations: Sequence[CorrelationStanding] = ()
    put_aside: Sequence[Searched] = ()
    undecided: Sequence[Searched] = ()

    @property
    def blind(self) -> list[Coverage]:
        """Rules that should look and do not."""
        return [entry for entry in self.rules if entry.blind_since_ns is not None]

    @property
    def blind_correlations(self) -> list[CorrelationStanding]:
        """Correlations that cannot be worked out now, though they are in the repository."""
        return [entry for entry in self.correlations if entry.is_blind(self.now_ns)]

    @property
    def has_lost(self) -> bool:
        """Whether anything was lost, put aside or given up in the last day."""
        every = (*self.losses, *self.put_aside, *self.undecided)
        return any(entry.interval.end_ns > self.now_ns - _DAY_NS for entry in every)

    @property
    def is_well(self) -> bool:
        """Whether nothing asks for somebody to look at it."""
        return (
            not self.blind
            and not self.blind_correlations
            and not self.has_lost
            and not self.cycle.get("error")
            and not self.cycle.get(OUTDATED)
            and not any(_is_in_trouble(entry) for entry in self.sinks.values())
        )


def _is_in_trouble(counts: DeliveryCounts) -> bool:
    """Whether a sink asks for somebody; one that gets no alerts any more is not tried."""
    return bool(counts.dead or (counts.paused and counts.is_open))


def ways_of(notes: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Return how hits were found in the last cycle, by the patterns that look at slices."""
    cycle = notes.get(CYCLE)
    ways = cycle.get(WAYS) if isinstance(cycle, Mapping) else None
    return ways if isinstance(ways, Mapping) else {}


def standing_of(store: StateStore, now_ns: int) -> Standing:
    """Return how the service stands; rules that are in the repository no more are left out."""
    notes = store.notes()
    ledger = store.ledger()
    records = [entry for entry in store.rules().values() if entry.disabled != REMOVED]
    cycle = notes.get(CYCLE)
    return Standing(
        now_ns=now_ns,
        cycle=cycle if isinstance(cycle, Mapping) else {},
        patterns=_patterns(
            searched_to(ledger),
            heard_of(notes.get(HEARD)),
            [name for record in records if not record.disabled for name in record.targets],
        ),
        rules=list(coverage_of(records, ledger, now_ns, PATIENCE_NS)),
        sinks=store.counts(),
        fates=_by_fate(store.count_fates(now_ns - _DAY_NS)),
        mutes=store.mutes(now_ns),
        suppressed=tuple(suppressed_of(notes.get(SUPPRESSED))),
        ways=ways_of(notes),
        losses=list(losses_in(ledger)),
        correlations=list(standings_in(notes, {record.rule_id for record in records})),
        put_aside=list(put_aside_in(ledger)),
        undecided=list(given_up_in(ledger)),
    )


def _patterns(
    ends: Mapping[str, int], heard: Mapping[str, Heard], targets: Sequence[str]
) -> list[PatternStanding]:
    return [
        PatternStanding(
            pattern,
            ends.get(pattern),
            heard[pattern].last_ns if pattern in heard else None,
            targets.count(pattern),
        )
        for pattern in sorted({*targets})
    ]


def _by_fate(counts: Mapping[tuple[str, str], int]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for (_, fate), count in counts.items():
        found[fate] = found.get(fate, 0) + count
    return found
