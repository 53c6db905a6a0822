"""All tests of one field on its distinct values at once.

Takes the tests of a field, numbered, that name a text or number to look up; gives for each value
the numbers of those that it meets. One search finds the texts of all tests (Aho-Corasick), equality
is a dictionary, and only what was found is decided by the tests' own predicates, the ones that the
reference evaluator uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from ahocorasick_rs import BytesAhoCorasick, Implementation

from sigma2hive.engine.needles import EDGE
from sigma2hive.engine.predicates import predicate_of
from sigma2hive.engine.program import FieldTests
from sigma2hive.model.folding import fold, fold_encoded
from sigma2hive.model.scalars import number_of

#: What a value meets: numbers of tests.
Met = tuple[int, ...]

#: Bytes searched at once. Blanks may meet twenty texts at each place, and each is an object.
_SEARCHED_AT_ONCE = 32 * 1024
_SEARCHED_OF_LONG = 4 * 1024
#: Bytes of all texts of a search that counts as small.
_SMALL_SEARCH = 8 * 1024
#: Bytes searched for each byte of the texts after which it pays to make what is searched faster.
_PAYS_AFTER = 100
#: Values that are remembered, with what they meet; logs repeat themselves.
_MOST_REMEMBERED = 20_000
_LONGEST_REMEMBERED = 512
#: So many bytes are searched while one more value is looked at.
_BYTES_AS_A_VALUE = 30

_TO_SEARCHED = bytes.maketrans(
    bytes(range(ord("A"), ord("Z") + 1)) + b"\0", bytes(range(ord("a"), ord("z") + 1)) + EDGE
)


class FieldMatcher:
    """Decides the tests of one field that are looked up."""

    def __init__(self, tests: FieldTests) -> None:
        self._equal = tests.equal
        self._numbers = tests.numbers
        self._type = tests.field.type
        self._decided = tests.decided
        self._search = _Search(tests.needles) if tests.needles else None
        self._remembered: dict[str, Met] = {}
        self._unmet: set[str] = set()
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
        if self._equal:
            self._find_equal(values, met)
        if self._numbers:
            self._find_numbers(values, met)
        if self._search is not None:
            for value, numbers in self._search.found_in(values):
                met.setdefault(value, set()).update(numbers)
        if self._decided:
            self._decide_found(met)
        return {value: tuple(sorted(numbers)) for value, numbers in met.items() if numbers}

    def _find_equal(self, values: Sequence[str], met: dict[str, set[int]]) -> None:
        for value in values:
            numbers = self._equal.get(value.lower() if value.isascii() else fold(value))
            if numbers is not None:
                met.setdefault(value, set()).update(numbers)

    def _find_numbers(self, values: Sequence[str], met: dict[str, set[int]]) -> None:
        for value in values:
            number = number_of(value, hexadecimal=self._type.is_numeric)
            if number is not None and number in self._numbers:
                met.setdefault(value, set()).update(self._numbers[number])

    def _decide_found(self, met: Mapping[str, set[int]]) -> None:
        undecided = self._decided.keys()
        for value, numbers in met.items():
            for number in numbers & undecided:
                if not predicate_of(self._decided[number], self._type)(value):
                    numbers.discard(number)


class _Search:
    """One search for many texts in many values."""

    def __init__(self, needles: Mapping[bytes, Sequence[int]]) -> None:
        self._numbers = list(needles.values())
        self._needles = needles
        self._longest = max(map(len, needles))
        self._size = sum(map(len, needles))
        #: Made when a value comes: most fields of all rules are in no event of a batch.
        self._automaton: BytesAhoCorasick | None = None
        self._is_quick = False
        self._searched = 0

    def _matches_in(self, searched: bytes) -> list[tuple[int, int, int]]:
        """Return (needle, start, end) of each needle that stands there, in the order of the ends.

        What is made in least time is searched for little; a run over few events ends before more
        would pay.
        """
        self._searched += len(searched)
        is_quick = self._searched > self._size * _PAYS_AFTER
        if self._automaton is None or is_quick != self._is_quick:
            self._automaton, self._is_quick = self._made(is_quick), is_quick
        return self._automaton.find_matches_as_indexes(searched, True)

    def _made(self, is_quick: bool) -> BytesAhoCorasick:
        # A table of all steps is twice as fast, while it fits into the processor's cache.
        is_small = self._size <= _SMALL_SEARCH
        quick = Implementation.DFA if is_small else Implementation.ContiguousNFA
        kind = quick if is_quick else Implementation.NoncontiguousNFA
        return BytesAhoCorasick(list(self._needles), implementation=kind)

    def found_in(self, values: Sequence[str]) -> Iterator[tuple[str, Sequence[int]]]:
        """Yield (value, numbers of tests), some of them more than once."""
        # Apart, since what is all ASCII is folded at once.
        plain = [value for value in values if value.isascii() and "\0" not in value]
        others = () if len(plain) == len(values) else set(values).difference(plain)
        for some, write in ((plain, _plainly_searched), (list(others), _searched)):
            for batch in _batches_of(some):
                if len(batch) == 1 and len(batch[0]) > _SEARCHED_AT_ONCE:
                    for numbers in self._in_long(batch[0]):
                        yield batch[0], numbers
                else:
                    yield from self._in_some(batch, write(batch))

    def _in_some(
        self, values: Sequence[str], searched: bytes
    ) -> Iterator[tuple[str, Sequence[int]]]:
        numbers = self._numbers
        find = searched.find
        # Matches come in the order of their ends, so that values are passed over once.
        position, end = 0, find(EDGE, 1) + 1
        seen: set[int] = set()
        for needle, _, match_end in self._matches_in(searched):
            while match_end > end:
                position, end = position + 1, find(EDGE, end) + 1
                seen.clear()
            if needle not in seen:
                seen.add(needle)
                yield values[position], numbers[needle]

    def _in_long(self, value: str) -> Iterator[Sequence[int]]:
        searched = _searched([value])
        found: set[int] = set()
        for start in range(0, len(searched), _SEARCHED_OF_LONG):
            piece = searched[start : start + _SEARCHED_OF_LONG + self._longest - 1]
            found.update(match[0] for match in self._matches_in(piece))
        for needle in found:
            yield self._numbers[needle]


def _batches_of(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values in batches that are searched at once; a long one comes alone."""
    start = size = 0
    for position, value in enumerate(values):
        size += len(value)
        if size > _SEARCHED_AT_ONCE:
            if position > start:
                yield values[start:position]
            start, size = position, len(value)
    if start < len(values):
        yield values[start:]


def _plainly_searched(values: Sequence[str]) -> bytes:
    """Return the folded values one after another, with an edge around each; all are ASCII."""
    return "\0".join(("", *values, "")).encode("ascii").translate(_TO_SEARCHED)


def _searched(values: Sequence[str]) -> bytes:
    return EDGE + EDGE.join(map(fold_encoded, values)) + EDGE
