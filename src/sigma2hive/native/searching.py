"""Many texts sought in many values at once, by `search.c`.

Takes texts once, folded and with `EDGE` where a value has to begin or end; then values. Gives which
of the texts stand in which values, each pair once.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from ctypes import c_char, c_uint32
from typing import Final

from sigma2hive.native.library import TextsFound, library
from sigma2hive.native.scanning import Column

#: Before and after each value in what is searched; no byte of UTF-8.
EDGE: Final = b"\xff"
_NO_LENGTH: Final = 0xFFFFFFFF


class TextSearch:
    """A search for some texts."""

    def __init__(self, loaded: ctypes.CDLL, texts: Sequence[bytes]) -> None:
        self._library = loaded
        self._freed = loaded.s2h_free_search
        lengths = array("I", map(len, texts))
        address, _ = lengths.buffer_info()
        self._search = loaded.s2h_search(b"".join(texts), address, len(texts))
        if not self._search:
            raise MemoryError("no memory for a search of texts")

    def __del__(self) -> None:
        """Give its memory back."""
        if self._search:
            self._freed(self._search)

    def in_folded(self, joined: bytes) -> FoundTexts:
        """Return what stands in folded values with an edge before, between and after them.

        Raises:
            MemoryError: there is not enough.
        """
        return self._found(self._library.s2h_sought(self._search, joined, len(joined)))

    def in_column(self, column: Column) -> FoundTexts:
        """Return what stands in the distinct texts of a column, as they stand in lines.

        Some of them are passed over: see `FoundTexts.odd`.

        Raises:
            MemoryError: there is not enough.
        """
        texts, ends, count = column.stored
        length = _NO_LENGTH if column.changed_length is None else column.changed_length
        found = self._library.s2h_sought_in(self._search, texts, ends, count, length)
        return self._found(found)

    def _found(self, found: ctypes._Pointer[TextsFound]) -> FoundTexts:
        if not found:
            raise MemoryError("no memory for what is found")
        return FoundTexts(self._library, found)


class FoundTexts:
    """Which texts were found in which values, both by their numbers."""

    def __init__(self, loaded: ctypes.CDLL, found: ctypes._Pointer[TextsFound]) -> None:
        self._library = loaded
        self._freed = loaded.s2h_free_found
        self._found = found
        content = found.contents
        #: Each text that was found, once.
        self.texts: list[int] = _numbers(content.text, content.texts)
        #: Values that were passed over, since others know how they are folded.
        self.odd: list[int] = _numbers(content.odd_values, content.odd)

    def __del__(self) -> None:
        """Give its memory back."""
        self._freed(self._found)

    @property
    def pairs(self) -> tuple[list[int], list[int]]:
        """Values in rising order, and which of `texts` is found in each."""
        content = self._found.contents
        return (
            _numbers(content.pair_values, content.pairs),
            _numbers(content.places, content.pairs),
        )

    def masks(self, column: Column) -> list[int]:
        """Return the rows of each of `texts` as a bitmap, where a column has values of its codes.

        Raises:
            MemoryError: there is not enough.
        """
        width, count = column.width, len(self.texts)
        bits = (c_char * (width * count))()
        if not self._library.s2h_rows_found(self._found, *column.numbered, bits, width):
            raise MemoryError("no memory for rows")
        raw = bytes(bits)
        return [
            int.from_bytes(raw[start : start + width], "little")
            for start in range(0, width * count, width)
        ]


def text_search(texts: Sequence[bytes]) -> TextSearch | None:
    """Return a search for some texts; None where there is no library.

    Raises:
        MemoryError: there is not enough.
    """
    loaded = library()
    return None if loaded is None else TextSearch(loaded, texts)


def _numbers(address: int | None, count: int) -> list[int]:
    if not count or address is None:
        return []
    numbers: list[int] = (c_uint32 * count).from_address(address)[:]
    return numbers
