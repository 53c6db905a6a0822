"""All tests of one field on its distinct values at once.

Takes the tests of a field, numbered, that name a text or number to look up; gives for each value
the numbers of those that it meets, or for a scanned column the rows of each. One search finds the
texts of all tests, and only what was found is decided by the tests' own predicates, the ones that
the reference evaluator uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import partial

from sigma2hive.engine.needles import EDGE
from sigma2hive.engine.predicates import predicate_of
from sigma2hive.engine.program import FieldTests
from sigma2hive.engine.searches import NativeSearch, search_for
from sigma2hive.model.scalars import number_of
from sigma2hive.native import Column, FoundTexts

#: What a value meets: numbers of tests.
Met = tuple[int, ...]

#: Values that are remembered, with what they meet; logs repeat themselves.
_MOST_REMEMBERED = 20_000
_LONGEST_REMEMBERED = 512
#: So many bytes are searched while one more value is looked at.
_BYTES_AS_A_VALUE = 30


class FieldMatcher:
    """Decides the tests of one field that are looked up."""

    def __init__(self, tests: FieldTests) -> None:
        self._numbers = tests.numbers
        self._type = tests.field.type
        self._decided = tests.decided
        is_sought = tests.needles or tests.equal
        self._search = search_for(partial(_sought, tests)) if is_sought else None
        self._remembered: dict[str, Met] = {}
        self._unmet: set[str] = set()
        self._decisions: dict[tuple[int, str], bool] = {}
        #: What was done so far, in values looked at.
        self.effort = 0

    def met_by(self, distinct: Set[str]) -> Mapping[str, Met]:
        """Return value → numbers of the tests that it meets, for each that meets any."""
        known = self._remembered.keys() & distinct
        fresh = list(distinct - self._unmet - known)
        met = {value: self._remembered[value] for value in known}
        self.effort += len(distinct)
        if fresh:
            found = self._decide(fresh)
            met.update(found)
            self._remember(fresh, found)
            self.effort += sum(map(len, fresh)) // _BYTES_AS_A_VALUE
        return met

    def met_in(self, column: Column) -> dict[int, int] | None:
        """Return number → rows of the tests that are met in a column, without looking at values.

        None where that cannot be done: then each value is to be looked at.
        """
        search = self._search
        if self._numbers or not isinstance(search, NativeSearch):
            return None
        found = search.of_columns.in_column(column)
        met = self._met_by_texts(column, found, search.numbers)
        if found.odd:
            self._add_odd(column, found.odd, met)
        self.effort += column.distinct + column.size // _BYTES_AS_A_VALUE
        return met

    def _met_by_texts(
        self, column: Column, found: FoundTexts, numbers: Sequence[Sequence[int]]
    ) -> dict[int, int]:
        met: dict[int, int] = {}
        #: Test → texts that were found, where that does not decide it.
        undecided: dict[int, set[int]] = {}
        decided = self._decided
        masks = found.masks(column) if found.texts else ()
        for place, (text, mask) in enumerate(zip(found.texts, masks, strict=True)):
            for number in numbers[text]:
                if number in decided:
                    undecided.setdefault(number, set()).add(place)
                else:
                    met[number] = met.get(number, 0) | mask
        if undecided:
            self._add_decided(column, found, undecided, met)
        return met

    def _add_decided(
        self,
        column: Column,
        found: FoundTexts,
        undecided: Mapping[int, Set[int]],
        met: dict[int, int],
    ) -> None:
        codes_at: dict[int, list[int]] = {place: [] for place in set().union(*undecided.values())}
        for code, place in zip(*found.pairs, strict=True):
            if place in codes_at:
                codes_at[place].append(code)
        for number, places in undecided.items():
            codes = list({code for place in places for code in codes_at[place]})
            values = zip(codes, column.texts_of(codes), strict=True)
            those = [code for code, value in values if self._is_met(number, value)]
            if those:
                met[number] = met.get(number, 0) | column.mask_of(those)

    def _add_odd(self, column: Column, odd: Sequence[int], met: dict[int, int]) -> None:
        """Add what texts meet that only we know how to read."""
        texts = column.texts_of(odd)
        found = self.met_by(set(texts))
        codes: dict[Met, list[int]] = {}
        for code, text in zip(odd, texts, strict=True):
            if text in found:
                codes.setdefault(found[text], []).append(code)
        for numbers, those in codes.items():
            mask = column.mask_of(those)
            for number in numbers:
                met[number] = met.get(number, 0) | mask

    def _remember(self, values: Sequence[str], found: Mapping[str, Met]) -> None:
        if len(self._remembered) + len(self._unmet) > _MOST_REMEMBERED:
            self._remembered.clear()
            self._unmet.clear()
        for value in values:
            if len(value) <= _LONGEST_REMEMBERED:
                if value in found:
                    self._remembered[value] = found[value]
                else:
                    self._unmet.add(value)

    def _decide(self, values: Sequence[str]) -> dict[str, Met]:
        met: dict[str, set[int]] = {}
        if self._numbers:
            self._find_numbers(values, met)
        if self._search is not None:
            for value, numbers in self._search.found_in(values):
                met.setdefault(value, set()).update(numbers)
        if self._decided:
            self._decide_found(met)
        return {value: tuple(sorted(numbers)) for value, numbers in met.items() if numbers}

    def _find_numbers(self, values: Iterable[str], met: dict[str, set[int]]) -> None:
        for value in values:
            number = number_of(value, hexadecimal=self._type.is_numeric)
            if number is not None and number in self._numbers:
                met.setdefault(value, set()).update(self._numbers[number])

    def _decide_found(self, met: Mapping[str, set[int]]) -> None:
        undecided = self._decided.keys()
        for value, numbers in met.items():
            for number in numbers & undecided:
                if not self._is_met(number, value):
                    numbers.discard(number)

    def _is_met(self, number: int, value: str) -> bool:
        """Whether a value meets a test whose text it has; logs repeat themselves."""
        known = self._decisions.get((number, value))
        if known is None:
            known = predicate_of(self._decided[number], self._type)(value)
            if len(value) <= _LONGEST_REMEMBERED:
                if len(self._decisions) >= _MOST_REMEMBERED:
                    self._decisions.clear()
                self._decisions[number, value] = known
        return known


def _sought(tests: FieldTests) -> dict[bytes, Sequence[int]]:
    """Return all texts that are searched for; what is equal has an edge before it and behind."""
    sought: dict[bytes, Sequence[int]] = dict(tests.needles)
    for text, numbers in tests.equal.items():
        whole = EDGE + text.encode("utf-8", "surrogatepass") + EDGE
        sought[whole] = [*sought.get(whole, ()), *numbers]
    return sought
