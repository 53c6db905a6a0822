"""The ledger as plain values: entries that adjoin and are alike are one.

Takes and gives entries; never stores anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sigma2hive.model.service import Interval, Searched, SearchStatus


def with_entry(entries: Iterable[Searched], entry: Searched) -> list[Searched]:
    """Return the entries of a unit with another one, in the order of time.

    What failed before is done with as far as an entry that did not fail reaches.
    """
    start, end = entry.interval.start_ns, entry.interval.end_ns
    if entry.status is not SearchStatus.FAILED:
        entries = [left for other in entries for left in _cut(other, start, end)]
    kept: list[Searched] = []
    for other in entries:
        if (
            _is_alike(other, entry)
            and other.interval.start_ns <= end
            and (other.interval.end_ns >= start)
        ):
            start = min(start, other.interval.start_ns)
            end = max(end, other.interval.end_ns)
        else:
            kept.append(other)
    kept.append(replace(entry, interval=Interval(start, end)))
    return sorted(kept, key=lambda one: (one.interval.start_ns, one.interval.end_ns))


def with_entries(ledger: Iterable[Searched], entries: Iterable[Searched]) -> list[Searched]:
    """Return a ledger of any units with further entries, in the order of unit and time."""
    by_unit: dict[str, list[Searched]] = {}
    for entry in ledger:
        by_unit.setdefault(entry.unit, []).append(entry)
    for entry in entries:
        by_unit[entry.unit] = with_entry(by_unit.get(entry.unit, ()), entry)
    return [entry for unit in sorted(by_unit) for entry in by_unit[unit]]


def _cut(entry: Searched, start: int, end: int) -> Iterable[Searched]:
    """Yield what is left of an entry that failed outside of [start, end)."""
    own = entry.interval
    is_apart = own.start_ns >= end or own.end_ns <= start
    if entry.status is not SearchStatus.FAILED or is_apart:
        yield entry
        return
    for left in (Interval(own.start_ns, start), Interval(end, own.end_ns)):
        if left.start_ns < left.end_ns:
            yield replace(entry, interval=left)


def _is_alike(one: Searched, other: Searched) -> bool:
    return (one.target, one.status, one.reason) == (other.target, other.status, other.reason)
