"""Case folding, the same in every evaluator: one code point to one, by a table that we ship.

Takes text, gives text of the same length. Never joins an ASCII and a non-ASCII character: the
Kelvin sign is not "k", as in Elasticsearch's `case_insensitive`. str.lower() and re.IGNORECASE do
both otherwise, and differ between Python versions.
"""

from __future__ import annotations

import re
from functools import cache

from sigma2hive.data import SHIPPED

_ASCII = bytes(range(128))
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")


@cache
def folding_table() -> dict[int, int]:
    """Return code point → folded code point, without the code points that fold to themselves."""
    text = SHIPPED.joinpath("folding.txt").read_text(encoding="ascii")
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {int(source, 16): int(target, 16) for source, target in pairs}


def fold(text: str) -> str:
    """Return `text` without letter case; fold(a) == fold(b) is what "case-insensitive" means."""
    # For ASCII, lower() is the table, and much faster.
    return text.lower() if text.isascii() else fold_encoded(text).decode("utf-8", "surrogatepass")


def fold_encoded(text: str) -> bytes:
    """Return the folded text in UTF-8, with lone surrogates as they are."""
    # Of bytes, lower() is for ASCII only; the table is asked for the rest.
    lowered = text.encode("utf-8", "surrogatepass").lower()
    rest = lowered.translate(None, _ASCII)
    # Most long texts have some quotes and dashes, and no letter that the table knows.
    if not rest or _folded_rest(rest) == rest:
        return lowered
    return _BEYOND_ASCII.sub(lambda found: _folded_rest(found.group()), lowered)


def _folded_rest(encoded: bytes) -> bytes:
    text = encoded.decode("utf-8", "surrogatepass").translate(folding_table())
    return text.encode("utf-8", "surrogatepass")
