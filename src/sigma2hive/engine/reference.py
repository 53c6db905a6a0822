"""The reference evaluator: one rule on one event, plain, slow and obviously right.

Takes a condition whose fields a profile has resolved, and an event's values; gives true or false,
and the atoms that were met. Every faster evaluator and every query is held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from sigma2hive.engine.predicates import predicate_of, typed_text_predicate
from sigma2hive.model.conditions import (
    And,
    Atom,
    Condition,
    Exists,
    FieldReference,
    Not,
    Null,
    Or,
    Text,
    Wildcard,
)
from sigma2hive.model.events import Event
from sigma2hive.model.fields import FieldType
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.scalars import address_of
from sigma2hive.model.values import Values

Decision = Callable[[Values], bool]
#: Tells the atoms that an event meets.
Reasons = Callable[[Values], tuple[Atom, ...]]
#: The same; None where the condition does not hold, while () is one that holds without any.
_Decided = Callable[[Values], tuple[Atom, ...] | None]


def prepare(condition: Condition) -> Decision:
    """Return the function that tells whether an event with given values meets the condition.

    Raises:
        ValueError: an atom's fields were not resolved by a profile.
    """
    match condition:
        case And(conditions):
            parts = [prepare(part) for part in conditions]
            return lambda values: all(part(values) for part in parts)
        case Or(conditions):
            parts = [prepare(part) for part in conditions]
            return lambda values: any(part(values) for part in parts)
        case Not(inner):
            negated = prepare(inner)
            return lambda values: not negated(values)
        case Atom():
            return _prepare_atom(condition)


def holds(condition: Condition, values: Values) -> bool:
    """Return whether an event with these values meets the condition."""
    return prepare(condition)(values)


def matches(rule: CompiledRule, event: Event) -> bool:
    """Return whether the event meets the rule: its log source's gate and its condition."""
    return holds(rule.gate, event.values) and holds(rule.condition, event.values)


def _prepare_atom(atom: Atom) -> Decision:
    if not atom.fields:
        raise ValueError(f"the field {atom.name!r} was not resolved by a profile")
    match atom.test:
        case Null():
            return lambda values: not _is_there(atom, values)
        case Exists(exists):
            return lambda values: _is_there(atom, values) is exists
        case FieldReference() as reference:
            if not reference.fields:
                raise ValueError(f"the field {reference.name!r} was not resolved by a profile")
            return lambda values: _reference_holds(atom, reference, values)
        case test:
            checks = [(field, predicate_of(test, field.type)) for field in atom.fields]
            # Any value of any field.
            return lambda values: any(
                predicate(value) for field, predicate in checks for value in field.values_of(values)
            )


def reasons_for(condition: Condition, values: Values) -> tuple[Atom, ...]:
    """Return the atoms that made a condition true, left to right; () where it is false.

    Atoms under a negation are none: that something is absent shows in no field.
    """
    return prepare_reasons(condition)(values)


def prepare_reasons(condition: Condition) -> Reasons:
    """Return the function that tells the same of an event with given values."""
    decided = _decided(condition)
    return lambda values: decided(values) or ()


def _decided(condition: Condition) -> _Decided:
    """Return what tells which atoms made the condition, None where it does not hold.

    Each is looked at once.
    """
    match condition:
        case And(conditions):
            return partial(_all_decided, [_decided(part) for part in conditions])
        case Or(conditions):
            return partial(_any_decided, [_decided(part) for part in conditions])
        case _:
            is_met = prepare(condition)
            atoms = (condition,) if isinstance(condition, Atom) else ()
            return lambda values: atoms if is_met(values) else None


def _all_decided(parts: Sequence[_Decided], values: Values) -> tuple[Atom, ...] | None:
    met: list[Atom] = []
    for part in parts:
        atoms = part(values)
        if atoms is None:
            return None
        met += atoms
    return tuple(met)


def _any_decided(parts: Sequence[_Decided], values: Values) -> tuple[Atom, ...] | None:
    decided = [part(values) for part in parts]
    if all(atoms is None for atoms in decided):
        return None
    return tuple(atom for atoms in decided if atoms is not None for atom in atoms)


def _is_there(atom: Atom, values: Values) -> bool:
    return any(field.values_of(values) for field in atom.fields)


def _reference_holds(atom: Atom, test: FieldReference, values: Values) -> bool:
    for other in test.fields:
        for text in dict.fromkeys(other.values_of(values)):
            if any(
                _is_same(test, text, (field.type, other.type), field.values_of(values))
                for field in atom.fields
            ):
                return True
    return False


def _is_same(
    test: FieldReference, other: str, types: Sequence[FieldType], values: Iterable[str]
) -> bool:
    # One side that the index knows as an address or a number makes the comparison one of them.
    field_type = next((kind for kind in types if kind is FieldType.IP or kind.is_numeric), types[0])
    predicate = typed_text_predicate(_as_text(test, other, field_type), field_type)
    return any(map(predicate, values))


def _as_text(test: FieldReference, other: str, field_type: FieldType) -> Text:
    if field_type is FieldType.IP:
        other = str(address_of(other) or other)
    # pySigma's starts_with means "something may follow", ends_with "something may precede".
    before = (Wildcard.ANY,) if test.ends_with else ()
    after = (Wildcard.ANY,) if test.starts_with else ()
    return Text((*before, other, *after) if other else (*before, *after))
