"""Raw Windows events taken apart many at once, where the fields that are wanted allow it.

Takes the JSON of records; gives those that are plain as scanned lines. What is not plain is for the
readers of single ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sigma2hive.native import Scan, ScannedLines, shape_scanner
from sigma2hive.sources.interface import SourceOptions
from sigma2hive.sources.scanning import bounds_of
from sigma2hive.sources.windows import FLAT, FLAVOURS, normalise_windows
from sigma2hive.sources.windows.ecs_lines import EcsFields
from sigma2hive.sources.windows.flat_lines import TIME_PATH, FlatFields
from sigma2hive.sources.windows.plans import Plans

#: Keys of all the shapes of a batch. Logs have few shapes; of more, single records are read faster.
_MOST_MARKS = 50_000


@dataclass(frozen=True, slots=True)
class Records:
    """Records that were scanned: `is_plain` tells of each line of theirs whether it may be used."""

    scan: Scan
    lines: ScannedLines
    is_plain: Sequence[bool]


class RecordScanner:
    """Scans records; nothing where no fields are known, or there is no library."""

    def __init__(self, options: SourceOptions) -> None:
        is_known = options.flavour in (FLAT, *FLAVOURS)
        bounds = bounds_of(options) if is_known else None
        self._scanner = None if bounds is None else shape_scanner(bounds, TIME_PATH)
        self._plans = None
        if options.flavour is not None and options.flavour in FLAVOURS:
            self._plans = Plans(options.flavour, normalise_windows)

    def scan(self, records: Sequence[str]) -> Records | None:
        """Return the records as lines, as many as make one batch at most.

        None where that cannot be done.
        """
        if self._scanner is None or not records:
            return None
        text = ("\n".join(records) + "\n").encode("utf-8", "surrogatepass")
        scan = self._scanner.scan(text, len(text))
        if len(scan) != len(records) or scan.end != len(text):
            return None
        if scan.marks > _MOST_MARKS:
            return None
        is_literal = self._plans is None
        fields = FlatFields(scan) if self._plans is None else EcsFields(scan, self._plans)
        lines = ScannedLines(scan, fields_of=fields.fields_of, is_literal=is_literal)
        return Records(scan, lines, fields.is_plain)
