"""What was searched, and for which rules nothing looks: the ledger of a cycle, and what follows.

Takes outcomes of cycles and the ledger; gives entries, and since when rules are blind. Decides
alone, without I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sigma2hive.model.service import Interval, RuleRecord, Searched, SearchStatus, Step
from sigma2hive.records import dataclass
from sigma2hive.runner.reading.interface import Lost, Reader
from sigma2hive.runner.service.outcomes import CycleOutcome

#: What the ledger knows a pattern by.
_PATTERN = "pattern:"
#: What stands for a pattern where an entry is about one rule alone.
OF_RULE = "rule:"


def entries_of(
    outcome: CycleOutcome, reader: Reader, searched: Mapping[str, int]
) -> Iterator[Searched]:
    """Yield what the ledger should say of a cycle, for each index pattern.

    `searched` is how far each was searched before. A pattern of which any slice failed was not
    searched, since nobody knows what was in it. One of which another runner reads a part was
    searched as far as that one had come when this cycle was planned.
    """
    why = {
        pattern: entry.error.message
        for entry in outcome.failed
        if entry.error is not None
        for pattern in entry.part.targets
    }
    firsts: dict[str, int] = {}
    for done in outcome.failed or outcome.slices:
        for pattern in done.part.targets:
            start_ns = done.part.interval.start_ns
            firsts[pattern] = min(firsts.get(pattern, start_ns), start_ns)
    others: dict[str, int] = {}
    for part in outcome.left:
        for pattern in part.targets:
            start_ns = part.interval.start_ns
            others[pattern] = min(others.get(pattern, start_ns), start_ns)
    held = reader.held_back() if outcome.error is None else {}
    for pattern, why_held in held.items():
        # A part of it was not asked for at all, so that it is searched no further than before.
        interval = Interval(searched.get(pattern, outcome.began_ns), outcome.began_ns)
        failed = SearchStatus.FAILED
        yield Searched(_PATTERN + pattern, pattern, interval, failed, why_held, (pattern,))
    for pattern, horizon_ns in reader.horizons().items():
        # Of a plan that failed, the horizons are of the one before.
        end_ns = horizon_ns if outcome.error is None else outcome.began_ns
        end_ns = min(end_ns, others.get(pattern, end_ns))
        reason = why.get(pattern, "") if outcome.error is None else outcome.error.message
        start_ns = searched.get(pattern, firsts.get(pattern, end_ns))
        if start_ns >= end_ns and (pattern in searched or pattern in others):
            continue
        status = SearchStatus.FAILED if reason else SearchStatus.SEARCHED
        interval = Interval(start_ns, end_ns)
        yield Searched(_PATTERN + pattern, pattern, interval, status, reason, (pattern,))


def loss_step(lost: Lost) -> Step:
    """Return what is stored of an index that is gone: the ledger has what was lost, if anything."""
    entry = Searched(
        *(lost.unit, lost.index, lost.interval, SearchStatus.SKIPPED, lost.reason, lost.targets)
    )
    entries = (entry,) if lost.reason else ()
    return Step(unit=lost.unit, position=lost.position, expected=lost.expected, searched=entries)


def losses_in(ledger: Iterable[Searched]) -> Iterator[Searched]:
    """Yield what was never read, and will not be."""
    yield from (entry for entry in ledger if entry.status is SearchStatus.SKIPPED)


def last_of_each(ledger: Iterable[Searched], kind: str) -> list[Searched]:
    """Return what the ledger says last of each unit that begins so, the last of all last."""
    last: dict[str, Searched] = {}
    ours = (entry for entry in ledger if entry.unit.startswith(kind))
    for entry in sorted(ours, key=lambda entry: entry.interval.end_ns):
        last.pop(entry.unit, None)
        last[entry.unit] = entry
    return list(last.values())


def searched_to(ledger: Iterable[Searched]) -> Mapping[str, int]:
    """Return how far each pattern was searched, by the pattern, in nanoseconds."""
    ends: dict[str, int] = {}
    failed: dict[str, int] = {}
    for entry in ledger:
        if not entry.unit.startswith(_PATTERN):
            continue
        start_ns, end_ns = entry.interval.start_ns, entry.interval.end_ns
        if entry.status is SearchStatus.SEARCHED:
            ends[entry.target] = max(ends.get(entry.target, end_ns), end_ns)
        else:
            failed[entry.target] = min(failed.get(entry.target, start_ns), start_ns)
    return {**failed, **ends}


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a rule stands.

    It looks at what was taken from `since_ns` on. `blind_since_ns` is when it last looked where it
    does not look now, at one of its patterns at least, and `reason` why; None where it looks.
    `gaps` are intervals that were not searched whole.
    """

    record: RuleRecord
    blind_since_ns: int | None = None
    reason: str = ""
    gaps: tuple[Searched, ...] = ()


def coverage_of(
    records: Iterable[RuleRecord], ledger: Sequence[Searched], now_ns: int, patience_ns: int
) -> Iterator[Coverage]:
    """Yield how each rule stands; one that was not looked for so long is blind."""
    ends = searched_to(ledger)
    gaps = [entry for entry in ledger if entry.status is not SearchStatus.SEARCHED]
    for record in records:
        if record.disabled:
            yield Coverage(record, record.disabled_since_ns, record.disabled)
            continue
        ours = tuple(
            entry
            for entry in gaps
            if not set(entry.patterns).isdisjoint((*record.targets, OF_RULE + record.rule_id))
            and entry.interval.end_ns > record.since_ns
        ) + tuple(_missed(record, now_ns))
        behind = {
            pattern: max(ends.get(pattern, record.since_ns), record.since_ns)
            for pattern in record.targets
        }
        late = {pattern: end for pattern, end in behind.items() if now_ns - end > patience_ns}
        if not late:
            yield Coverage(record, gaps=ours)
            continue
        pattern = min(late, key=lambda name: late[name])
        reasons = [
            entry.reason
            for entry in ours
            if entry.status is SearchStatus.FAILED and pattern in entry.patterns
        ]
        reason = reasons[-1] if reasons else f"{pattern} was not searched"
        yield Coverage(record, late[pattern], reason, ours)


def _missed(record: RuleRecord, now_ns: int) -> Iterator[Searched]:
    """Yield what a rule has not looked at yet since it is there again."""
    since_ns = record.missed_since_ns
    if since_ns is not None:
        interval = Interval(since_ns, now_ns)
        yield Searched(
            *(record.rule_id, ", ".join(record.targets), interval, SearchStatus.FAILED),
            *("the rule was not there for a time; what it missed is being read", record.targets),
        )
