"""Scanned lines that are rows of a batch, some of them or all, and the fields that they have."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

from sigma2hive.native.paths import Numbered
from sigma2hive.native.scanning import Column, MadeColumn, Read, Scan


class Cells(NamedTuple):
    """Texts, each with the row that it stands in, in the order of the rows."""

    rows: Sequence[int]
    cells: Sequence[str]


class Constants(NamedTuple):
    """Texts that stand alike in many rows: those of each tuple in all rows of a bitmap."""

    each: Sequence[tuple[tuple[str, ...], int]]


#: What stands at a field path in some rows.
Part = Column | MadeColumn | Cells | Constants


class Fields(Protocol):
    """The fields of lines that are rows."""

    @property
    def keys(self) -> int:
        """How many keys there are, each below another one counted anew."""

    @property
    def paths(self) -> Collection[str]:
        """All paths at which anything may stand: written out, they may be long."""

    def parts(self, path: str, wanted: int | None) -> Iterator[Part]:
        """Yield what stands at a path in the rows `wanted`, and maybe in others; None is all.

        All of a row that is `wanted` is there, but for lists and fractions: see `others`.
        """

    def others(self, path: str) -> Iterator[list[tuple[int, bytes]]]:
        """Yield rows with a list or a fraction at a path, in rising order, and its JSON."""


#: Gives the fields of lines, of which each has its row, -1 for none.
FieldsOf = Callable[["array[int]"], Fields]


class Numbering(Protocol):
    """Under which numbers of a scan the values of fields are."""

    def __len__(self) -> int:
        """How many keys there are, each below another one counted anew."""

    def of(self, path: str) -> list[Numbered]:
        """Return the numbers under which a path's values are."""

    def written_out(self) -> Mapping[str, list[Numbered]]:
        """Return the numbers of every path that has values."""

    def read_of(self, number: int) -> Read | None:
        """Return what makes a field's texts of those under a number; None: they are the same."""


class NumberedFields:
    """Fields whose values stand in the lines, each under its numbers."""

    def __init__(self, scan: Scan, numbering: Numbering, row_of: array[int]) -> None:
        self._scan = scan
        self._numbering = numbering
        self._row_of = row_of
        self._columns: dict[int, Column] = {}

    @property
    def keys(self) -> int:
        """How many keys there are, each below another one counted anew."""
        return len(self._numbering)

    @cached_property
    def paths(self) -> Collection[str]:
        """All paths at which anything stands."""
        return self._numbering.written_out().keys()

    def parts(self, path: str, wanted: int | None) -> Iterator[Column]:
        """Yield columns of the rows `wanted`, or of more; see `Fields.parts`."""
        for number, _ in self._numbering.of(path):
            column = self._columns.get(number)
            if column is None:
                column = self._column(number, wanted)
            if len(column):
                yield column

    def others(self, path: str) -> Iterator[list[tuple[int, bytes]]]:
        """Yield rows with a list or a fraction at a path, in rising order, and its JSON."""
        for number, has_others in self._numbering.of(path):
            if has_others:
                yield self._column(number, None).others

    def _column(self, number: int, wanted: int | None) -> Column:
        read = self._numbering.read_of(number)
        if wanted is None:
            column = self._columns[number] = self._scan.column(number, self._row_of, None, read)
            return column
        some = wanted.to_bytes(wanted.bit_length() + 7 >> 3, "little")
        return self._scan.column(number, self._row_of, some, read)


class ScannedLines:
    """The lines of one scan, and the rows that they are.

    `fields_of` gives their fields, else they are the scan's paths. `is_literal` says that each of
    their values stands in its line as it is, but for the braces of a GUID.
    """

    def __init__(
        self,
        scan: Scan,
        row_of: array[int] | None = None,
        fields_of: FieldsOf | None = None,
        *,
        is_literal: bool = True,
    ) -> None:
        self.scan = scan
        self.is_literal = is_literal
        self._fields_of = fields_of
        #: The row of each line, -1 where it has none.
        self.row_of = array("i", [-1]) * len(scan) if row_of is None else row_of

    @property
    def has_own_fields(self) -> bool:
        """Whether their fields are others than the scan's paths."""
        return self._fields_of is not None

    @property
    def fields(self) -> Fields:
        """The fields of these lines; what is known of them is kept in what is given."""
        if self._fields_of is not None:
            return self._fields_of(self.row_of)
        return NumberedFields(self.scan, self.scan.paths, self.row_of)

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
        return ScannedLines(self.scan, moved, self._fields_of, is_literal=self.is_literal)
