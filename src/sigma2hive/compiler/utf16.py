"""Lengths as Elasticsearch counts them: in UTF-16, where a character beyond the basic plane is two.

Takes texts; gives lengths and starts of texts. Knows no limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate


def utf16_length(text: str) -> int:
    """Return how many UTF-16 units the text takes."""
    return len(text) if text.isascii() else sum(_units(text))


def utf16_start(text: str, units: int) -> str:
    """Return as many of the text's first characters as fit into so many UTF-16 units."""
    if len(text) * 2 <= units:
        return text
    return text[: sum(end <= units for end in accumulate(_units(text)))]


def _units(text: str) -> Iterable[int]:
    return (2 if ord(char) > 0xFFFF else 1 for char in text)
