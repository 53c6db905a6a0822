"""Canonical values: one text for each number, boolean and address, and flat field paths.

Takes parsed JSON; gives the texts that every evaluator compares. Never looks at a schema: whether
a text is meant as a number, an address or a word is decided by the field's type, elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: What `flatten` gives: a field path to its values, never empty.
Values = Mapping[str, tuple[str, ...]]

_PLAIN = frozenset((bool, float))


def canonical_text(value: str | int | float | bool) -> str:
    """Return the one text of a JSON scalar.

    true → "true"; 4625 and 4625.0 → "4625"; 4625.5 → "4625.5"; a string is itself. Large integers
    keep every digit.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value.is_integer():
        return str(int(value))
    return repr(value)


def flatten(document: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return every leaf of a JSON object under its dotted path, as Elasticsearch indexes it.

    Nested and dotted keys mean the same and their values join; arrays of objects flatten; null,
    empty arrays and empty objects leave no entry; an empty string is a value. Works without
    recursion, so that a deeply nested document costs time and no stack.

    Source: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/object
    """
    flat: dict[str, tuple[str, ...]] = {}
    for path, value in document.items():
        kind = type(value)
        if kind is str:
            flat[path] = (value,)
        elif kind is int:
            flat[path] = (str(value),)
        elif kind in _PLAIN:
            flat[path] = (canonical_text(value),)
        elif value is not None:
            return _flattened(document)
    return flat


def _flattened(document: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    collected: dict[str, list[str]] = {}
    for path, value in _leaves(document):
        collected.setdefault(path, []).append(canonical_text(value))
    return {path: tuple(values) for path, values in collected.items()}


def _leaves(document: Mapping[str, Any]) -> Iterator[tuple[str, str | int | float | bool]]:
    # A stack of iterators keeps document order, which decides the order of multi-values.
    stack: list[Iterator[tuple[str, Any]]] = [iter(document.items())]
    while stack:
        try:
            path, value = next(stack[-1])
        except StopIteration:
            stack.pop()
            continue
        if value is None:
            continue
        if isinstance(value, Mapping):
            stack.append(_children(path, value))
        elif isinstance(value, list):
            stack.append(_repeated(path, value))
        else:
            yield path, value


def _children(path: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((f"{path}.{key}", child) for key, child in value.items())


def _repeated(path: str, values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return ((path, value) for value in values)
