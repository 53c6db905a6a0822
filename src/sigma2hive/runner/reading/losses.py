"""Indices that were deleted before they were read to their end: what of them nobody looked at.

Takes positions, what there is, and what shards said last; gives what is lost. Sends nothing. An
index that was deleted after it was read to its end is no loss, nor is one that is there under
another name: mounted, restored or shrunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sigma2hive.model.index_names import without_marks
from sigma2hive.model.service import Interval, Position
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.reading import by_number, starts
from sigma2hive.runner.reading.catalogue import Catalogue
from sigma2hive.runner.reading.interface import SETTLED, Lost
from sigma2hive.runner.reading.numbers import Numbers, numbers_of
from sigma2hive.runner.reading.times import times_of
from sigma2hive.runner.reading.visible import LastLook

SURE = "it was deleted before it was read to its end"
POSSIBLE = (
    "it was deleted while nobody looked, and was still being written before: what it took "
    "meanwhile was not read"
)
#: What took something so shortly before somebody last looked was still being written.
_WRITTEN_SECONDS = 600


def losses_of(
    positions: Mapping[str, Position],
    catalogue: Catalogue,
    looks: Mapping[str, LastLook],
    looked_s: int,
    now_s: int,
) -> Iterator[Lost]:
    """Yield what is lost of units that are no more, once of each; without a reason it is nothing.

    `looks` are those of this run, by unit; before it began somebody last looked at `looked_s`.
    """
    for unit in units_without_index(positions, catalogue):
        position = positions[unit]
        if is_done_with(unit, position, catalogue):
            continue
        since_s, reason = _of_unit(unit, position, looks.get(unit), looked_s) or (now_s, "")
        interval = Interval(since_s * NANOSECONDS, now_s * NANOSECONDS)
        yield Lost(unit, index_of(unit, position), position, interval, reason)


def is_done_with(unit: str, position: Position, catalogue: Catalogue) -> bool:
    """Whether it is known that the index of a unit will not come back under its own name."""
    return bool(position.get(SETTLED)) or _is_copied(unit, position, catalogue)


def units_without_index(positions: Mapping[str, Position], catalogue: Catalogue) -> Iterator[str]:
    """Yield the units of indices that are not there, as far as can be seen; closed ones are."""
    closed = _closed(catalogue)
    there = {place.index for place in catalogue.places}
    # Of these it cannot be seen any more which index they are.
    nameless = {place.index for place in catalogue.places if place.facts is None}
    uuids = {place.facts.uuid for place in catalogue.places if place.facts is not None}
    for unit, position in positions.items():
        if unit.startswith(starts.PREFIX) or index_of(unit, position) in closed | nameless:
            continue
        uuid = unit.removeprefix(by_number.PREFIX).rpartition("/")[0]
        is_there = uuid in uuids if unit.startswith(by_number.PREFIX) else _name(unit) in there
        if not is_there:
            yield unit


def closed_units(positions: Mapping[str, Position], catalogue: Catalogue) -> list[str]:
    """Return the units of indices that are there and closed."""
    closed = _closed(catalogue)
    return [
        unit
        for unit, position in positions.items()
        if not unit.startswith(starts.PREFIX) and index_of(unit, position) in closed
    ]


def _closed(catalogue: Catalogue) -> set[str]:
    return {told.index for told in catalogue.told if told.is_blind}


def index_of(unit: str, position: Position) -> str:
    """Return the index, or the pattern, that a unit is of."""
    return numbers_of(position).index if unit.startswith(by_number.PREFIX) else _name(unit)


def _name(unit: str) -> str:
    return unit.partition(":")[2]


def _of_unit(
    unit: str, position: Position, look: LastLook | None, looked_s: int
) -> tuple[int, str] | None:
    """Return since when what a unit took was not read, in seconds, and what is known of that."""
    if not unit.startswith(by_number.PREFIX):
        left = [start_s for start_s, _ in times_of(position, ()).behind]
        return (min(left), SURE) if left else None
    stands = numbers_of(position)
    if stands.behind:
        return min(entry.start_s for entry in stands.behind), SURE
    if look is not None and look.checkpoint > stands.seq_no:
        return stands.at_s, SURE
    if look is not None and look.at_s >= looked_s:
        return None  # it was looked at to its end in the cycle before
    return (stands.at_s, POSSIBLE) if looked_s - stands.at_s <= _WRITTEN_SECONDS else None


def _is_copied(unit: str, position: Position, catalogue: Catalogue) -> bool:
    """Whether the documents of a unit are there under another name; see `by_number`."""
    if not unit.startswith(by_number.PREFIX):
        return False
    stands: Numbers = numbers_of(position)
    return any(
        without_marks(place.index) == without_marks(stands.index)
        and (place.facts.created_ms == stands.created_ms or place.facts.is_resized)
        for place in catalogue.places
        if place.facts is not None
    )
