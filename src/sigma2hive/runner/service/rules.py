"""Since when each rule looks: a new or changed one alerts on nothing that is older.

Takes what is compiled and what the store knows; gives records, to be stored. Decides alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sigma2hive.model.rules import Compiled, CompiledCorrelation
from sigma2hive.model.service import RuleRecord

#: Why a rule does not run that is in the repository no more.
REMOVED = "it is in the repository no more"

#: Says of a rule that is not among those that run why it cannot be used, "" where it is not there.
WhyUnusable = Callable[[RuleRecord], str]


def changed_records(
    compiled: Compiled,
    known: Mapping[str, RuleRecord],
    now_ns: int,
    first_start_ns: int,
    why_unusable: WhyUnusable = lambda _: "",
) -> Iterator[RuleRecord]:
    """Yield the records that are not what `known` has.

    On a first start, when nothing is known, rules look `first_start_ns` back; later a rule that is
    new, or finds something else than before, looks from now on. One that comes back as it was looks
    since when it did, and has `missed` what came while it was not there. `why_unusable` tells a
    rule that is blind from one that was taken out.
    """
    since_ns = now_ns if known else now_ns - first_start_ns
    correlations = {entry.info.id for entry in compiled.correlations}
    there = set()
    for new in _all(compiled, since_ns):
        rule_id, record = new.rule_id, new
        there.add(rule_id)
        earlier = known.get(rule_id)
        if earlier is not None and _is_continued(earlier, new.digest):
            missed = _later(earlier.missed, now_ns) if earlier.disabled else earlier.missed
            # Correlations miss nothing: they go on with what their rules found meanwhile.
            missed = "" if rule_id in correlations else missed
            # No later than now: it may have been new while the clock was ahead.
            record = replace(new, since_ns=min(earlier.since_ns, now_ns), missed=missed)
        if record != earlier:
            yield record
    for rule_id, record in known.items():
        if rule_id in there:
            continue
        why = why_unusable(record) or REMOVED
        missed = record.missed if record.disabled else _later(record.missed, now_ns)
        if why != record.disabled:
            yield replace(record, disabled=why, missed=missed)


def _is_continued(earlier: RuleRecord, digest: str) -> bool:
    """Whether a rule finds what it found, and it is known what it missed where it was away."""
    return earlier.digest == digest and (not earlier.disabled or earlier.missed != "")


def _later(missed: str, now_ns: int) -> str:
    """Return the name of cursors that are copied now: of those with a name, or of all cursors."""
    return f"{missed}.{now_ns}" if missed else str(now_ns)


def _all(compiled: Compiled, since_ns: int) -> Iterator[RuleRecord]:
    """Yield the record of each rule as if it was new."""
    by_id = compiled.by_id()
    for rule in compiled.rules:
        path = rule.info.location.path
        yield RuleRecord(rule.info.id, rule.digest, since_ns, rule.indices, path=path)
    for entry in compiled.correlations:
        path = entry.info.location.path
        targets = _targets(entry, by_id)
        yield RuleRecord(entry.info.id, entry.epoch, since_ns, targets, path=path)


def _targets(correlation: CompiledCorrelation, rules: Mapping[str, object]) -> tuple[str, ...]:
    found = (rules[rule_id].indices for rule_id in correlation.leaves)  # type: ignore[attr-defined]
    return tuple(dict.fromkeys(name for names in found for name in names))
