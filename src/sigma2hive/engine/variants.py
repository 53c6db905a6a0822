"""Events that a test's event stands for too, and what a rule says of each.

Takes a rule and an event; gives the event in another letter case, and without one field that the
rule looks at, each with what is to be expected. That is derived from what the rule's parts say of
the event as it came: a part that ignores letter case says the same of the changed event, and a part
whose field is gone sees nothing. So the derivation shares little with deciding the variant itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from sigma2hive.engine.reference import holds
from sigma2hive.model.conditions import (
    And,
    Atom,
    Condition,
    Exists,
    FieldReference,
    Not,
    Null,
    Or,
    Regex,
    Test,
    Text,
    atoms_of,
    fields_of,
)
from sigma2hive.model.events import Event
from sigma2hive.model.fields import Field
from sigma2hive.model.folding import fold
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.times import parse_time_ns
from sigma2hive.model.values import Values
from sigma2hive.records import dataclass

#: Fields that are taken away from one event, one at a time.
MAX_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Variant:
    """An event made of another. `name` says how; `expected` is whether it is a match."""

    name: str
    event: Event
    expected: bool


def looks_at_case(test: Test) -> bool:
    """Whether letter case decides: `|cased`, or `|re` that does not ignore it throughout."""
    if isinstance(test, Text):
        return test.cased
    return isinstance(test, Regex) and (not test.ignore_case or "(?-i" in test.pattern)


def case_deciders(rule: CompiledRule) -> tuple[Atom, ...]:
    """Return the parts of a rule that look at letter case."""
    return tuple(atom for atom in atoms_of(rule.condition) if looks_at_case(atom.test))


def case_variant(rule: CompiledRule, event: Event) -> Variant:
    """Return the event with the letter case of every value changed."""
    changed = case_changed(event, [rule])

    def is_met(atom: Atom) -> bool:
        return holds(atom, changed.values if looks_at_case(atom.test) else event.values)

    expected = holds(rule.gate, event.values) and _holds_by(rule.condition, is_met)
    return Variant("in another letter case", changed, expected)


def case_changed(event: Event, rules: Iterable[CompiledRule]) -> Event:
    """Return the event with the case of every letter changed that has another of the same fold.

    Times stay, and what no attacker writes: codes that a derived field of these rules translates.
    """
    fixed = {path for rule in rules for path in _translated(rule)}
    values = {
        path: texts if path in fixed else tuple(map(_case_changed, texts))
        for path, texts in event.values.items()
    }
    return replace(event, values=values)


def missing_variants(rule: CompiledRule, event: Event) -> Iterator[Variant]:
    """Yield the event without a field, for each that the rule looks at and the event has."""
    gate = {path for field in fields_of(rule.gate) for path in _sources(field)}
    asked = dict.fromkeys(
        path for field in fields_of(rule.condition) for path in _sources(field) if path not in gate
    )
    is_from_here = holds(rule.gate, event.values)
    for path in [path for path in asked if path in event.values][:MAX_FIELDS]:
        less = without(event, [path])

        def is_met(atom: Atom, path: str = path, less: Event = less) -> bool:
            return _met_without(atom, path, event.values, less.values)

        expected = is_from_here and _holds_by(rule.condition, is_met)
        yield Variant(f"without {path}", less, expected)


def without(event: Event, paths: Iterable[str]) -> Event:
    """Return the event without these fields."""
    gone = frozenset(paths)
    values = {path: texts for path, texts in event.values.items() if path not in gone}
    return replace(event, values=values)


def _met_without(atom: Atom, path: str, before: Values, after: Values) -> bool:
    touched = [field for field in atom.fields if path in _sources(field)]
    is_reference = isinstance(atom.test, FieldReference)
    other = atom.test.fields if isinstance(atom.test, FieldReference) else ()
    if not touched and not any(path in _sources(field) for field in other):
        # Keyword fields stand for whatever is below them.
        wide = any(field.path.endswith("*") for field in atom.fields)
        return holds(atom, after if wide else before)
    if not is_reference and not any(field.values_of(after) for field in atom.fields):
        return isinstance(atom.test, Null) or atom.test == Exists(False)
    return holds(atom, after)


def _holds_by(condition: Condition, is_met: Callable[[Atom], bool]) -> bool:
    match condition:
        case Atom():
            return is_met(condition)
        case Not(inner):
            return not _holds_by(inner, is_met)
        case And(conditions):
            return all(_holds_by(part, is_met) for part in conditions)
        case Or(conditions):
            return any(_holds_by(part, is_met) for part in conditions)


def _sources(field: Field) -> tuple[str, ...]:
    """Return the paths of a document that a field is read from."""
    if field.derived is None:
        return (field.path,)
    return tuple(part.path for part in field.derived.parts)


def _translated(rule: CompiledRule) -> Iterator[str]:
    for condition in (rule.gate, rule.condition):
        for field in fields_of(condition):
            for part in field.derived.parts if field.derived is not None else ():
                yield from part.only_if
                if part.replace:
                    yield part.path


def _case_changed(text: str) -> str:
    if parse_time_ns(text) is not None:
        return text
    return "".join(map(_other_case, text))


def _other_case(char: str) -> str:
    other = char.swapcase()
    return other if len(other) == 1 and fold(other) == fold(char) else char
