"""What filters took away while the service ran, by filter.

Takes what cycles did and the note that has the figures so far; gives the next note. They are
figures for people: of a slice that has to be read again they count again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sigma2hive.model.canonical import JsonValue
from sigma2hive.records import dataclass
from sigma2hive.runner.service.outcomes import CycleOutcome

#: The note's name.
SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class SuppressedBy:
    """How many matches a filter took away, and when it last did (ns since the epoch)."""

    filter_id: str
    title: str
    matches: int
    last_ns: int


def suppressed_of(note: JsonValue | None) -> Iterator[SuppressedBy]:
    """Yield what a note says, the most active filter first."""
    entries: Mapping[str, Any] = note if isinstance(note, Mapping) else {}
    found = [SuppressedBy(filter_id, **entry) for filter_id, entry in entries.items()]
    yield from sorted(found, key=lambda each: (-each.matches, each.title, each.filter_id))


def with_cycle(note: JsonValue | None, outcome: CycleOutcome) -> JsonValue:
    """Return the note with what a cycle's filters took away."""
    entries = {entry.filter_id: entry for entry in suppressed_of(note)}
    for done in outcome.slices:
        for entry, count in done.suppressed.items():
            earlier = entries.get(entry.filter_id)
            matches = count + (earlier.matches if earlier else 0)
            entries[entry.filter_id] = SuppressedBy(
                entry.filter_id, entry.filter_title, matches, outcome.began_ns
            )
    return {
        entry.filter_id: {
            "title": entry.title,
            "matches": entry.matches,
            "last_ns": entry.last_ns,
        }
        for entry in entries.values()
    }
