"""One field of a batch: its values from the columns, and the rows of the tests that they meet.

Takes the numbered tests of a field, then columns; adds the rows of each test that is met. Knows
what the field is made of: paths below a prefix, or parts that a derived field is put together from.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

from sigma2hive.engine.columns import Columns
from sigma2hive.engine.needles import needed_characters
from sigma2hive.engine.pieces import Piece, Rows
from sigma2hive.engine.predicates import predicate_of
from sigma2hive.engine.program import FieldTests
from sigma2hive.engine.scanned import AnyPiece, ScannedPiece
from sigma2hive.engine.values import FieldMatcher
from sigma2hive.engine.whole import WholeSearch, is_searched_whole
from sigma2hive.model.bitmaps import mask_of, rows_of
from sigma2hive.model.fields import EVERY_FIELD, Derived, Field
from sigma2hive.native import Column

#: Where a column has no more than so many times the rows that are asked for, it is gone through.
_MORE_THAN_ASKED = 2


class FieldReader:
    """The tests of one field on batches."""

    def __init__(self, tests: FieldTests) -> None:
        self._field = tests.field
        self._presence = tests.presence
        #: Tests that are decided value by value, by their numbers.
        self.later = tests.later
        #: The gates of the rules that ask anything here.
        self.gates = tests.gates
        self._matcher = FieldMatcher(tests) if tests.is_looked_up else None
        self._whole = _whole_search(tests)
        self._rows = 0
        self._effort = _guess(tests)

    @property
    def cost(self) -> float:
        """What it costs to look the field up in one row, compared with others."""
        if self._field.path == EVERY_FIELD:
            return float("inf")
        return self._effort / max(self._rows, 1)

    def look(self, columns: Columns, wanted: int) -> dict[int, int]:
        """Return number → rows, `wanted` ones and maybe others, of all tests that are met there."""
        if self._whole is not None and self._matcher is not None:
            return _look_at_whole(self._whole, self._matcher, columns, wanted)
        met: dict[int, int] = {}
        pieces = _pieces_of(self._field, columns, wanted)
        if self._presence is not None and pieces:
            there = 0
            for piece in pieces:
                there |= piece.rows.mask
            met[self._presence] = there
        if self._matcher is None or not pieces:
            return met
        _add_met(self._matcher, pieces, met)
        self._rows += wanted.bit_count()
        self._effort = self._matcher.effort
        return met

    def is_there(self, columns: Columns, wanted: int) -> bool:
        """Whether any of the rows has a value of the field."""
        return bool(_pieces_of(self._field, columns, wanted))

    def rows_with(self, number: int, columns: Columns, among: int) -> int:
        """Return the rows `among` these with a value that meets a test of `later`."""
        is_met = self._decision(number)
        rows: list[int] = []
        mask = 0
        for piece in _pieces_of(self._field, columns, among):
            column = piece.as_scanned if isinstance(piece, ScannedPiece) else None
            if column is not None and len(column) <= _MORE_THAN_ASKED * among.bit_count():
                codes = [code for code in _codes_of(column, among) if is_met(column.texts[code])]
                mask |= column.mask_of(codes) if codes else 0
            else:
                rows.extend(row for row, cell in _cells_of(piece, among) if is_met(cell))
        rows.sort()
        return (mask | mask_of(rows)) & among

    def _decision(self, number: int) -> Callable[[str], bool]:
        """Return what decides a test of `later`, each text once."""
        test = self.later[number]
        predicate, needed = predicate_of(test, self._field.type), needed_characters(test)
        decided: dict[str, bool] = {}

        def is_met(text: str) -> bool:
            known = decided.get(text)
            if known is None:
                may_be = not needed or any(character in text for character in needed)
                known = decided[text] = may_be and predicate(text)
            return known

        return is_met


def _add_met(matcher: FieldMatcher, pieces: Iterable[AnyPiece], met: dict[int, int]) -> None:
    """Add the rows of the tests that are met in some pieces."""
    others: list[AnyPiece] = []
    for piece in pieces:
        column = piece.as_scanned if isinstance(piece, ScannedPiece) else None
        found = None if column is None else matcher.met_in(column)
        if found is None:
            others.append(piece)
            continue
        for number, mask in found.items():
            met[number] = met.get(number, 0) | mask
    by_value = matcher.met_by(set().union(*(piece.distinct for piece in others))) if others else {}
    for piece in others if by_value else ():
        for numbers, mask in piece.masks_of(by_value):
            for number in numbers:
                met[number] = met.get(number, 0) | mask


def _whole_search(tests: FieldTests) -> WholeSearch | None:
    """Return a search of whole documents, where it can stand before taking them apart."""
    if tests.field.path != EVERY_FIELD or tests.presence is not None:
        return None
    if tests.equal or tests.numbers or not is_searched_whole(tests.needles):
        return None
    return WholeSearch(tests.needles)


def _guess(tests: FieldTests) -> int:
    """Return what a row may cost before any was seen: fields that are asked for much are long."""
    return sum(map(len, tests.needles)) + 1


def _look_at_whole(
    search: WholeSearch, matcher: FieldMatcher, columns: Columns, wanted: int
) -> dict[int, int]:
    """Return the rows of which any value meets a test, where a test asks for all values."""
    met: dict[int, int] = {}
    for row in search.rows_in(columns, wanted):
        texts = {text for found in columns.values_of(row).values() for text in found}
        for numbers in matcher.met_by(texts).values():
            for number in numbers:
                met[number] = met.get(number, 0) | 1 << row
    return met


def _pieces_of(field: Field, columns: Columns, wanted: int) -> Sequence[AnyPiece]:
    if field.derived is not None:
        return _derived(field.derived, columns, wanted)
    if field.below is not None:
        return columns.below(field.below, wanted)
    return columns.of(field.path, wanted)


def _cells_of(piece: AnyPiece, among: int) -> Iterator[tuple[int, str]]:
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


def _codes_of(column: Column, among: int) -> Iterable[int]:
    """Return the numbers of the texts of some rows, and of no others.

    A text may take long, or be given up: nobody is to wait for one that was not asked for.
    """
    if not column.mask & ~among:
        return range(column.distinct)
    rows = set(rows_of(among))
    return {code for row, code in zip(column.rows, column.codes, strict=True) if row in rows}


def _derived(derived: Derived, columns: Columns, wanted: int) -> Sequence[AnyPiece]:
    """Put a derived field together, once for each combination of the values it is made of."""
    paths = list(
        dict.fromkeys(path for part in derived.parts for path in (part.path, *part.only_if))
    )
    by_row = [columns.by_row(path, wanted) for path in paths]
    made: dict[tuple[tuple[str, ...], ...], tuple[str, ...]] = {}
    numbers: list[int] = []
    cells: list[str] = []
    for row in sorted(set().union(*by_row)):
        values = tuple([texts.get(row, ()) for texts in by_row])  # quicker than a generator
        texts = made.get(values)
        if texts is None:
            there = {path: found for path, found in zip(paths, values, strict=True) if found}
            texts = made[values] = derived.values_of(there)
        numbers.extend([row] * len(texts))
        cells.extend(texts)
    return [Piece(Rows(numbers), cells)] if numbers else []
