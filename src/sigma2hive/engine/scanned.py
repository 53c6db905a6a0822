"""Columns of lines that were scanned: pieces whose texts are numbered already.

Takes scanned lines; gives pieces as `sigma2hive.engine.columns` has them, in which rows and texts
are made into Python's objects only where somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import count

from sigma2hive.engine.pieces import Piece, Rows
from sigma2hive.engine.values import Met
from sigma2hive.model.bitmaps import mask_of, rows_of
from sigma2hive.native import Cells, Column, Constants, MadeColumn, Part, ScannedLines

#: So small a part of some documents is read alone.
FEW_OF = 4
#: What was read of some rows serves for a part of them, no smaller than this.
_AS_FEW = 2


class ScannedRows:
    """The rows of a column; see `pieces.Rows`."""

    def __init__(self, column: Column | MadeColumn) -> None:
        self._column = column

    @cached_property
    def mask(self) -> int:
        """Bit n is set where row n is among them."""
        return self._column.mask

    @cached_property
    def numbers(self) -> Sequence[int]:
        """Row numbers in rising order."""
        return self._column.rows


class ScannedPiece:
    """A part of a column; see `pieces.Piece`."""

    def __init__(self, column: Column | MadeColumn) -> None:
        self._column = column
        self.rows = ScannedRows(column)

    @property
    def as_scanned(self) -> Column | None:
        """The column itself, where its texts stand in lines."""
        return self._column if isinstance(self._column, Column) else None

    @cached_property
    def distinct(self) -> frozenset[str]:
        """Each text once."""
        return frozenset(text for text in self._column.texts if text is not None)

    @cached_property
    def cells(self) -> Sequence[str]:
        """The text of each of the rows."""
        return self._column.cells

    def masks_of(self, met: Mapping[str, Met]) -> Iterator[tuple[Met, int]]:
        """Yield rows by what their texts meet, for those that meet anything."""
        if self.distinct.isdisjoint(met):
            return
        number_of: dict[Met, int] = {}
        numbers = count()
        groups: list[int] = []
        for text in self._column.texts:
            of_text = None if text is None else met.get(text)
            if of_text is None:
                groups.append(-1)
                continue
            number = number_of.get(of_text)
            if number is None:
                number = number_of[of_text] = next(numbers)
            groups.append(number)
        masks = self._column.masks(groups, len(number_of))
        yield from zip(number_of, masks, strict=True)


class ConstantPiece:
    """Texts that stand alike in many rows; see `pieces.Piece`."""

    def __init__(self, constants: Constants) -> None:
        self._each = constants.each
        mask = 0
        for _, rows in self._each:
            mask |= rows
        #: Where they stand.
        self.rows = _ConstantRows(mask, self)

    @cached_property
    def distinct(self) -> frozenset[str]:
        """Each text once."""
        return frozenset(text for texts, _ in self._each for text in texts)

    @cached_property
    def both(self) -> tuple[Sequence[int], Sequence[str]]:
        """The rows in rising order, and the text of each."""
        there = sorted(
            ((row, texts) for texts, rows in self._each for row in rows_of(rows)), key=_first
        )
        each = [(row, text) for row, texts in there for text in texts]
        return [row for row, _ in each], [text for _, text in each]

    @property
    def cells(self) -> Sequence[str]:
        """The text of each of the rows."""
        return self.both[1]

    def masks_of(self, met: Mapping[str, Met]) -> Iterator[tuple[Met, int]]:
        """Yield rows by what their texts meet, for those that meet anything."""
        for texts, rows in self._each:
            for text in texts:
                if text in met:
                    yield met[text], rows


def _first(both: tuple[int, tuple[str, ...]]) -> int:
    return both[0]


class _ConstantRows:
    def __init__(self, mask: int, piece: ConstantPiece) -> None:
        self.mask = mask
        self._piece = piece

    @property
    def numbers(self) -> Sequence[int]:
        return self._piece.both[0]


#: A part of a column, however its documents were read.
AnyPiece = Piece | ScannedPiece | ConstantPiece


class ScannedColumns:
    """The columns of some scanned lines in a batch of `size` rows."""

    def __init__(self, lines: ScannedLines, size: int) -> None:
        self.lines = lines
        self._size = size
        self._fields = lines.fields
        self._whole: dict[str, list[AnyPiece]] = {}
        #: The rows of which a path was read last, where not of all, and what stands there.
        self._last: dict[str, tuple[int, list[AnyPiece]]] = {}
        self._told: set[str] = set()

    @property
    def keys(self) -> int:
        """How many keys there are, each below another one counted anew."""
        return self._fields.keys

    @cached_property
    def rows(self) -> int:
        """The rows that the lines are, as a bitmap."""
        return mask_of(self.lines.rows)

    @property
    def paths(self) -> Collection[str]:
        """All paths at which anything may stand: written out, they may be long."""
        return self._fields.paths

    def pieces(self, path: str, wanted: int) -> Sequence[AnyPiece]:
        """Return what stands at a path in the rows `wanted`, and maybe in others; see `others`."""
        pieces = self._whole.get(path)
        if pieces is None:
            if wanted.bit_count() <= self._size // FEW_OF:
                return self._some(path, wanted)
            pieces = self._whole[path] = list(map(_piece, self._fields.parts(path, None)))
        return [piece for piece in pieces if piece.rows.mask & wanted]

    def _some(self, path: str, wanted: int) -> Sequence[AnyPiece]:
        # Rules that are alike ask for the same rows, one after the other.
        rows, pieces = self._last.get(path, (0, []))
        if wanted & ~rows or rows.bit_count() > _AS_FEW * wanted.bit_count():
            pieces = list(map(_piece, self._fields.parts(path, wanted)))
            self._last[path] = wanted, pieces
        return pieces

    def others(self, path: str) -> Iterator[tuple[list[int], list[bytes]]]:
        """Yield rows, and the JSON of lists and fractions at a path in them, when first asked."""
        if path in self._told:
            return
        self._told.add(path)
        for found in self._fields.others(path):
            if found:
                yield [row for row, _ in found], [raw for _, raw in found]


def _piece(part: Part) -> AnyPiece:
    if isinstance(part, Cells):
        return Piece(Rows(part.rows), part.cells)
    return ConstantPiece(part) if isinstance(part, Constants) else ScannedPiece(part)
