"""Lines taken apart many at once: documents in the index's own fields, or raw Windows events.

Takes lines of JSON; gives those that are plain as scanned lines, with the fields that are wanted.
What is not plain is for the readers of single ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from sigma2hive.native import Bounds, Scan, ScannedLines, Scanner, scanner_of, shape_scanner
from sigma2hive.records import dataclass
from sigma2hive.sources.batches import MAX_EVENTS
from sigma2hive.sources.interface import SourceOptions
from sigma2hive.sources.lines import OTHER_SHAPES, plain_times, short_line
from sigma2hive.sources.parsing import MAX_PATH_CHARACTERS
from sigma2hive.sources.windows import FLAT, FLAVOURS, normalise_windows
from sigma2hive.sources.windows.ecs_lines import EcsFields
from sigma2hive.sources.windows.flat_lines import TIME_PATH, FlatFields
from sigma2hive.sources.windows.plans import Plans

#: Keys of all the shapes of a batch. Logs have few shapes; of more, single events are read faster.
_MOST_MARKS: Final = 50_000
_RAW_EVENT: Final = re.compile(rb'\s*\{\s*"Event"\s*:')
#: The scanner counts bytes in 32 bits.
_LARGEST_EVENT = 256 * 1024 * 1024


def bounds_of(options: SourceOptions) -> Bounds | None:
    """Return what a plain event may be; None where one may be larger than can be scanned."""
    limits = options.limits
    if limits.max_bytes > _LARGEST_EVENT:
        return None
    return Bounds(
        max_bytes=limits.max_bytes,
        max_fields=limits.max_fields,
        max_depth=limits.max_depth,
        max_path_bytes=MAX_PATH_CHARACTERS,
        short=short_line(limits),
        max_lines=MAX_EVENTS,
    )


@dataclass(frozen=True, slots=True)
class Records:
    """Lines that were scanned: `is_plain` tells of each whether it may be used."""

    lines: ScannedLines
    is_plain: Sequence[bool]

    @property
    def scan(self) -> Scan:
        """What stands in them."""
        return self.lines.scan

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self.lines.scan)

    def runs(self) -> Iterator[tuple[range, bool]]:
        """Yield lines that follow each other, and whether they are plain, but for blank ones."""
        return self.lines.scan.runs(self.is_plain)


class RecordScanner:
    """Scans raw Windows events; nothing where no fields are known, or there is no library."""

    def __init__(self, options: SourceOptions) -> None:
        is_known = options.flavour in (FLAT, *FLAVOURS)
        bounds = bounds_of(options) if is_known else None
        self._scanner = None if bounds is None else shape_scanner(bounds, TIME_PATH)
        self._plans = None
        if options.flavour is not None and options.flavour in FLAVOURS:
            self._plans = Plans(options.flavour, normalise_windows)

    @property
    def is_there(self) -> bool:
        """Whether anything can be scanned."""
        return self._scanner is not None

    def scan(self, text: bytes, count: int) -> Records | None:
        """Return so many records, a line each and as many as make one batch at most.

        None where that cannot be done.
        """
        if self._scanner is None or not count:
            return None
        scan = self._scanner.scan(text, len(text))
        if len(scan) != count or scan.end != len(text):
            return None
        return self._records(scan)

    def scan_lines(self, text: bytes, end: int) -> Records | None:
        """Return the first lines before `end`, where one ends; None where none can be scanned."""
        return None if self._scanner is None else self._records(self._scanner.scan(text, end))

    def _records(self, scan: Scan) -> Records:
        if scan.marks > _MOST_MARKS:
            return Records(ScannedLines(scan), [False] * len(scan))
        is_literal = self._plans is None
        fields = FlatFields(scan) if self._plans is None else EcsFields(scan, self._plans)
        lines = ScannedLines(scan, fields_of=fields.fields_of, is_literal=is_literal)
        return Records(lines, fields.is_plain)


class LineScanner:
    """Scans lines of files: blocks that begin with a raw Windows event as such, else documents."""

    def __init__(self, options: SourceOptions, documents: Scanner) -> None:
        self._documents = documents
        self._events = RecordScanner(options)

    def scan(self, text: bytes, end: int) -> Records:
        """Return the first lines before `end`, where one ends.

        Raises:
            MemoryError: there is not enough.
        """
        found = self._events.scan_lines(text, end) if _RAW_EVENT.match(text) else None
        if found is not None:
            return found
        scan = self._documents.scan(text, end)
        return Records(ScannedLines(scan), [not kind for kind in scan.kinds])


def document_scanner(options: SourceOptions) -> Scanner | None:
    """Return what scans documents in the index's own fields; None where nothing can."""
    bounds = bounds_of(options)
    if bounds is None:
        return None
    return scanner_of(bounds, plain_times(options), sorted(OTHER_SHAPES))


def line_scanner(options: SourceOptions) -> LineScanner | None:
    """Return what scans lines of files; None where nothing can."""
    documents = document_scanner(options)
    return None if documents is None else LineScanner(options, documents)
