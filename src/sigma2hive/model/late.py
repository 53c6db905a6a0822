"""Documents that are made late: what many of one shape hold is read by columns instead.

A `Late` document is a mapping like others, made when somebody looks into it. Whoever looks at many
together asks their `Shape` for columns: what stands at a path in each of them, None where nothing
does. Both say the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol


class Together(Protocol):
    """Some documents of one shape."""

    @property
    def paths(self) -> Collection[str]:
        """All paths at which any of them may hold something."""

    def cells(self, path: str) -> Sequence[Any]:
        """Return what stands at one of these paths in each of them."""


class Shape(Protocol):
    """What documents have in common; of equal shapes there is one object."""

    def document(self, source: Any) -> Mapping[str, Any]:
        """Return the document that a source becomes."""

    def together(self, sources: Sequence[Any]) -> Together:
        """Return the documents of several sources, to be read by columns."""


class Late(Mapping[str, Any]):
    """A document that is made of its source when it is looked into."""

    __slots__ = ("_made", "shape", "source")

    def __init__(self, shape: Shape, source: Any) -> None:
        self.shape = shape
        self.source = source
        self._made: Mapping[str, Any] | None = None

    def _document(self) -> Mapping[str, Any]:
        if self._made is None:
            self._made = self.shape.document(self.source)
        return self._made

    def __getitem__(self, path: str) -> Any:
        return self._document()[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._document())

    def __len__(self) -> int:
        return len(self._document())
