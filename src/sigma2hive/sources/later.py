"""Events of plain lines of which few values are read at first: most that meet rules are listed, and
a list shows their time and host.

Takes lines that were scanned, or read fast, and the rows whose events are wanted; gives each the
values that it has: single ones out of columns, read once for all of the rows, or of its document.
Where somebody asks for all values of an event, or for one that does not stand in one place alone,
its line is read with care.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sigma2hive.model.bitmaps import mask_of, rows_of
from sigma2hive.model.events import EventKey
from sigma2hive.model.values import Values
from sigma2hive.native import Cells, Constants, Fields, Part, ScannedLines
from sigma2hive.sources.windows import keys_of_lines

_Texts = tuple[str, ...]


class Wanted(Protocol):
    """What is known of some rows, until it is let go."""

    def at(self, path: str, row: int, /) -> _Texts | None:
        """Return the values at a path, () where it has none; None where only its line says."""

    @property
    def keys(self) -> Mapping[int, EventKey]:
        """The keys of raw Windows events, by row; documents have theirs of their lines."""

    def let_go(self) -> None:
        """Keep nothing: what is asked for after this is read of single lines."""


class WantedLines:
    """Rows of scanned lines."""

    def __init__(self, lines: ScannedLines, rows: Sequence[int]) -> None:
        self._fields: Fields | None = lines.fields
        self._rows = mask_of(rows)
        self._known: dict[str, dict[int, _Texts | None]] = {}
        self._are_raw = lines.has_own_fields
        #: The keys of raw Windows events, by row.
        self.keys: Mapping[int, EventKey] = keys_of_lines(lines, rows) if self._are_raw else {}

    def is_known(self, row: int) -> bool:
        """Whether it is known what an event is told by, as of all but unusual ones."""
        return not self._are_raw or row in self.keys

    def at(self, path: str, row: int) -> _Texts | None:
        """Return the values at a path, () where it has none; None where only its line says."""
        known = self._known.get(path)
        if known is None:
            if self._fields is None:
                return None
            known = self._known[path] = self._read(path, self._fields)
        return known.get(row, ())

    def let_go(self) -> None:
        """Keep nothing of the lines."""
        self._known.clear()
        self._fields = None

    def _read(self, path: str, fields: Fields) -> dict[int, _Texts | None]:
        found: dict[int, _Texts | None] = {}
        for part in fields.parts(path, self._rows):
            for row, texts in _by_row(part):
                # Which of several places comes first, only the line knows.
                found[row] = None if row in found else texts
        for above in (*_above(path), path):
            for others in fields.others(above):
                found.update((row, None) for row, _ in others)
        return found


class WantedEvents:
    """Rows with raw Windows events whose documents were made fast."""

    def __init__(
        self, documents: Sequence[Mapping[str, Any]], keys: Mapping[int, EventKey]
    ) -> None:
        self._documents: Sequence[Mapping[str, Any]] | None = documents
        #: Their keys, by row.
        self.keys = keys

    def at(self, path: str, row: int) -> _Texts | None:
        """Return the values at a path, () where it has none; None where only its line says."""
        if self._documents is None:
            return None
        document = self._documents[row]
        value = document.get(path)
        if value is not None and type(value) is not str:
            return None
        if any(above in document for above in _above(path)):
            return None
        return () if value is None else (value,)

    def let_go(self) -> None:
        """Keep nothing of the documents."""
        self._documents = None


class LaterValues(Mapping[str, _Texts]):
    """The values of one event."""

    __slots__ = ("_maker", "_number", "_raw", "_row", "_wanted", "_whole")

    def __init__(self, wanted: Wanted, row: int, maker: _Reader, raw: bytes, number: int) -> None:
        self._wanted, self._row = wanted, row
        self._maker, self._raw, self._number = maker, raw, number
        self._whole: Values | None = None

    def get(self, path: str, default: Any = None) -> Any:
        """Return the values at a path, which are never none, or else the default."""
        if self._whole is None:
            texts = self._wanted.at(path, self._row)
            if texts is not None:
                return texts or default
        return self._all.get(path, default)

    def __getitem__(self, path: str) -> _Texts:
        found: _Texts | None = self.get(path)
        if found is None:
            raise KeyError(path)
        return found

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.get(path) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __reduce__(self) -> tuple[type, tuple[Values]]:
        return dict, (self._all,)

    @property
    def _all(self) -> Values:
        if self._whole is None:
            self._whole = self._maker.values_of(self._raw, self._number)
        return self._whole


class _Reader(Protocol):
    """Reads the values of a line with care."""

    def values_of(self, raw: bytes, number: int, /) -> Values:
        """Return them, by the line and its number."""


def _by_row(part: Part) -> Iterable[tuple[int, _Texts]]:
    if isinstance(part, Constants):
        return ((row, texts) for texts, rows in part.each for row in rows_of(rows) if texts)
    if isinstance(part, Cells):
        found: dict[int, list[str]] = {}
        for row, text in zip(part.rows, part.cells, strict=True):
            found.setdefault(row, []).append(text)
        return ((row, tuple(texts)) for row, texts in found.items())
    return zip(part.rows, zip(part.cells), strict=True)


def _above(path: str) -> Iterator[str]:
    """Yield the paths that lead to one: a list of objects there has values at it."""
    dot = path.find(".")
    while dot >= 0:
        yield path[:dot]
        dot = path.find(".", dot + 1)
