"""Documents without the unusual values that the targets lucene, eql and esql name as margins.

Written from the margins' words in docs/targets.md, not from what the targets do.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sigma2hive.model.scalars import number_of
from tests.compiler.dsl_world import draw_documents

_NUMBERS = ("long", "double", "half", "pid")
#: What fields are put together from: one value each.
_PARTS = ("dom", "usr", "sha", "imp", "direction", "pid", "pidtext", "kind", "codes")
_CASELESS = ("low", "folded")


def draw_usual_documents(count: int, seed: int) -> list[dict[str, Any]]:
    """Documents with every field type, of values that are exact by the docs."""
    return [_usual(document) for document in draw_documents(count, seed)]


def _usual(document: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for path, given in document.items():
        if isinstance(given, dict) or given is None:
            kept[path] = given
            continue
        values = [value for value in _listed(given) if _is_usual(path, value)]
        if path in _PARTS:
            values = values[:1]
        if values or given == []:
            kept[path] = values if isinstance(given, list) else values[0]
    return kept


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_usual(path: str, value: Any) -> bool:
    text = value if isinstance(value, str) else ""
    if path in _NUMBERS:
        if text.isdecimal() and not text.isascii():
            return False
        number = number_of(str(value), hexadecimal=False)
        return value != "" and (number is None or number == number.to_integral_value())
    if path in ("bool", "date"):
        return value != ""
    if path == "ip":
        return "%" not in text
    if path in _CASELESS and ("\u212a" in text or "İ" in text):
        return False
    if path in ("sha", "imp") and not text.isascii():
        return False
    if "%eth" in text.lower() or text.lower().startswith("::ffff:"):
        return False
    return not isinstance(value, float) and _is_plainly_spelt(text)


def _is_plainly_spelt(text: str) -> bool:
    number = number_of(text, hexadecimal=False)
    if number is None:
        return True
    plain = format(number.normalize(), "f") if number else "0"
    return text == plain and Decimal(text) == number
