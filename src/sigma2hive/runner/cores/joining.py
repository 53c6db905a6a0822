"""What several processes decided, joined to what one would have found.

Takes the parts of all units in their order; gives decided batches and findings. It makes the
events of slices, so that equal lines are counted over the whole file, and counts lines and findings
on from slice to slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.runner.cores.deciding import Found, Part, SliceEnd
from sigma2hive.runner.cores.units import Unit
from sigma2hive.runner.matching import DecidedRows
from sigma2hive.sources import (
    MAX_BAD_START,
    EventFile,
    FewFindings,
    LineEvents,
    Ordinals,
    Slice,
    SourceOptions,
    damaged,
    giving_up,
)

#: A batch as each of the matchers decided it.
Batch = tuple[DecidedRows, ...]


class Joining:
    """The parent's side of reading in slices; it knows of one file at a time."""

    def __init__(self, options: SourceOptions) -> None:
        self._options = options
        self._file: _SlicedFile | None = None

    def wanted(self, units: Iterable[Unit]) -> Iterator[Unit]:
        """Yield units, but none of a file that is no longer read by the time."""
        for unit in units:
            if not (isinstance(unit, Slice) and self._is_over(unit.file)):
                yield unit

    def _is_over(self, file: EventFile) -> bool:
        return self._file is not None and self._file.file == file and self._file.is_over

    def join(self, results: Iterable[tuple[Unit, Part | SliceEnd]]) -> Iterator[Batch | Diagnostic]:
        """Yield what was found, in the order of the files."""
        for unit, result in results:
            if isinstance(unit, Slice):
                if self._file is None or self._file.file != unit.file:
                    yield from self._end_of_file()
                    self._file = _SlicedFile(unit.file, self._options)
                yield from self._file.take(result)
            elif isinstance(result, Part):
                yield from self._end_of_file()
                yield from result.findings
                if result.decided:
                    yield _batch_of(result, _made)
        yield from self._end_of_file()

    def _end_of_file(self) -> Iterator[Diagnostic]:
        if self._file is not None:
            yield from self._file.few.rest()
        self._file = None


class _SlicedFile:
    """A file in slices, as far as it was read."""

    def __init__(self, file: EventFile, options: SourceOptions) -> None:
        self.file = file
        self.few = FewFindings()
        #: Nothing more of it is read: it is damaged, or no event file.
        self.is_over = False
        self._maker = LineEvents(f"{file.display}:", options, Ordinals())
        #: Of the slices that were taken to their ends, but for `_put_aside`.
        self._lines = self._events = self._last_line = 0
        self._put_aside = 0
        self._has_events = False

    def take(self, result: Part | SliceEnd) -> Iterator[Batch | Diagnostic]:
        """Yield what a part of its next slice found."""
        if self.is_over:
            return
        if isinstance(result, SliceEnd):
            yield from self._end_slice(result)
            return
        left = MAX_BAD_START - self._put_aside
        if not self._has_events and result.at_start >= left:
            yield from self._named(result.findings[:left])
            yield giving_up(self.file.display)
            self.is_over = True
            return
        self._put_aside += len(result.findings)
        # Findings may come before the events that they follow in the file.
        self._has_events |= bool(result.decided) or result.at_start < len(result.findings)
        yield from self._named(result.findings)
        if result.decided:
            yield _batch_of(result, self._maker_of_slice())

    def _end_slice(self, end: SliceEnd) -> Iterator[Diagnostic]:
        yield from self._named(end.unnamed)
        self._events += end.events
        if end.last_line:
            self._last_line = self._lines + end.last_line
        if end.damage:
            yield damaged(self.file.display, end.damage, self._events, self._last_line)
            self.is_over = True
        self._lines += end.lines

    def _named(self, findings: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        for finding in findings:
            place = finding.location
            moved = replace(
                finding, location=replace(place, line=self._lines + place.line if place.line else 0)
            )
            if self.few.is_named(moved):
                yield moved

    def _maker_of_slice(self) -> Callable[[Found], Event]:
        lines, maker = self._lines, self._maker

        def make(found: Found) -> Event:
            if isinstance(found, Event):
                return found
            raw, number = found
            return maker.event_of(raw, lines + number)

        return make


def _made(found: Found) -> Event:
    if isinstance(found, Event):
        return found
    raise TypeError("files that are read whole come with their events made")


def _batch_of(part: Part, make: Callable[[Found], Event]) -> Batch:
    if len(part.decided) == 1:
        # Its rows are asked for in their order, each as often as rules are met there.
        return (DecidedRows(part.decided[0], lru_cache(1)(lambda row: make(part.found[row]))),)
    events = {row: make(found) for row, found in part.found.items()}
    return tuple(DecidedRows(decided, events.__getitem__) for decided in part.decided)
