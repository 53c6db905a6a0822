"""Field paths of scanned lines: keys below each other, each with a number.

Takes the keys that a scan has seen; gives the numbers under which a path's values stand. Paths are
not written out for that: below one long key they could be a thousand times what was scanned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sigma2hive.native.library import PathSeen

_TOP: Final = 0xFFFFFFFF
_OTHER: Final = 1 << 5

#: A number under which values are, and whether some of them are others.
Numbered = tuple[int, bool]


class Paths:
    """The paths of one scan, of events that are whole lines or lie in a key `root` of theirs."""

    def __init__(self, text: bytes, seen: Sequence[PathSeen], root: str) -> None:
        self._seen = seen
        self._names = [text[one.name : one.name + one.length].decode() for one in seen]
        self._numbers = {
            (one.parent, name): number
            for number, (one, name) in enumerate(zip(seen, self._names, strict=True))
        }
        self._top = self._numbers.get((_TOP, root)) if root else _TOP
        self._keys: dict[int, tuple[str, ...]] = {}

    def __len__(self) -> int:
        """How many keys there are, each below another one counted anew."""
        return len(self._names)

    def read_of(self, number: int) -> None:
        """Return what makes a field's texts of those under this number: they are the same."""

    def keys_to(self, number: int) -> tuple[str, ...]:
        """Return the keys that lead to a number, the outermost first."""
        found = self._keys.get(number)
        if found is None:  # shapes have many keys alike
            keys, above = [], number
            while above != _TOP:
                keys.append(self._names[above])
                above = self._seen[above].parent
            found = self._keys[number] = tuple(reversed(keys))
        return found

    def number_of(self, keys: Sequence[str]) -> int | None:
        """Return the number of some keys that lead to each other; None where they are nowhere."""
        number: int | None = _TOP
        for key in keys:
            number = None if number is None else self._numbers.get((number, key))
        return number

    def of(self, path: str) -> list[Numbered]:
        """Return the numbers under which a path's values are.

        There are several where keys with dots in them and objects mean the same.
        """
        return [] if self._top is None else list(self._below(self._top, path))

    def _below(self, parent: int, path: str) -> Iterator[Numbered]:
        number = self._numbers.get((parent, path))
        if number is not None and self._seen[number].count:
            yield self._numbered(number)
        dot = path.find(".")
        while dot >= 0:
            number = self._numbers.get((parent, path[:dot]))
            if number is not None:
                yield from self._below(number, path[dot + 1 :])
            dot = path.find(".", dot + 1)

    def written_out(self) -> dict[str, list[Numbered]]:
        """Return the numbers of every path that has values."""
        paths: dict[int, str] = {}
        found: dict[str, list[Numbered]] = {}
        # A key stands after those that lead to it.
        for number, (one, name) in enumerate(zip(self._seen, self._names, strict=True)):
            if one.parent == self._top:
                path = name
            elif one.parent in paths:
                path = f"{paths[one.parent]}.{name}"
            else:
                continue
            paths[number] = path
            if one.count:
                found.setdefault(path, []).append(self._numbered(number))
        return found

    def _numbered(self, number: int) -> Numbered:
        return number, bool(self._seen[number].kinds & _OTHER)
