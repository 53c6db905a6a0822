"""Sets of characters as ranges of code points, and how letter case widens them.

Takes and gives tuples of disjoint, rising, inclusive ranges. Never looks at a pattern.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sigma2hive.model.folding import folding_table

#: Inclusive ranges of code points, disjoint and in rising order.
CharSet = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
NONE: CharSet = ()
EVERY: CharSet = ((0, LAST),)
ASCII: CharSet = ((0, 127),)
BEYOND_ASCII: CharSet = ((128, LAST),)
DIGITS: CharSet = ((48, 57),)
WORDS: CharSet = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACES: CharSet = ((9, 13), (32, 32))
NEWLINE: CharSet = ((10, 10),)
#: What JSON's numbers are written with: digits, + - . E e.
NUMERIC: CharSet = ((43, 43), (45, 46), (48, 57), (69, 69), (101, 101))


def union(*sets: Iterable[tuple[int, int]]) -> CharSet:
    """Return what is in any of the sets."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pair for ranges in sets for pair in ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(chars: CharSet) -> CharSet:
    """Return every code point that is not in the set."""
    gaps: list[tuple[int, int]] = []
    start = 0
    for low, high in chars:
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        gaps.append((start, LAST))
    return tuple(gaps)


def intersection(first: CharSet, second: CharSet) -> CharSet:
    """Return what is in both sets."""
    return complement(union(complement(first), complement(second)))


def single(chars: CharSet) -> int | None:
    """Return the only code point of the set, None where it has none or several."""
    return chars[0][0] if len(chars) == 1 and chars[0][0] == chars[0][1] else None


def with_ascii_case(chars: CharSet) -> CharSet:
    """Return the set with the other case of each of its ASCII letters."""
    upper = intersection(chars, ((65, 90),))
    lower = intersection(chars, ((97, 122),))
    return union(
        chars,
        ((low + 32, high + 32) for low, high in upper),
        ((low - 32, high - 32) for low, high in lower),
    )


def same_letters(char: str) -> CharSet:
    """Return every character that folds to what `char` folds to: its letter in all cases."""
    code = ord(char)
    target = folding_table().get(code, code)
    return union((code, code) for code in (target, *_sources().get(target, ())))


@cache
def _sources() -> dict[int, tuple[int, ...]]:
    sources: dict[int, tuple[int, ...]] = {}
    for source, target in folding_table().items():
        sources[target] = (*sources.get(target, ()), source)
    return sources
