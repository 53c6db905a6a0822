"""Signs of texts: three bytes of each that are searched for first, in any letter case.

Takes lower-case texts; gives parts of them that stand in few others, and how those may be written.
Few signs are searched for many times as fast as many long texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

#: Bytes of a sign. The library compares so many of all signs at once, sixteen places a step.
_LENGTH = 3
#: So many signs it compares in this way.
MOST_SIGNS = 100
#: What is common in logs, the quotes and blanks of JSON and frequent letters first.
_COMMON = frozenset(rb" \"etaoinsrl")
_BETWEEN = frozenset(b".-_/0123")


def sign(text: bytes) -> bytes:
    """Return a part of a lower-case text that is written in few ways and stands in few others."""
    parts = [text[start : start + _LENGTH] for start in range(max(1, len(text) - _LENGTH + 1))]
    return min(parts, key=lambda part: sum(map(_commonness, part)))


def _commonness(character: int) -> int:
    if character in _COMMON:
        return 4
    return 3 if chr(character).isalpha() else 1 + (character in _BETWEEN)


def variants(text: bytes) -> Iterator[bytes]:
    """Yield a lower-case text in all letter cases."""
    each = [text[at : at + 1] for at in range(len(text))]
    return map(b"".join, product(*({byte, byte.upper()} for byte in each)))
