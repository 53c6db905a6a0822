"""Keywords over every field: which documents may have one of some texts anywhere.

Takes the texts that values are searched for, then documents; gives the rows that may have one. A
document is searched as one text, its JSON, which costs a fraction of taking it apart; what is found
so has names of fields among it, and is decided by its values then. Where a document's own bytes are
at hand they are searched as they are, unless a character stands in them otherwise than we write it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
from ahocorasick_rs import BytesAhoCorasick, MatchKind

from sigma2hive.engine.needles import EDGE

#: Letters of which a number has none, however it is written.
_LETTERS = frozenset(b"abcdfghijklmnopqrstuvwxyz")
_END = b"\n"
_BRACES = re.compile(rb"[{}]")
#: How JSON may write an ASCII character otherwise than we do, and the key of a raw Windows event,
#: of which a document is made that may have other texts; most lines have none of it.
_OTHERWISE = (rb"\u00", rb"\/", b'"event"')
#: Documents searched at once, and bytes: each text that is found is an object. A larger document is
#: searched alone, piece by piece.
_DOCUMENTS_AT_ONCE = 64
_BYTES_AT_ONCE = 1024 * 1024
_PIECE = 32 * 1024

#: Row → the line that its document was made of, as `Columns` says.
RawOf = Callable[[int], bytes | None]


class WholeSearch:
    """A search for texts in whole documents; `needles` are such that `is_searched_whole`."""

    def __init__(self, needles: Iterable[bytes]) -> None:
        written = {orjson.dumps(_sought(needle).decode())[1:-1].lower() for needle in needles}
        self._texts = _Texts(written)
        self._texts_or_otherwise = _Texts({*written, *_OTHERWISE})

    def rows_in(
        self,
        documents: Sequence[Mapping[str, Any]],
        rows: Sequence[int],
        raw_of: RawOf | None = None,
    ) -> list[int]:
        """Return those of the rows whose document may have one of the texts, in their order."""
        found: list[int] = []
        for start in range(0, len(rows), _DOCUMENTS_AT_ONCE):
            some = rows[start : start + _DOCUMENTS_AT_ONCE]
            raws = [] if raw_of is None else [raw for raw in map(raw_of, some) if raw is not None]
            # Of nearly all documents this is all that is done.
            if len(raws) < len(some) or self._texts_or_otherwise.is_in_any(raws):
                found.extend(self._found(documents, some, raw_of))
        return found

    def _found(
        self, documents: Sequence[Mapping[str, Any]], rows: Iterable[int], raw_of: RawOf | None
    ) -> list[int]:
        found: list[int] = []
        texts: list[tuple[int, bytes]] = []
        for row in rows:
            raw = raw_of(row) if raw_of is not None else None
            if raw is None or _WRITTEN_OTHERWISE.is_in(raw):
                try:
                    raw = orjson.dumps(documents[row], default=dict)  # late ones, too
                except (TypeError, ValueError):
                    # A number or a text that only the careful reader knows how to write.
                    found.append(row)
                    continue
            texts.append((row, raw))
        if texts and self._texts.is_in_any([text for _, text in texts]):
            found.extend(row for row, text in texts if self._texts.is_in(text))
        return sorted(found)


class _Texts:
    """A search for lower-case texts, without a line's end in them, in JSON of any letter case."""

    def __init__(self, texts: Collection[bytes]) -> None:
        # One of several matches that overlap is enough; so asked, the library looks at many bytes
        # at once.
        searched = BytesAhoCorasick(list(texts), matchkind=MatchKind.LeftmostFirst)
        self._find = searched.find_matches_as_indexes
        self._longest = max(map(len, texts), default=0)

    def is_in_any(self, documents: Sequence[bytes]) -> bool:
        """Whether any of the documents has one of the texts in it."""
        joined = _END.join(documents)
        if len(joined) > _BYTES_AT_ONCE:
            return any(map(self.is_in, documents))
        return bool(self._find(joined.lower()))

    def is_in(self, document: bytes) -> bool:
        """Whether the document has one of the texts in it."""
        step = self._longest - 1 + _PIECE
        return any(
            self._find(document[start : start + step].lower())
            for start in range(0, len(document), _PIECE)
        )


_WRITTEN_OTHERWISE = _Texts(_OTHERWISE)


def is_searched_whole(needles: Collection[bytes]) -> bool:
    """Whether a document's JSON surely has a text in it that one of its values has."""
    return bool(needles) and all(
        needle.removeprefix(EDGE).removesuffix(EDGE).isascii()
        and not _LETTERS.isdisjoint(_sought(needle))
        for needle in needles
    )


def _sought(needle: bytes) -> bytes:
    """Return the longest part of a text without braces, which a line may lack around a GUID."""
    return max(_BRACES.split(needle.removeprefix(EDGE).removesuffix(EDGE)), key=len)
