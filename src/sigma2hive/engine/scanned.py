"""Columns of lines that were scanned: pieces whose texts are numbered already.

Takes scanned lines; gives pieces as `sigma2hive.engine.columns` has them, in which rows and texts
are made into Python's objects only where somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import count

from sigma2hive.engine.bitmaps import mask_of
from sigma2hive.engine.values import Met
from sigma2hive.native import Column, ScannedLines

#: So small a part of some documents is read alone.
FEW_OF = 4


class ScannedRows:
    """The rows of a column; see `columns.Rows`."""

    def __init__(self, column: Column, size: int) -> None:
        self._column = column
        self._size = size

    @cached_property
    def mask(self) -> int:
        """Bit n is set where row n is among them."""
        return self._column.mask(self._size)

    @cached_property
    def numbers(self) -> Sequence[int]:
        """Row numbers in rising order."""
        return self._column.rows


class ScannedPiece:
    """A part of a column; see `columns.Piece`."""

    def __init__(self, column: Column, size: int) -> None:
        self._column = column
        self._size = size
        self.rows = ScannedRows(column, size)

    @cached_property
    def distinct(self) -> frozenset[str]:
        """Each text once."""
        return frozenset(self._column.texts)

    @cached_property
    def cells(self) -> Sequence[str]:
        """The text of each of the rows."""
        return list(map(self._column.texts.__getitem__, self._column.codes))

    def masks_of(self, met: Mapping[str, Met]) -> Iterator[tuple[Met, int]]:
        """Yield rows by what their texts meet, for those that meet anything."""
        if self.distinct.isdisjoint(met):
            return
        number_of: dict[Met, int] = {}
        numbers = count()
        groups: list[int] = []
        for text in self._column.texts:
            of_text = met.get(text)
            if of_text is None:
                groups.append(-1)
                continue
            number = number_of.get(of_text)
            if number is None:
                number = number_of[of_text] = next(numbers)
            groups.append(number)
        masks = self._column.masks(groups, len(number_of), self._size)
        yield from zip(number_of, masks, strict=True)


class ScannedColumns:
    """The columns of some scanned lines in a batch of `size` rows."""

    def __init__(self, lines: ScannedLines, size: int) -> None:
        self._lines = lines
        self._size = size
        self._paths = lines.fields
        self._columns: dict[int, Column] = {}
        self._told: set[str] = set()

    @property
    def keys(self) -> int:
        """How many keys there are, each below another one counted anew."""
        return len(self._paths)

    @cached_property
    def rows(self) -> int:
        """The rows that the lines are, as a bitmap."""
        return mask_of(self._lines.rows)

    @cached_property
    def paths(self) -> Iterable[str]:
        """All paths at which anything stands: written out, they may be long."""
        return self._paths.written_out().keys()

    def pieces(self, path: str, wanted: int) -> Iterator[ScannedPiece]:
        """Yield what stands at a path in the rows `wanted`, and maybe in others; see `others`."""
        for number, _ in self._paths.of(path):
            column = self._columns.get(number)
            if column is None:
                column = self._column(number, wanted)
            if len(column):
                yield ScannedPiece(column, self._size)

    def _column(self, number: int, wanted: int) -> Column:
        if wanted.bit_count() <= self._size // FEW_OF:
            return self._lines.column(number, wanted.to_bytes(self._size + 7 >> 3, "little"))
        column = self._columns[number] = self._lines.column(number)
        return column

    def others(self, path: str) -> Iterator[tuple[list[int], list[bytes]]]:
        """Yield rows, and the JSON of lists and fractions at a path in them, when first asked."""
        if path in self._told:
            return
        self._told.add(path)
        for number, has_others in self._paths.of(path):
            if has_others:
                column = self._columns[number] = self._lines.column(number)
                found = column.others
                if found:
                    yield [row for row, _ in found], [raw for _, raw in found]
