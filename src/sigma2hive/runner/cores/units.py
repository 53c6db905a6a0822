"""Event files cut into units of work, each decided by one process.

Takes files in their order; gives units in the same: slices of what is large and of lines, else
whole files, small ones together, for a batch is looked at in one go however few events it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.records import dataclass
from sigma2hive.sources import EventFile, Slice, slices_of


@dataclass(frozen=True, slots=True)
class Files:
    """Files to read whole, and findings about others among them."""

    found: tuple[EventFile | Diagnostic, ...]


Unit = Files | Slice


def units_of(found: Iterable[EventFile | Diagnostic], slice_bytes: int) -> Iterator[Unit]:
    """Yield the units of files, each of about `slice_bytes` where it can be."""
    together: list[EventFile | Diagnostic] = []
    size = 0
    for entry in found:
        slices = slices_of(entry, slice_bytes) if isinstance(entry, EventFile) else []
        if not slices:
            together.append(entry)
            size += size_of(entry)
        if together and (slices or size >= slice_bytes):
            yield Files(tuple(together))
            together, size = [], 0
        yield from slices
    if together:
        yield Files(tuple(together))


def is_worth_sharing(found: Iterable[EventFile | Diagnostic], least_bytes: int) -> bool:
    """Whether there is so much to read."""
    left = least_bytes
    for size in chain((0,), map(size_of, found)):
        left -= size
        if left <= 0:
            return True
    return False


def size_of(entry: EventFile | Diagnostic) -> int:
    """Return how many bytes there are to read, packed as they may be."""
    if isinstance(entry, Diagnostic):
        return 0
    try:
        return entry.path.stat().st_size
    except OSError:
        return 0


def name_of(unit: Unit) -> str:
    """Return what a unit is, for people."""
    if isinstance(unit, Slice):
        end = "its end" if unit.end is None else f"{unit.end:,}"
        return f"{unit.file.display}, bytes {unit.start:,} to {end}"
    named = [entry.display for entry in unit.found if isinstance(entry, EventFile)]
    return (
        ", ".join(named) if len(named) <= _MAX_NAMED else f"{len(named)} files from {named[0]} on"
    )


#: Files that are named each.
_MAX_NAMED = 3
