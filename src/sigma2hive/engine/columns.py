"""Documents turned into columns: for each field path, which rows hold which texts.

Takes parsed JSON objects, or values that are flat already; gives pieces of columns, in which the
engine looks at each distinct value once. Work is done for the paths that are asked for: documents of
one shape are turned over together, and an object inside is opened when a path leads into it.

What a path holds is what `sigma2hive.model.values.flatten` says, and tests hold both together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sigma2hive.model.json_numbers import LARGEST_PLAIN_FRACTION
from sigma2hive.model.values import Values, canonical_text, flatten

_SCALARS = frozenset((str, int, float, bool, type(None)))


class Rows:
    """Row numbers in rising order, not each once; as a bitmap where that is asked for."""

    __slots__ = ("_mask", "numbers")

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers
        self._mask: int | None = None

    @property
    def mask(self) -> int:
        """Bit n is set where row n is among them."""
        if self._mask is None:
            self._mask = mask_of(self.numbers)
        return self._mask


def mask_of(numbers: Sequence[int]) -> int:
    """Return the bitmap of row numbers, the highest of them last."""
    if len(numbers) == 1:
        return 1 << numbers[0]
    if not numbers:
        return 0
    # Shifting and joining integers would cost their whole length for each row.
    bits = bytearray((numbers[-1] >> 3) + 1)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(bits, "little")


def rows_of(mask: int) -> Iterator[int]:
    """Yield the rows of a bitmap, in rising order."""
    base = 0
    while mask:
        # By words, since taking off single bits of a long integer would be quadratic.
        word = mask & 0xFFFFFFFFFFFFFFFF
        while word:
            lowest = word & -word
            yield base + lowest.bit_length() - 1
            word ^= lowest
        mask >>= 64
        base += 64


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a column: the text at each position of `cells` stands in that position's row."""

    rows: Rows
    cells: Sequence[str]


class Columns:
    """The columns of some documents.

    `documents` have JSON values, or tuples of canonical texts as `Event.values` has. `values_of`
    returns the values of one of them, by its row, with every digit of its numbers: a fast reader
    may have rounded large ones.
    """

    def __init__(
        self,
        documents: Sequence[Mapping[str, Any]],
        values_of: Callable[[int], Values] | None = None,
    ) -> None:
        self.size = len(documents)
        self.values_of = values_of or (lambda row: flatten(documents[row]))
        self._unread: dict[str, list[tuple[Rows, Sequence[Any]]]] = {}
        self._pieces: dict[str, list[Piece]] = {}
        self._turn("", range(self.size), documents)

    def of(self, path: str) -> Sequence[Piece]:
        """Return what stands at a field path; () where no document has it."""
        dot = path.find(".")
        while dot >= 0:
            self._read(path[:dot])
            dot = path.find(".", dot + 1)
        self._read(path)
        return self._pieces.get(path, ())

    def below(self, prefix: str) -> Iterator[Piece]:
        """Yield what stands at any path that begins with `prefix`."""
        while self._unread:
            self._read(next(iter(self._unread)))
        for path, pieces in self._pieces.items():
            if path.startswith(prefix):
                yield from pieces

    def by_row(self, path: str, wanted: int) -> dict[int, tuple[str, ...]]:
        """Return row → texts at the path, in the order of the document, for the rows `wanted`."""
        found: dict[int, tuple[str, ...]] = {}
        torn: set[int] = set()
        for piece in self.of(path):
            if not piece.rows.mask & wanted:
                continue
            here: dict[int, tuple[str, ...]] = {}
            for row, text in zip(piece.rows.numbers, piece.cells, strict=True):
                earlier = here.get(row)
                here[row] = (text,) if earlier is None else (*earlier, text)
            torn.update(found.keys() & here.keys())
            found.update(here)
        for row in torn:
            # Dotted and nested keys of one document: only it knows which came first.
            found[row] = self.values_of(row)[path]
        return found

    def _turn(self, prefix: str, rows: Iterable[int], documents: Iterable[Mapping[str, Any]]) -> None:
        """Turn documents into columns, those with the same keys in the same order together."""
        shapes: dict[tuple[str, ...], tuple[list[int], list[Mapping[str, Any]]]] = {}
        for row, document in zip(rows, documents, strict=True):
            shape = tuple(document)
            alike = shapes.get(shape)
            if alike is None:
                alike = shapes[shape] = ([], [])
            alike[0].append(row)
            alike[1].append(document)
        unread = self._unread
        for shape, (numbers, alike_documents) in shapes.items():
            shared = Rows(numbers)
            turned = zip(*[document.values() for document in alike_documents], strict=True)
            for key, cells in zip(shape, turned, strict=True):
                unread.setdefault(prefix + key, []).append((shared, cells))

    def _read(self, path: str) -> None:
        """Make pieces of what is unread at the path; objects become columns below it."""
        for rows, cells in self._unread.pop(path, ()):
            kinds = set(map(type, cells))
            if kinds == {str}:
                self._add(path, rows, cells)
            elif kinds == {dict}:
                self._turn(f"{path}.", rows.numbers, cells)
            elif kinds == {tuple} and all(len(cell) == 1 for cell in cells):
                self._add(path, rows, [cell[0] for cell in cells])
            elif kinds <= _SCALARS:
                self._read_scalars(path, rows, cells)
            else:
                self._read_any(path, rows, cells)

    def _add(self, path: str, rows: Rows, cells: Sequence[str]) -> None:
        self._pieces.setdefault(path, []).append(Piece(rows, cells))

    def _read_scalars(self, path: str, rows: Rows, cells: Sequence[Any]) -> None:
        if None in cells:
            there = [(row, cell) for row, cell in zip(rows.numbers, cells, strict=True) if cell is not None]
            if not there:
                return
            numbers, cells = zip(*there, strict=True)
            rows = Rows(numbers)
        if any(type(cell) is float and abs(cell) >= LARGEST_PLAIN_FRACTION for cell in cells):
            self._read_any(path, rows, cells)
        else:
            self._add(path, rows, list(map(canonical_text, cells)))

    def _read_any(self, path: str, rows: Rows, cells: Sequence[Any]) -> None:
        numbers: dict[str, list[int]] = {}
        texts: dict[str, list[str]] = {}
        for row, cell in zip(rows.numbers, cells, strict=True):
            if type(cell) is float and abs(cell) >= LARGEST_PLAIN_FRACTION:
                found = {path: self.values_of(row)[path]}
            else:
                found = flatten({path: list(cell) if isinstance(cell, tuple) else cell})
            for leaf, values in found.items():
                numbers.setdefault(leaf, []).extend([row] * len(values))
                texts.setdefault(leaf, []).extend(values)
        for leaf, found_cells in texts.items():
            self._add(leaf, Rows(numbers[leaf]), found_cells)
