"""Keywords over every field: which documents may have one of some texts anywhere.

Takes the texts that values are searched for, then documents; gives the rows that may have one. A
document is searched as one text, its JSON, which costs a fraction of taking it apart; what is found
so has names of fields among it, and is decided by its values then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from ahocorasick_rs import BytesAhoCorasick, Implementation

from sigma2hive.engine.needles import EDGE

#: Letters of which a number has none, however it is written.
_LETTERS = frozenset(b"abcdfghijklmnopqrstuvwxyz")
_END = b"\n"
#: Bytes searched at once; a larger document comes alone. Each text that is found is an object.
_AT_ONCE = 32 * 1024


class WholeSearch:
    """A search for texts in whole documents; `needles` are such that `is_searched_whole`."""

    def __init__(self, needles: Iterable[bytes]) -> None:
        written = {orjson.dumps(_bare(needle).decode("ascii"))[1:-1].lower() for needle in needles}
        self._automaton = BytesAhoCorasick(list(written), implementation=Implementation.DFA)

    def rows_in(self, documents: Sequence[Mapping[str, Any]], rows: Iterable[int]) -> list[int]:
        """Return those of the rows whose document may have one of the texts, in their order."""
        found: list[int] = []
        some: list[int] = []
        texts: list[bytes] = []
        size = 0
        for row in rows:
            try:
                text = orjson.dumps(documents[row])
            except (TypeError, ValueError):
                # A number or a text that only the careful reader knows how to write.
                found.append(row)
                continue
            if size + len(text) > _AT_ONCE:
                found.extend(self._found(some, texts))
                some, texts, size = [], [], 0
            some.append(row)
            texts.append(text)
            size += len(text)
        found.extend(self._found(some, texts))
        return sorted(found)

    def _found(self, rows: Sequence[int], texts: Sequence[bytes]) -> Iterator[int]:
        searched = _END.join(texts).lower()
        position, end = -1, 0
        for _, start, _ in self._automaton.find_matches_as_indexes(searched):
            if start >= end:
                while start >= end:
                    position += 1
                    end += len(texts[position]) + len(_END)
                yield rows[position]


def is_searched_whole(needles: Collection[bytes]) -> bool:
    """Whether a document's JSON surely has a text in it that one of its values has."""
    return bool(needles) and all(
        _bare(needle).isascii() and not _LETTERS.isdisjoint(_bare(needle)) for needle in needles
    )


def _bare(needle: bytes) -> bytes:
    return needle.removeprefix(EDGE).removesuffix(EDGE)
