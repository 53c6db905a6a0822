"""Strict reading of parsed YAML: keys that are known, values of the type that is asked for.

Takes plain Python values and a function that knows their places; gives values that are right and a
finding for each that is not. Reads no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sigma2hive.diagnostics import Diagnostics, Location, nearest
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """A map of keys, read key by key.

    `at` gives the place of the value reached through keys from the document's root; `keys` are
    those that lead here; `code` is the findings'. A key that is wrong reads as if it were absent.
    """

    value: Mapping[Any, object]
    at: Callable[..., Location]
    diagnostics: Diagnostics
    code: str = "S2H405"
    keys: tuple[str | int, ...] = ()

    def allow(self, known: Iterable[str]) -> None:
        """Report every key that is not `known`, with the nearest that is."""
        names = sorted(known)
        for key in self.value:
            if key not in names:
                self.report(str(key), f"'{key}' is no key here", nearest(str(key), names))

    def text(self, key: str, limit: int = 0) -> str | None:
        """Return the text at `key`, None where it is absent or wrong; `limit` 0 is none."""
        value = self.value.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self._wrong(key, "text", "put it in quotation marks")
            return None
        if limit and len(value) > limit:
            self._wrong(key, f"at most {limit} characters; it has {len(value)}")
            return None
        return value

    def integer(self, key: str, low: int, high: int, names: Iterable[str] = ()) -> int | None:
        """Return the whole number at `key`; `names` stand for `low` and the numbers after it."""
        value = self.value.get(key)
        if value is None:
            return None
        known = [name for name in names if name]
        if isinstance(value, str) and value.lower() in known:
            return low + known.index(value.lower())
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            or_names = f" or one of {', '.join(known)}" if known else ""
            self._wrong(key, f"a whole number from {low} to {high}{or_names}")
            return None
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return the boolean at `key`."""
        value = self.value.get(key, default)
        if not isinstance(value, bool):
            self._wrong(key, "true or false")
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the list of texts at `key`, () where absent; a text alone is a list of one."""
        value = self.value.get(key)
        if value is None:
            return ()
        entries = value if isinstance(value, list) else [value]
        found = []
        for index, entry in enumerate(entries):
            if isinstance(entry, str):
                found.append(entry)
            else:
                self.report((key, index), f"'{entry}' is not text", "put it in quotation marks")
        return tuple(found)

    def child(self, key: str) -> Shape | None:
        """Return the map at `key`."""
        value = self.value.get(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self._wrong(key, "a map of keys")
            return None
        return self._below(value, key)

    def children(self, key: str) -> list[Shape]:
        """Return the maps of the list at `key`."""
        value = self.value.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self._wrong(key, "a list of maps")
            return []
        found = []
        for index, entry in enumerate(value):
            if isinstance(entry, Mapping):
                found.append(self._below(entry, key, index))
            else:
                self.report((key, index), f"'{entry}' is not a map of keys", "write `- key: value`")
        return found

    def place(self, *keys: str | int) -> Location:
        """Return the place of a key or item below this map."""
        return self.at(*self.keys, *keys)

    def report(self, key: str | tuple[str | int, ...], message: str, hint: str = "") -> None:
        """Add an error about the value at `key`."""
        keys = (key,) if isinstance(key, str) else key
        dotted = ".".join(str(part) for part in (*self.keys, *keys[:-1]))
        where = f"in '{dotted}': " if dotted else ""
        self.diagnostics.error(self.code, self.place(*keys), where + message, hint)

    def _below(self, value: Mapping[Any, object], *keys: str | int) -> Shape:
        return Shape(value, self.at, self.diagnostics, self.code, (*self.keys, *keys))

    def _wrong(self, key: str, wanted: str, hint: str = "") -> None:
        self.report(key, f"'{key}' takes {wanted}", hint)
