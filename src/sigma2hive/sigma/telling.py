"""Plain YAML values in the words of findings."""

from __future__ import annotations

from typing import Any


def kind_of(value: Any) -> str:
    """Return what kind of value it is: "a map", "text", "the number 7"."""
    names = {dict: "a map", list: "a list", str: "text", bool: "true or false"}
    if value is None:
        return "empty"
    return names.get(type(value), f"the number {value}")


def shown_value(value: Any) -> str:
    """Return a value as it may be quoted: "'x'", "true", or its kind where it is no single one."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "an empty value"
    if isinstance(value, (dict, list)):
        return kind_of(value)
    return f"'{value}'"
