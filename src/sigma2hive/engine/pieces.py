"""Pieces of columns: texts, and the rows that they stand in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any

from sigma2hive.engine.values import Met
from sigma2hive.model.bitmaps import mask_of


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


class Piece:
    """A part of a column: the text at each position of `cells` stands in that position's row."""

    __slots__ = ("_distinct", "cells", "rows")

    def __init__(self, rows: Rows, cells: Sequence[str]) -> None:
        self.rows = rows
        self.cells = cells
        self._distinct: frozenset[str] | None = None

    @property
    def distinct(self) -> frozenset[str]:
        """Each text once."""
        if self._distinct is None:
            self._distinct = frozenset(self.cells)
        return self._distinct

    def masks_of(self, met: Mapping[str, Met]) -> Iterator[tuple[Met, int]]:
        """Yield rows by what their texts meet, for those that meet anything."""
        distinct = self.distinct
        if len(distinct) == 1:
            (value,) = distinct
            if value in met:
                yield met[value], self.rows.mask
            return
        if distinct.isdisjoint(met):
            return
        rows: dict[Met, list[int]] = {}
        # What many values meet alike is counted together.
        adding = {
            value: rows.setdefault(met[value], []).append
            for value in (met.keys() & distinct if len(met) > len(distinct) else met)
        }
        each: list[Callable[[int], None] | Any] = list(map(adding.get, self.cells))
        for row, add in compress(zip(self.rows.numbers, each, strict=True), each):
            add(row)
        for numbers, of_group in rows.items():
            if of_group:
                of_group.sort()
                yield numbers, mask_of(of_group)
