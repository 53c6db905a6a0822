"""Keywords over every field: which documents may have one of some texts anywhere.

Takes the texts that values are searched for, then documents; gives the rows that may have one. A
document is searched as one text, its JSON, which costs a fraction of taking it apart; what is found
so has names of fields among it, and is decided by its values then. Where a document's own bytes are
at hand they are searched as they are, unless a character stands in them otherwise than we write it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import compress, count
from typing import Any

import orjson
from ahocorasick_rs import BytesAhoCorasick, MatchKind

from sigma2hive.engine.columns import Columns
from sigma2hive.engine.needles import EDGE
from sigma2hive.engine.signs import MOST_SIGNS, sign, variants
from sigma2hive.model.bitmaps import rows_of
from sigma2hive.native import ScannedLines

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
#: Where one row in so many is asked for, all lines of a scan are searched.
_PART_OF = 8


class WholeSearch:
    """A search for texts in whole documents; `needles` are such that `is_searched_whole`."""

    def __init__(self, needles: Iterable[bytes]) -> None:
        written = {orjson.dumps(_sought(needle).decode())[1:-1].lower() for needle in needles}
        self._texts = _Texts(written)
        self._texts_or_otherwise = _Texts({*written, *_OTHERWISE})

    def rows_in(self, columns: Columns, wanted: int) -> list[int]:
        """Return those of the rows `wanted` whose document may have one of the texts, in order."""
        found: list[int] = []
        for lines, there in columns.scans:
            # All lines as they stand are searched in less time than some of them are taken out.
            if lines.is_literal and _PART_OF * wanted.bit_count() >= there.bit_count():
                found.extend(self._found_in_lines(lines, wanted & there))
                wanted &= ~there
        rows = range(columns.size) if wanted == columns.every else list(rows_of(wanted))
        raw_of = columns.raw_of
        for start in range(0, len(rows), _DOCUMENTS_AT_ONCE):
            some = rows[start : start + _DOCUMENTS_AT_ONCE]
            raws = [] if raw_of is None else [raw for raw in map(raw_of, some) if raw is not None]
            # Of nearly all documents this is all that is done.
            if len(raws) < len(some) or self._texts_or_otherwise.is_in_any(raws):
                found.extend(self._found(columns, some))
        return sorted(found)

    def _found_in_lines(self, lines: ScannedLines, wanted: int) -> Iterator[int]:
        row_of, scan = lines.row_of, lines.scan
        odd = set(compress(count(), scan.odd))
        near = [
            number
            for number in odd.union(self._near(lines))
            if (row := row_of[number]) >= 0 and wanted >> row & 1
        ]
        raws = [
            _written_anew(scan.line(number)) if number in odd else scan.line(number)
            for number in near
        ]
        if raws and self._texts.is_in_any(raws):
            for number, raw in zip(near, raws, strict=True):
                if self._texts.is_in(raw):
                    yield row_of[number]

    def _near(self, lines: ScannedLines) -> Iterator[int]:
        """Yield lines in which a text may be, some more than once."""
        scan = lines.scan
        starts = scan.starts
        ends = [*starts[1:], scan.end]
        text = memoryview(scan.text)
        first = 0
        while first < len(starts):
            # At least one line, and as many as may be searched at once.
            after = max(first + 1, bisect_right(ends, starts[first] + _BYTES_AT_ONCE))
            at, end = starts[first], ends[after - 1]
            if end - at > _BYTES_AT_ONCE:
                yield first  # searched alone, piece by piece
            else:
                for place in self._texts.places(text[at:end]):
                    yield bisect_right(starts, at + place) - 1
            first = after

    def _found(self, columns: Columns, rows: Iterable[int]) -> list[int]:
        found: list[int] = []
        texts: list[tuple[int, bytes]] = []
        raw_of = columns.raw_of
        for row in rows:
            raw = raw_of(row) if raw_of is not None else None
            if raw is None or _WRITTEN_OTHERWISE.is_in(raw):
                try:
                    raw = orjson.dumps(columns.document_of(row), default=dict)  # late ones, too
                except (TypeError, ValueError):
                    # A number or a text that only the careful reader knows how to write.
                    found.append(row)
                    continue
            texts.append((row, raw))
        if texts and self._texts.is_in_any([text for _, text in texts]):
            found.extend(row for row, text in texts if self._texts.is_in(text))
        return sorted(found)


def _written_anew(line: bytes) -> bytes:
    """Return a plain line with all its texts as we write them."""
    try:
        return orjson.dumps(orjson.loads(line))
    except orjson.JSONDecodeError:  # a number too large for it: as exactly, and slower
        return json.dumps(json.loads(line), ensure_ascii=False).encode()


class _Texts:
    """A search for lower-case texts, without a line's end in them, in JSON of any letter case."""

    def __init__(self, texts: Collection[bytes]) -> None:
        self._find = _search(texts)
        self._longest = max(map(len, texts), default=0)
        signs = {variant for text in texts for variant in variants(sign(text))}
        self._find_signs = _search(signs) if len(signs) <= MOST_SIGNS else None

    def is_in_any(self, documents: Sequence[bytes]) -> bool:
        """Whether any of the documents has one of the texts in it."""
        joined = _END.join(documents)
        if len(joined) > _BYTES_AT_ONCE:
            return any(map(self.is_in, documents))
        return bool(self._find(joined.lower()))

    def places(self, text: memoryview) -> Iterator[int]:
        """Yield places in a text, of any letter case, at which one of the texts may be."""
        if self._find_signs is not None:
            # Writing all in small letters takes several times as long as searching.
            found = self._find_signs(text)
        else:
            found = self._find(bytes(text).lower())
        return (start for _, start, _ in found)

    def is_in(self, document: bytes) -> bool:
        """Whether the document has one of the texts in it."""
        step = self._longest - 1 + _PIECE
        return any(
            self._find(document[start : start + step].lower())
            for start in range(0, len(document), _PIECE)
        )


def _search(texts: Iterable[bytes]) -> Callable[[Any], Sequence[tuple[int, int, int]]]:
    # One of several matches that overlap is enough; so asked, the library looks at many bytes at
    # once.
    searched = BytesAhoCorasick(list(texts), matchkind=MatchKind.LeftmostFirst)
    return searched.find_matches_as_indexes


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
