"""Raw Windows events of one shape read by columns: what each of them has at a field path.

Takes raw events whose EventData has the same names; gives columns of texts, and functions that make
columns of columns. A column is what stands in each event, None where nothing does; it is read when
it is asked for, and what is made of a text is made once for all events that have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sigma2hive.sources.windows.raw import as_windows_writes, text_of

_GUID_LENGTH = 36

#: Gives the cells of a column in some events.
Column = Callable[["Records"], Sequence[Any]]
#: Field path → its column. Paths that are not there stand in none of the events.
Plan = dict[str, Column]


class Records:
    """Raw events of one shape; `make` gives the whole document of one."""

    def __init__(
        self, records: Sequence[Mapping[str, Any]], make: Callable[[Any], Mapping[str, Any]]
    ) -> None:
        self._records = records
        self._make = make
        self._data: list[Mapping[str, Any]] | None = None
        self._texts: dict[str, list[str | None]] = {}
        self._documents: list[Mapping[str, Any]] | None = None

    def __len__(self) -> int:
        """How many events there are."""
        return len(self._records)

    @property
    def systems(self) -> list[Mapping[str, Any]]:
        """System of each event."""
        return [record["Event"]["System"] for record in self._records]

    @property
    def documents(self) -> list[Mapping[str, Any]]:
        """The whole documents, for what no column is known of."""
        if self._documents is None:
            self._documents = list(map(self._make, self._records))
        return self._documents

    def texts(self, name: str) -> list[str | None]:
        """Return the text of an EventData value as it is read, None where it is "" or absent."""
        cells = self._texts.get(name)
        if cells is None:
            if self._data is None:
                self._data = [record["Event"]["EventData"] for record in self._records]
            cells = self._texts[name] = _read(list(map(itemgetter(name), self._data)))
        return cells


def _read(cells: list[Any]) -> list[str | None]:
    if set(map(type, cells)) != {str}:
        cells = [cell if type(cell) is str else text_of(cell) for cell in cells]
    changed: dict[str, str | None] = {}
    for text in set(cells):
        if not text:
            changed[text] = None
        elif len(text) == _GUID_LENGTH or "\n" in text:
            changed[text] = as_windows_writes(text).replace("\r\n", "\n").rstrip("\n")
    return [changed.get(text, text) for text in cells] if changed else cells


def constant(value: Any) -> Column:
    """Return the column that has the same value in each event."""
    return lambda records: [value] * len(records)


def text(name: str, dropped: frozenset[str] = frozenset()) -> Column:
    """Return the column of an EventData value, without those that are dropped."""
    if not dropped:
        return lambda records: records.texts(name)
    return mapped(
        lambda records: records.texts(name), lambda value: None if value in dropped else value
    )


def whole(path: str) -> Column:
    """Return the column of a path that is read of the whole documents."""
    return lambda records: [document.get(path) for document in records.documents]


def mapped(column: Column, function: Callable[[Any], Any]) -> Column:
    """Return what a function makes of a column's texts; "" is nothing, as where it is written."""

    def cells(records: Records) -> Sequence[Any]:
        found = column(records)
        made: dict[Any, Any] = {
            value: None if value is None else function(value) for value in set(found)
        }
        return [None if made[value] == "" else made[value] for value in found]

    return cells


def last_of(*columns: Column) -> Column:
    """Return what the last of the columns has that has anything, as of fields written in turn."""
    if len(columns) == 1:
        return columns[0]

    def cells(records: Records) -> Sequence[Any]:
        found = list(columns[0](records))
        for column in columns[1:]:
            found = [
                old if new is None else new for old, new in zip(found, column(records), strict=True)
            ]
        return found

    return cells


def joined(first: Column, second: Column, function: Callable[[Any, Any], Any]) -> Column:
    """Return what a function makes of two columns' texts, None among them."""
    return lambda records: [
        None if (made := function(one, other)) == "" else made
        for one, other in zip(first(records), second(records), strict=True)
    ]
