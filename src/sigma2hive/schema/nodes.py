"""A YAML value with its place and its complaints, so that reading code says only what it wants.

Takes a `Document`; every accessor gives a usable value, and adds a finding (S2H405) where the
document has something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sigma2hive.diagnostics import Diagnostics, Location, nearest
from sigma2hive.model.values import canonical_text
from sigma2hive.records import dataclass
from sigma2hive.yamlmarks import Document

CODE = "S2H405"


@dataclass(frozen=True, slots=True)
class Node:
    """The value at `keys` of a document."""

    document: Document
    value: Any
    keys: tuple[str | int, ...]
    diagnostics: Diagnostics

    @property
    def location(self) -> Location:
        """Where the key or item stands."""
        return self.document.at(*self.keys)

    def wrong(self, message: str, hint: str = "") -> None:
        """Add a finding at this place."""
        self.diagnostics.error(CODE, self.location, message, hint)

    def holds(self, kind: type) -> bool:
        """Whether the value is of this Python type."""
        return isinstance(self.value, kind)

    def has(self, key: str) -> bool:
        """Whether the mapping has this key."""
        return isinstance(self.value, dict) and key in self.value

    def get(self, key: str | int) -> Node:
        """Return the child at a key that is there."""
        return Node(self.document, self.value[key], (*self.keys, key), self.diagnostics)

    def required(self, key: str) -> Node:
        """Return the child at `key`; a finding where it is missing."""
        if self.has(key):
            return self.get(key)
        self.wrong(f"the key {key!r} is missing", f"add {key!r} here")
        return Node(self.document, None, self.keys, Diagnostics())

    def is_mapping(self, what: str) -> bool:
        """Whether this is a mapping; `what` names it in the finding."""
        if not isinstance(self.value, dict):
            self.wrong(f"{what} is a mapping, not {_kind(self.value)}", "write `key: value` lines")
            return False
        return True

    def refuse_unknown_keys(self, known: Sequence[str]) -> None:
        """Add a finding for every key that is not in `known`."""
        for key in self.value:
            if key not in known:
                self.get(key).wrong(f"unknown key {key!r}", nearest(str(key), known))

    def items(self, key: str) -> list[Node]:
        """Return the items of the list at `key`; none where the key is missing."""
        return self.get(key).children() if self.has(key) else []

    def pairs(self, key: str | None = None) -> list[tuple[str, Node]]:
        """Return the pairs of the mapping at `key`, or of this one."""
        if key is None:
            return [(str(name), self.get(name)) for name in self.value]
        if not self.has(key):
            return []
        child = self.get(key)
        return child.pairs() if child.is_mapping(repr(key)) else []

    def children(self) -> list[Node]:
        """Return the items of this list."""
        if not isinstance(self.value, list):
            self.wrong(f"a list is needed here, not {_kind(self.value)}", "write [a, b]")
            return []
        return [self.get(index) for index in range(len(self.value))]

    def one_or_more(self) -> list[Node]:
        """Return this value alone, or the items of a list that is not empty."""
        if not isinstance(self.value, list):
            return [self]
        if not self.value:
            self.wrong("the list is empty", "name at least one, or leave the key out")
        return self.children()

    def text(self, accepts: Callable[[str], bool] | None = None, hint: str = "") -> str:
        """Return the text here, which `accepts` must take; "" with a finding otherwise."""
        if not isinstance(self.value, str):
            self.wrong(f"text is needed here, not {_kind(self.value)}", "put it in quotes")
            return ""
        if accepts is not None and not accepts(self.value):
            self.wrong(f"{self.value!r} cannot stand here", hint)
        return self.value

    def scalar(self) -> str:
        """Return the canonical text of a text, whole number or boolean."""
        if isinstance(self.value, (str, int)):
            return canonical_text(self.value)
        self.wrong(f"a single value is needed here, not {_kind(self.value)}", "put it in quotes")
        return ""

    def choice(self, known: Sequence[str]) -> str:
        """Return the text here, one of `known`; the first of them with a finding otherwise."""
        if isinstance(self.value, str) and self.value in known:
            return self.value
        self.wrong(f"{self.value!r} is not known here", nearest(str(self.value), known))
        return known[0]

    def boolean(self) -> bool:
        """Return the boolean here."""
        if not isinstance(self.value, bool):
            self.wrong(f"true or false is needed here, not {_kind(self.value)}")
            return False
        return self.value

    def whole_number(self) -> int:
        """Return the whole number here, 0 or more."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            self.wrong(f"a whole number is needed here, not {self.value!r}")
            return 0
        return self.value


def _kind(value: Any) -> str:
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "a boolean",
        type(None): "nothing",
    }
    return names.get(type(value), f"the number {value!r}")
