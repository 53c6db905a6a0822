"""A condition in Sigma's field names to one in the fields of a profile.

Takes a condition tree and a log source's place; gives the tree with every atom's fields resolved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sigma2hive.model.conditions import (
    And,
    Atom,
    Condition,
    FieldReference,
    Not,
    Null,
    Or,
    Text,
    Wildcard,
    atoms_of,
)
from sigma2hive.model.fields import Field
from sigma2hive.model.profiles import LogsourcePlace
from sigma2hive.model.rules import CompiledFilter, FilterRule

#: One character at least.
_ANY_TEXT = Text((Wildcard.ONE, Wildcard.ANY))


def keyword_in(condition: Condition) -> Atom | None:
    """Return the first atom that names no field, None where every one does."""
    return next((atom for atom in atoms_of(condition) if atom.name is None), None)


def compiled_filters(
    filters: Iterable[FilterRule], place: LogsourcePlace
) -> tuple[CompiledFilter, ...]:
    """Return each filter with its condition in the profile's fields."""
    return tuple(CompiledFilter(entry.info, resolved(entry.condition, place)) for entry in filters)


def resolved(condition: Condition, place: LogsourcePlace) -> Condition:
    """Return the condition in the profile's fields."""
    match condition:
        case And(conditions):
            return And(tuple(resolved(part, place) for part in conditions))
        case Or(conditions):
            return Or(tuple(resolved(part, place) for part in conditions))
        case Not(inner):
            return Not(resolved(inner, place))
        case Atom():
            return _resolved_atom(condition, place)


def _resolved_atom(atom: Atom, place: LogsourcePlace) -> Condition:
    if atom.name is None:
        return replace(atom, fields=place.keyword_fields)
    fields = place.resolve(atom.name)
    if isinstance(atom.test, FieldReference):
        reference = replace(atom.test, fields=place.resolve(atom.test.name))
        return replace(atom, test=reference, fields=fields)
    # `replace` takes three times as long, and every atom of every rule comes here.
    placed = Atom(atom.name, atom.test, atom.origin, fields)
    if place.empty_is_absent and _asks_for_nothing(atom):
        return Not(replace(placed, test=_ANY_TEXT))
    if _asks_for_dropped(atom, fields):
        # Ingestion removed the value, so a field that is not there is all that is left of it.
        return Or((placed, replace(placed, test=Null())))
    return placed


def _asks_for_nothing(atom: Atom) -> bool:
    return isinstance(atom.test, Null) or (isinstance(atom.test, Text) and atom.test.literal == "")


def _asks_for_dropped(atom: Atom, fields: tuple[Field, ...]) -> bool:
    if not isinstance(atom.test, Text) or atom.test.literal is None:
        return False
    return any(atom.test.literal in field.dropped for field in fields)
