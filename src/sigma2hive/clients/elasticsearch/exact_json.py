"""JSON of Elasticsearch, read without losing a digit, or fast with a way back to every digit.

Takes bytes; gives plain values. orjson reads a page of hits in about half of `json`'s time, rounds
integers beyond 64 bits and knows no lone surrogates: what it cannot read, `json` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import orjson

from sigma2hive.model.json_numbers import parse_fraction, parse_integer, refuse_constant

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


class WithText(dict[str, Any]):
    """A JSON object that still has the text that it was read from."""

    def __init__(self, value: Mapping[str, Any], text: bytes) -> None:
        super().__init__(value)
        self.text = text


def read_quick(data: bytes) -> Any:
    """Return the value, large numbers rounded; an object has its text with it."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = read_exact(data)
    return WithText(value, data) if isinstance(value, dict) else value


class QuickAnswer:
    """The hits of a page, read fast. `size` is how many bytes the whole answer had."""

    def __init__(self, hits: Sequence[Mapping[str, Any]], text: bytes) -> None:
        self.hits = hits
        self.size = len(text)
        self._text = text
        self._exact: Sequence[Mapping[str, Any]] | None = None

    def exact(self, position: int) -> Mapping[str, Any]:
        """Return a hit with every digit of its numbers; the page is read again at the first."""
        if self._exact is None:
            self._exact = read_exact(self._text)["hits"]["hits"] if self._text else self.hits
            self._text = b""
        return self._exact[position]
