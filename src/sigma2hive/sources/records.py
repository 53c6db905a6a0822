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
from sigma2hive.sources.windows import FLAT
from sigma2hive.sources.windows.flat_lines import TIME_PATH, FlatFields

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
        bounds = bounds_of(options) if options.flavour == FLAT else None
        self._scanner = None if bounds is None else shape_scanner(bounds, TIME_PATH)

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
        fields = FlatFields(scan)
        return Records(scan, ScannedLines(scan, fields=fields), fields.is_plain)
