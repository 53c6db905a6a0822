"""The filters of a query, on what the API shows of an entity.

Takes a filter as TheHive's query API and thehive4py write it; gives whether an entity passes.
Source: thehive4py, query/filters.py; the description's Filter; Filter.scala for unknown fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.doubles.thehive.errors import bad_request

_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "_eq": lambda have, want: have == want,
    "_gt": lambda have, want: have > want,
    "_gte": lambda have, want: have >= want,
    "_lt": lambda have, want: have < want,
    "_lte": lambda have, want: have <= want,
    "_startsWith": lambda have, want: str(have).startswith(str(want)),
    "_endsWith": lambda have, want: str(have).endswith(str(want)),
    "_like": lambda have, want: _like(str(have), str(want)),
    "_match": lambda have, want: _like(str(have), str(want)),
}


class Matcher:
    """One filter for one kind; `known` are the fields it has, None where nobody knows."""

    def __init__(self, kind: str, known: frozenset[str] | None) -> None:
        self._kind = kind
        self._known = known

    def passes(self, fields: Mapping[str, Any], expression: Mapping[str, Any]) -> bool:
        """Return whether the entity passes; keys that are no filter (`_name`) say nothing."""
        return all(
            self._one(fields, name, operand)
            for name, operand in expression.items()
            if name != "_name"
        )

    def _one(self, fields: Mapping[str, Any], name: str, operand: Any) -> bool:
        if name == "_any":
            return True
        if name in {"_and", "_or"}:
            return (all if name == "_and" else any)(self.passes(fields, one) for one in operand)
        if name == "_not":
            return not self.passes(fields, operand)
        if name == "_id":
            return bool(fields["_id"] == operand)
        if name in {"_contains", "_has"}:
            return bool(self._values(fields, operand))
        if name == "_ne":
            return not self._one(fields, "_eq", operand)
        field, rest = _operand(operand)
        values = self._values(fields, field)
        if name == "_in":
            return any(value in rest["_values"] for value in values)
        if name == "_between":
            return any(rest["_from"] <= value < rest["_to"] for value in values)
        if name not in _COMPARED:
            raise bad_request(f"Invalid query filter {name}")
        return any(_holds(_COMPARED[name], value, rest["_value"]) for value in values)

    def _values(self, fields: Mapping[str, Any], name: str) -> list[Any]:
        if name.startswith("customFields."):
            wanted = name.partition(".")[2]
            return [c["value"] for c in fields.get("customFields", []) if c["name"] == wanted]
        if self._known is not None and name not in self._known:
            raise bad_request(f"Property {name} for type {self._kind} not found")
        value = fields.get(name)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]


def _operand(operand: Any) -> tuple[str, Mapping[str, Any]]:
    """Return field and rest: `{"_field": f, "_value": v}`, or the short form `{f: v}`."""
    if not isinstance(operand, Mapping) or not operand:
        raise bad_request(f"Invalid query filter operand {operand}")
    if "_field" in operand:
        return str(operand["_field"]), operand
    field, value = next(iter(operand.items()))
    return field, {"_value": value}


def _holds(compare: Callable[[Any, Any], bool], have: Any, want: Any) -> bool:
    try:
        return compare(have, want)
    except TypeError:
        return False


def _like(have: str, want: str) -> bool:
    """Compare without case; `*` is any text, and without one the text is anywhere."""
    pattern = want if "*" in want else f"*{want}*"
    parts = [re.escape(part) for part in pattern.split("*")]
    return re.fullmatch(".*".join(parts), have, re.IGNORECASE | re.DOTALL) is not None
