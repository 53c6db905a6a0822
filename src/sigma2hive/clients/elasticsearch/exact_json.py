"""JSON of Elasticsearch, read without losing a digit, or fast with a way back to every digit.

Takes bytes; gives plain values. orjson reads a page of hits in about half of `json`'s time, rounds
integers beyond 64 bits and knows no lone surrogates: what it cannot read, `json` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import orjson

from sigma2hive.model.events import TIME_FIELD
from sigma2hive.model.json_numbers import parse_fraction, parse_integer, refuse_constant
from sigma2hive.native import LineKind, Scan, Scanner, answer_scanner

_DECODER = json.JSONDecoder(
    parse_int=parse_integer, parse_float=parse_fraction, parse_constant=refuse_constant
)


#: Whether answers are read fast. The library's choice of a reader goes by content type alone.
_IS_QUICK = ContextVar("is_quick", default=False)


@contextmanager
def read_quickly() -> Iterator[None]:
    """Let `read_answer` read fast, in this thread."""
    token = _IS_QUICK.set(True)
    try:
        yield
    finally:
        _IS_QUICK.reset(token)


def read_answer(data: bytes) -> Any:
    """Return the value of an answer, exactly or fast."""
    return read_quick(data) if _IS_QUICK.get() else read_exact(data)


def read_exact(data: bytes) -> Any:
    """Return the value; one number that Python would refuse must not cost a whole page."""
    return _DECODER.decode(data.decode("utf-8"))


class WithHits(dict[str, Any]):
    """A JSON object that still has the text that it was read from, or the hits that it lacks."""

    def __init__(self, value: Mapping[str, Any], text: bytes, scanned: Scan | None = None) -> None:
        super().__init__(value)
        self.text = text
        self.scanned = scanned


def read_quick(data: bytes) -> Any:
    """Return the value, large numbers rounded; hits may be left out of it, an object has them."""
    scanner = _scanner()
    answer = None if scanner is None else scanner.scan_answer(data)
    if answer is not None and _are_readable(answer.hits):
        return WithHits(orjson.loads(answer.envelope), data, answer.hits)
    value = _quickly(data)
    return WithHits(value, data) if isinstance(value, dict) else value


def _quickly(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return read_exact(data)


@cache
def _scanner() -> Scanner | None:
    return answer_scanner(TIME_FIELD)


def _are_readable(hits: Scan) -> bool:
    """Whether hits that are not plain are JSON at all: only their brackets were looked at."""
    for position, kind in enumerate(hits.kinds):
        if kind != LineKind.PLAIN:
            try:
                _quickly(hits.line(position))
            except ValueError:
                return False
    return True


class QuickAnswer:
    """The hits of a page, read fast. `size` is how many bytes the whole answer had.

    Where they were `scanned`, they are its lines, in their order.
    """

    def __init__(
        self, hits: Sequence[Mapping[str, Any]], text: bytes, scanned: Scan | None = None
    ) -> None:
        self.size = len(text)
        self.scanned = scanned
        self._hits = hits
        self._text = text
        self._exact: Sequence[Mapping[str, Any]] | None = None

    def __len__(self) -> int:
        """How many hits there are."""
        return len(self._hits if self.scanned is None else self.scanned)

    def hit(self, position: int) -> Mapping[str, Any]:
        """Return a hit, with large numbers rounded."""
        if self.scanned is None:
            return self._hits[position]
        hit: Mapping[str, Any] = _quickly(self.scanned.line(position))
        return hit

    def exact(self, position: int) -> Mapping[str, Any]:
        """Return a hit with every digit of its numbers."""
        if self.scanned is not None:
            hit: Mapping[str, Any] = read_exact(self.scanned.line(position))
            return hit
        if self._exact is None:
            # The page is read again at the first.
            self._exact = read_exact(self._text)["hits"]["hits"] if self._text else self._hits
            self._text = b""
        return self._exact[position]
