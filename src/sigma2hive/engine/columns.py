"""Documents turned into columns: for each field path, which rows hold which texts.

Takes parsed JSON objects, or values that are flat already; gives pieces of columns, in which the
engine looks at each distinct value once. Work is done for the paths that are asked for: documents
of one shape are read together, and an object inside is opened when a path leads into it.

What a path holds is what `sigma2hive.model.values.flatten` says, and tests hold both together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from sigma2hive.engine.pieces import Piece, Rows
from sigma2hive.engine.scanned import FEW_OF, AnyPiece, ScannedColumns
from sigma2hive.model.bitmaps import rows_of
from sigma2hive.model.json_numbers import LARGEST_PLAIN_FRACTION
from sigma2hive.model.values import Values, canonical_text, flatten
from sigma2hive.native import ScannedLines

_ONLY_TEXT = frozenset((str,))
_SCALARS = frozenset((str, int, float, bool, type(None)))


class _Alike(NamedTuple):
    """Documents with the same keys, in their rows' order; they stand at paths that begin with `at`.

    Where cells can be read: the key of a path is what follows `at`.
    """

    rows: Rows
    documents: Sequence[Mapping[str, Any]]
    at: str

    def cells(self, path: str) -> list[Any]:
        """Return what stands at a path of theirs."""
        return list(map(itemgetter(path[len(self.at) :]), self.documents))

    def some(self, path: str, wanted: int) -> Piece | None:
        """Return a piece for few rows of many, where they have nothing but texts."""
        if wanted.bit_count() > len(self.documents) // FEW_OF:
            return None
        numbers, documents, key = self.rows.numbers, self.documents, path[len(self.at) :]
        rows = list(rows_of(wanted))
        cells = [documents[bisect_left(numbers, row)][key] for row in rows]
        return Piece(Rows(rows), cells) if set(map(type, cells)) == _ONLY_TEXT else None


class Columns:
    """The columns of some documents.

    `documents` have JSON values, or tuples of canonical texts as `Event.values` has. `values_of`
    returns the values of one of them, by its row, with every digit
    of its numbers: a fast reader may have rounded large ones. `raw_of` returns the line of JSON
    that a document is, or was made of where it is a raw Windows event in `Event`; None where there
    is none. Rows of `scanned` lines have no document: any stands in its place.
    """

    def __init__(
        self,
        documents: Sequence[Mapping[str, Any]],
        values_of: Callable[[int], Values] | None = None,
        raw_of: Callable[[int], bytes | None] | None = None,
        scanned: Sequence[ScannedLines] = (),
    ) -> None:
        self.size = len(documents)
        self.documents = documents
        self._scanned = [ScannedColumns(lines, self.size) for lines in scanned]
        self.values_of = values_of or (lambda row: flatten(documents[row]))
        self.raw_of = raw_of
        self._unread: dict[str, list[_Alike]] = {}
        self._pieces: dict[str, list[Piece]] = {}
        #: Rows that are scanned lines.
        self._of_scans = {row for lines in scanned for row in lines.rows}
        rows = self._not_scanned()
        if len(rows) < self.size:
            documents = [documents[row] for row in rows]
        self._sort("", rows, documents)

    def _not_scanned(self) -> Sequence[int]:
        """Return the rows that have documents."""
        there = self._of_scans
        if not there:
            return range(self.size)
        return (
            [row for row in range(self.size) if row not in there] if len(there) < self.size else ()
        )

    @property
    def scans(self) -> Iterator[tuple[ScannedLines, int]]:
        """The lines that were scanned together, and the rows that they are, as a bitmap."""
        return ((scanned.lines, scanned.rows) for scanned in self._scanned)

    def document_of(self, row: int) -> Mapping[str, Any]:
        """Return the document of a row; of a scanned line it is made anew."""
        if row in self._of_scans:
            return self.values_of(row)
        return self.documents[row]

    @property
    def every(self) -> int:
        """All rows, as a bitmap."""
        return (1 << self.size) - 1

    def of(self, path: str, wanted: int) -> list[AnyPiece]:
        """Return what stands at a field path in the rows `wanted`, and maybe in others."""
        dot = path.find(".")
        while dot >= 0:
            self._take_others(path[:dot])
            self._read(path[:dot], wanted)
            dot = path.find(".", dot + 1)
        self._take_others(path)
        some = self._read(path, wanted, may_be_some=True)
        there = self._pieces.get(path, ())
        return [
            *some,
            *(piece for piece in there if piece.rows.mask & wanted),
            *self._of_scanned(path, wanted),
        ]

    def below(self, prefix: str, wanted: int) -> list[AnyPiece]:
        """Return what stands at any path that begins with `prefix`."""
        # What is taken out of columns may have to be read with the documents.
        of_scanned = [
            piece
            for scanned in self._scanned
            for piece in self._below_scanned(scanned, prefix, wanted & scanned.rows)
        ]
        return [*self._below_documents(prefix, wanted), *of_scanned]

    def _below_scanned(
        self, scanned: ScannedColumns, prefix: str, wanted: int
    ) -> Iterator[AnyPiece]:
        if wanted.bit_count() <= scanned.keys:
            # Fewer lines than there are columns, of which lines of others may have any number.
            piece = self._below_lines(prefix, wanted)
            if piece.cells:
                yield piece
            return
        for path in scanned.paths:
            if path.startswith(prefix) or prefix.startswith(f"{path}."):
                self._take_others_of(scanned, path)
        for path in scanned.paths:
            if path.startswith(prefix):
                yield from scanned.pieces(path, wanted)

    def _below_lines(self, prefix: str, wanted: int) -> Piece:
        numbers: list[int] = []
        cells: list[str] = []
        for row in rows_of(wanted):
            for path, texts in self.values_of(row).items():
                if path.startswith(prefix):
                    numbers.extend([row] * len(texts))
                    cells.extend(texts)
        return Piece(Rows(numbers), cells)

    def _of_scanned(self, path: str, wanted: int) -> Iterator[AnyPiece]:
        for scanned in self._scanned:
            yield from scanned.pieces(path, wanted)

    def _take_others(self, path: str) -> None:
        for scanned in self._scanned:
            self._take_others_of(scanned, path)

    def _take_others_of(self, scanned: ScannedColumns, path: str) -> None:
        """Take lists and fractions of scanned lines, which are JSON still."""
        for rows, raws in scanned.others(path):
            self._take(path, Rows(rows), list(map(orjson.loads, raws)))

    def _below_documents(self, prefix: str, wanted: int) -> list[Piece]:
        # An object that is read adds to what is unread, also where all was read before.
        while unread := [
            path
            for path in self._unread
            if (path.startswith(prefix) or prefix.startswith(f"{path}."))
            and self._is_unread(path, wanted)
        ]:
            for path in unread:
                self._read(path, wanted)
        return [
            piece
            for path, pieces in self._pieces.items()
            if path.startswith(prefix)
            for piece in pieces
            if piece.rows.mask & wanted
        ]

    def _is_unread(self, path: str, wanted: int) -> bool:
        return any(source.rows.mask & wanted for source in self._unread[path])

    def by_row(self, path: str, wanted: int) -> dict[int, tuple[str, ...]]:
        """Return row → texts at the path, in the order of the document, for the rows `wanted`."""
        found: dict[int, tuple[str, ...]] = {}
        torn: set[int] = set()
        for piece in self.of(path, wanted):
            numbers, cells = piece.rows.numbers, piece.cells
            here: dict[int, tuple[str, ...]] = dict(zip(numbers, zip(cells), strict=True))
            if len(here) < len(numbers):
                here = _together(numbers, cells)
            torn.update(found.keys() & here.keys())
            found.update(here)
        for row in torn:
            # Dotted and nested keys of one document: only it knows which came first.
            found[row] = self.values_of(row)[path]
        return found

    def _sort(
        self, prefix: str, rows: Iterable[int], documents: Iterable[Mapping[str, Any]]
    ) -> None:
        """Put documents with the same keys together: sources of columns that were not read yet."""
        documents = list(documents)
        shapes: dict[tuple[str, ...], int] = {}
        # Without a step of Python's a document: its shape's number is that of the first like it.
        numbers = list(map(shapes.setdefault, map(tuple, documents), count()))
        alike: dict[int, tuple[list[int], list[Mapping[str, Any]]]] = {
            number: ([], []) for number in shapes.values()
        }
        for number, row, document in zip(numbers, rows, documents, strict=True):
            of_rows, of_documents = alike[number]
            of_rows.append(row)
            of_documents.append(document)
        unread = self._unread
        for shape, number in shapes.items():
            source = _Alike(Rows(alike[number][0]), alike[number][1], prefix)
            for key in shape:
                sources = unread.get(prefix + key)
                if sources is None:
                    unread[prefix + key] = [source]
                else:
                    sources.append(source)

    def _read(self, path: str, wanted: int, *, may_be_some: bool = False) -> list[Piece]:
        """Make pieces of the wanted rows at the path; objects become columns below it.

        With `may_be_some`, return pieces for few rows of many, which are not kept.
        """
        some: list[Piece] = []
        sources = self._unread.get(path)
        if not sources:
            return some
        left: list[_Alike] = []
        taken: list[_Alike] = []
        for source in sources:
            there = source.rows.mask & wanted
            if not there:
                left.append(source)
            elif may_be_some and (piece := source.some(path, there)) is not None:
                left.append(source)
                some.append(piece)
            else:
                taken.append(source)
        if taken:
            self._unread[path] = left
        for source in taken:
            self._take(path, source.rows, source.cells(path))
        return some

    def _take(self, path: str, rows: Rows, cells: Sequence[Any]) -> None:
        kinds = set(map(type, cells))
        if kinds == {str}:
            self._add(path, rows, cells)
        elif kinds == {int}:
            self._add(path, rows, list(map(str, cells)))
        elif kinds == {dict}:
            self._sort(f"{path}.", rows.numbers, cells)
        elif kinds == {tuple} and all(len(cell) == 1 for cell in cells):
            self._add(path, rows, [cell[0] for cell in cells])
        elif kinds <= _SCALARS:
            self._take_scalars(path, rows, cells)
        else:
            self._take_any(path, rows, cells)

    def _add(self, path: str, rows: Rows, cells: Sequence[str]) -> None:
        self._pieces.setdefault(path, []).append(Piece(rows, cells))

    def _take_scalars(self, path: str, rows: Rows, cells: Sequence[Any]) -> None:
        if None in cells:
            there = [
                (row, cell)
                for row, cell in zip(rows.numbers, cells, strict=True)
                if cell is not None
            ]
            if not there:
                return
            numbers, cells = zip(*there, strict=True)
            rows = Rows(numbers)
        if any(map(_is_rounded, cells)):
            self._take_any(path, rows, cells)
        else:
            self._add(path, rows, list(map(canonical_text, cells)))

    def _take_any(self, path: str, rows: Rows, cells: Sequence[Any]) -> None:
        numbers: dict[str, list[int]] = {}
        texts: dict[str, list[str]] = {}
        for row, cell in zip(rows.numbers, cells, strict=True):
            for leaf, values in self._values_in(path, row, cell).items():
                numbers.setdefault(leaf, []).extend([row] * len(values))
                texts.setdefault(leaf, []).extend(values)
        for leaf, found_cells in texts.items():
            self._add(leaf, Rows(numbers[leaf]), found_cells)

    def _values_in(self, path: str, row: int, cell: Any) -> Values:
        """Return the values at the path and below it in one document."""
        if isinstance(cell, tuple):
            return {path: cell}
        if type(cell) is list and _ONLY_TEXT.issuperset(map(type, cell)):
            return {path: tuple(cell)} if cell else {}
        if _holds_rounded(cell):
            values = self.values_of(row)
            inside = f"{path}."
            return {
                leaf: texts
                for leaf, texts in values.items()
                if leaf == path or leaf.startswith(inside)
            }
        return flatten({path: cell})


def _together(rows: Sequence[int], cells: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """Return row → all of its texts."""
    found: dict[int, list[str]] = {}
    for row, text in zip(rows, cells, strict=True):
        found.setdefault(row, []).append(text)
    return {row: tuple(texts) for row, texts in found.items()}


def _is_rounded(cell: Any) -> bool:
    return type(cell) is float and abs(cell) >= LARGEST_PLAIN_FRACTION


def _holds_rounded(cell: Any) -> bool:
    """Whether a number in it may have lost digits."""
    stack = [cell]
    while stack:
        part = stack.pop()
        if isinstance(part, Mapping):
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
        elif _is_rounded(part):
            return True
    return False
