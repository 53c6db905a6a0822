"""One search for the texts of many tests in many values.

Takes folded texts, each with the numbers of the tests that ask for it; gives for values which of
the numbers are found in them. In C where that is there (`native/search.c`), else by Aho-Corasick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

from ahocorasick_rs import BytesAhoCorasick, Implementation

from sigma2hive.engine.needles import EDGE
from sigma2hive.model.folding import fold_encoded
from sigma2hive.native import TextSearch, is_available, text_search

#: Bytes searched at once. Blanks may meet twenty texts at each place, and each is an object.
_SEARCHED_AT_ONCE = 32 * 1024
_SEARCHED_OF_LONG = 4 * 1024
#: Bytes of all texts of a search that counts as small.
_SMALL_SEARCH = 8 * 1024
#: Bytes searched for each byte of the texts after which it pays to make what is searched faster.
_PAYS_AFTER = 100

_TO_SEARCHED = bytes.maketrans(
    bytes(range(ord("A"), ord("Z") + 1)) + b"\0", bytes(range(ord("a"), ord("z") + 1)) + EDGE
)


#: Folded texts, each with the numbers of the tests that ask for it.
Needles = Mapping[bytes, Sequence[int]]


class Search(Protocol):
    """One search for many texts."""

    def found_in(self, values: Sequence[str]) -> Iterator[tuple[str, Sequence[int]]]:
        """Yield (value, numbers of tests), some of them more than once."""


def search_for(needles: Callable[[], Needles]) -> Search:
    """Return a search for texts, which are asked for when a value comes.

    Most fields of all rules are in no event of a batch.
    """
    return NativeSearch(needles) if is_available() else AutomatonSearch(needles)


class NativeSearch:
    """A search in C, which takes columns as they are, too."""

    def __init__(self, needles: Callable[[], Needles]) -> None:
        self._needles = needles
        #: The numbers of the tests that ask for each text.
        self.numbers: Sequence[Sequence[int]] = ()

    @cached_property
    def of_columns(self) -> TextSearch:
        """The search itself, of which texts are numbered as `numbers` are."""
        needles = self._needles()
        self.numbers = list(needles.values())
        search = text_search(list(needles))
        if search is None:
            raise RuntimeError("the native library was there a moment ago")
        return search

    def found_in(self, values: Sequence[str]) -> Iterator[tuple[str, Sequence[int]]]:
        """Yield (value, numbers of tests), none of them more than once."""
        for some, searched in _parted(values):
            found = self.of_columns.in_folded(searched)
            for value, place in zip(*found.pairs, strict=True):
                yield some[value], self.numbers[found.texts[place]]


class AutomatonSearch:
    """A search by Aho-Corasick."""

    def __init__(self, needles: Callable[[], Needles]) -> None:
        self._needles_of = needles
        self._automaton: BytesAhoCorasick | None = None
        self._is_quick = False
        self._searched = 0

    @cached_property
    def _needles(self) -> Needles:
        return self._needles_of()

    @cached_property
    def _numbers(self) -> list[Sequence[int]]:
        return list(self._needles.values())

    @cached_property
    def _size(self) -> int:
        return sum(map(len, self._needles))

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
        for batch in _batches_of(values):
            if len(batch) == 1 and len(batch[0]) > _SEARCHED_AT_ONCE:
                for numbers in self._in_long(batch[0]):
                    yield batch[0], numbers
                continue
            for some, searched in _parted(batch):
                yield from self._in_some(some, searched)

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
        step = _SEARCHED_OF_LONG + max(map(len, self._needles)) - 1
        for start in range(0, len(searched), _SEARCHED_OF_LONG):
            piece = searched[start : start + step]
            found.update(match[0] for match in self._matches_in(piece))
        for needle in found:
            yield self._numbers[needle]


def _parted(values: Sequence[str]) -> Iterator[tuple[Sequence[str], bytes]]:
    """Yield values, and what is searched of them; what is all ASCII is folded at once."""
    plain = [value for value in values if value.isascii() and "\0" not in value]
    if plain:
        yield plain, _plainly_searched(plain)
    if len(plain) < len(values):
        others = [value for value in values if not value.isascii() or "\0" in value]
        yield others, _searched(others)


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
