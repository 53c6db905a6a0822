"""One field of a batch: its values from the columns, and the rows of the tests that they meet.

Takes the numbered tests of a field, then columns; adds the rows of each test that is met. Knows
what the field is made of: paths below a prefix, or parts that a derived field is put together from.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence

from sigma2hive.engine.columns import Columns, Piece, Rows, mask_of, rows_of
from sigma2hive.engine.predicates import predicate_of
from sigma2hive.engine.program import FieldTests
from sigma2hive.engine.values import FieldMatcher
from sigma2hive.engine.whole import WholeSearch, is_searched_whole
from sigma2hive.model.fields import EVERY_FIELD, Derived, Field


class FieldReader:
    """The tests of one field on batches."""

    def __init__(self, tests: FieldTests) -> None:
        self._field = tests.field
        self._presence = tests.presence
        self._gates = tuple(tests.gates)
        #: Tests that are decided value by value, by their numbers.
        self.later = tests.later
        self._matcher = FieldMatcher(tests) if tests.is_looked_up else None
        self._whole = _whole_search(tests)

    def wanted(self, gates: Sequence[int]) -> int:
        """Return the rows of which any rule wants to look this field up."""
        wanted = 0
        if self._matcher is not None or self._presence is not None:
            for gate in self._gates:
                wanted |= gates[gate]
        return wanted

    def look(self, columns: Columns, wanted: int, met: dict[int, int]) -> None:
        """Add to `met` the rows of all tests that are met among `wanted`, and maybe others."""
        if self._whole is not None and self._matcher is not None:
            _look_at_whole(self._whole, self._matcher, columns, wanted, met)
            return
        pieces = _pieces_of(self._field, columns, wanted)
        if self._presence is not None and pieces:
            there = 0
            for piece in pieces:
                there |= piece.rows.mask
            met[self._presence] = there
        if self._matcher is None:
            return
        cells = [set(piece.cells) for piece in pieces]
        found = self._matcher.met_by(set().union(*cells))
        if not found:
            return
        for value, mask in _masks(zip(pieces, cells, strict=True), found.keys()):
            for number in found[value]:
                met[number] = met.get(number, 0) | mask

    def rows_with(self, number: int, columns: Columns, among: int) -> int:
        """Return the rows `among` these with a value that meets a test of `later`."""
        predicate = predicate_of(self.later[number], self._field.type)
        rows: list[int] = []
        decided: dict[str, bool] = {}
        for piece in _pieces_of(self._field, columns, among):
            for row, cell in _cells_of(piece, among):
                is_met = decided.get(cell)
                if is_met is None:
                    is_met = decided[cell] = predicate(cell)
                if is_met:
                    rows.append(row)
        rows.sort()
        return mask_of(rows) & among


def _whole_search(tests: FieldTests) -> WholeSearch | None:
    """Return a search of whole documents, where it can stand before taking them apart."""
    if tests.field.path != EVERY_FIELD or tests.presence is not None:
        return None
    if tests.equal or tests.numbers or not is_searched_whole(tests.needles):
        return None
    return WholeSearch(tests.needles)


def _look_at_whole(
    search: WholeSearch, matcher: FieldMatcher, columns: Columns, wanted: int, met: dict[int, int]
) -> None:
    """Add the rows of which any value meets a test, where a test asks for all values."""
    for row in search.rows_in(columns.documents, rows_of(wanted)):
        texts = {text for found in columns.values_of(row).values() for text in found}
        for numbers in matcher.met_by(texts).values():
            for number in numbers:
                met[number] = met.get(number, 0) | 1 << row


def _pieces_of(field: Field, columns: Columns, wanted: int) -> Sequence[Piece]:
    if field.derived is not None:
        return _derived(field.derived, columns, wanted)
    if field.below is not None:
        return columns.below(field.below, wanted)
    return columns.of(field.path, wanted)


def _cells_of(piece: Piece, among: int) -> Iterator[tuple[int, str]]:
    """Yield row and text of some rows; of few without passing over all."""
    numbers, cells = piece.rows.numbers, piece.cells
    mask = piece.rows.mask
    there = mask & among
    if there == mask:
        yield from zip(numbers, cells, strict=True)
        return
    for row in rows_of(there):
        position = bisect_left(numbers, row)
        while position < len(numbers) and numbers[position] == row:
            yield row, cells[position]
            position += 1


def _masks(
    pieces: Iterable[tuple[Piece, set[str]]], values: Collection[str]
) -> Iterator[tuple[str, int]]:
    """Yield value and rows for the `values` that stand in pieces, each with its distinct cells."""
    rows: dict[str, list[int]] = {}
    for piece, distinct in pieces:
        if distinct.isdisjoint(values):
            continue
        if len(distinct) == 1:
            yield piece.cells[0], piece.rows.mask
            continue
        for row, cell in zip(piece.rows.numbers, piece.cells, strict=True):
            if cell in values:
                rows.setdefault(cell, []).append(row)
    for value, numbers in rows.items():
        numbers.sort()
        yield value, mask_of(numbers)


def _derived(derived: Derived, columns: Columns, wanted: int) -> Sequence[Piece]:
    """Put a derived field together, once for each combination of the values it is made of."""
    paths = list(
        dict.fromkeys(path for part in derived.parts for path in (part.path, *part.only_if))
    )
    by_row = [columns.by_row(path, wanted) for path in paths]
    made: dict[tuple[tuple[str, ...], ...], tuple[str, ...]] = {}
    numbers: list[int] = []
    cells: list[str] = []
    for row in sorted(set().union(*by_row)):
        values = tuple(texts.get(row, ()) for texts in by_row)
        texts = made.get(values)
        if texts is None:
            there = {path: found for path, found in zip(paths, values, strict=True) if found}
            texts = made[values] = derived.values_of(there)
        numbers.extend([row] * len(texts))
        cells.extend(texts)
    return [Piece(Rows(numbers), cells)] if numbers else []
