"""Selections that no condition of their document uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sigma2hive.sigma.condition_text import (
    ConditionError,
    Junction,
    Named,
    Negation,
    Parsed,
    Selector,
    parse_condition,
)
from sigma2hive.sigma.detections import selected_names
from sigma2hive.yamlmarks import Document

_NO_SELECTIONS = frozenset({"condition", "timeframe", "rules"})


def unused_selections(document: Document) -> Iterator[tuple[str, str]]:
    """Yield section and name of each; nothing where a condition cannot be read."""
    for section in ("detection", "filter"):
        content = document.value.get(section)
        if isinstance(content, Mapping) and "condition" in content:
            names = [str(name) for name in content if name not in _NO_SELECTIONS]
            used = _used(document, section, names)
            if used is not None:
                yield from ((section, name) for name in names if name not in used)


def _used(document: Document, section: str, names: list[str]) -> set[str] | None:
    written = document.value_of(section, "condition")
    places = [(index,) for index in range(len(written))] if isinstance(written, list) else [()]
    used: set[str] = set()
    try:
        for place in places:
            text = document.written(section, "condition", *place)
            used.update(_names_in(parse_condition(text), names))
    except (ConditionError, ValueError):
        return None
    return used


def _names_in(parsed: Parsed, names: list[str]) -> Iterator[str]:
    match parsed:
        case Named(name):
            yield name
        case Selector(pattern):
            yield from selected_names(pattern, names)
        case Negation(operand):
            yield from _names_in(operand, names)
        case Junction(operands):
            for operand in operands:
                yield from _names_in(operand, names)
