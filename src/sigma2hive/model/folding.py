"""Case folding, the same in every evaluator: one code point to one, by a table that we ship.

Takes text, gives text of the same length. Never joins an ASCII and a non-ASCII character: the
Kelvin sign is not "k", as in Elasticsearch's `case_insensitive`. str.lower() and re.IGNORECASE do
both otherwise, and differ between Python versions.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def folding_table() -> dict[int, int]:
    """Return code point → folded code point, without the code points that fold to themselves."""
    text = files("sigma2hive.data").joinpath("folding.txt").read_text(encoding="ascii")
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {int(source, 16): int(target, 16) for source, target in pairs}


def fold(text: str) -> str:
    """Return `text` without letter case; fold(a) == fold(b) is what "case-insensitive" means."""
    # For ASCII, lower() is the table, and much faster.
    return text.lower() if text.isascii() else text.translate(folding_table())
