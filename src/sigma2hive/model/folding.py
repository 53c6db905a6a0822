"""Case folding, the same in every evaluator: one code point to one, by a table that we ship.

Takes text, gives text of the same length. Never joins an ASCII and a non-ASCII character: the
Kelvin sign is not "k", as in Elasticsearch's `case_insensitive`. str.lower() and re.IGNORECASE do
both otherwise, and differ between Python versions.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


@cache
def folding_table() -> dict[int, int]:
    """Return code point → folded code point, without the code points that fold to themselves."""
    text = files("sigma2hive.data").joinpath("folding.txt").read_text(encoding="ascii")
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {int(source, 16): int(target, 16) for source, target in pairs}


def fold(text: str) -> str:
    """Return `text` without letter case; fold(a) == fold(b) is what "case-insensitive" means."""
    # For ASCII, lower() is the table, and much faster.
    if text.isascii():
        return text.lower()
    # Of bytes, lower() is for ASCII only; the table is then asked for the rest.
    lowered = text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    return _BEYOND_ASCII.sub(_fold_beyond_ascii, lowered)


def _fold_beyond_ascii(found: re.Match[str]) -> str:
    return found.group().translate(folding_table())
