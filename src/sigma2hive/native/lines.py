"""Scanned lines that are rows of a batch, some of them or all."""

from __future__ import annotations

from array import array

from sigma2hive.native.paths import Fields
from sigma2hive.native.scanning import Column, Scan


class ScannedLines:
    """The lines of one scan, and the rows that they are; `fields` are theirs, else its paths."""

    def __init__(
        self, scan: Scan, row_of: array[int] | None = None, fields: Fields | None = None
    ) -> None:
        self.scan = scan
        self._fields = fields
        #: The row of each line, -1 where it has none.
        self.row_of = array("i", [-1]) * len(scan) if row_of is None else row_of

    @property
    def fields(self) -> Fields:
        """Where the fields of these lines stand."""
        return self._fields or self.scan.paths

    @property
    def rows(self) -> list[int]:
        """The rows that lines are, in rising order."""
        return [row for row in self.row_of if row >= 0]

    def put(self, lines: range, row: int) -> None:
        """Make lines that follow each other rows, the first of them this one."""
        self.row_of[lines.start : lines.stop] = array("i", range(row, row + len(lines)))

    def moved(self, rows: int) -> ScannedLines:
        """Return the same lines so many rows later."""
        moved = array("i", [row + rows if row >= 0 else -1 for row in self.row_of])
        return ScannedLines(self.scan, moved, self._fields)

    def column(self, number: int, wanted: bytes | None = None) -> Column:
        """Return the values under a path's number, of the wanted rows; see `Scan.column`."""
        return self.scan.column(number, self.row_of, wanted, self.fields.read_of(number))
