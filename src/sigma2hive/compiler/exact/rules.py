"""A compiled rule said exactly, or the findings that say which part cannot be, and why.

Takes a `CompiledRule` and a check of what the target's language can write; gives a `Statement`.
Writes no language itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sigma2hive.compiler.dsl.bounds import Reason
from sigma2hive.compiler.dsl.nodes import MATCH_ALL, Leaf, Node, all_of, any_of, leaves_of, never
from sigma2hive.compiler.exact.atoms import any_said, existence_of, opposite, said_on_field
from sigma2hive.compiler.exact.derived import derived_existence, said_on_derived
from sigma2hive.compiler.exact.margins import Margin, Said, Unsayable
from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.conditions import (
    And,
    Atom,
    Condition,
    Exists,
    FieldReference,
    Not,
    Null,
    Or,
    Origin,
    Test,
)
from sigma2hive.model.fields import Field
from sigma2hive.model.rules import CompiledRule

#: Elasticsearch's own limits are `indices.query.bool.max_clause_count` (1,024 at least) and, for
#: nesting, a stack.
MAX_CLAUSES = 1000
_HINT = "the target dsl can: what its query only narrows down, sigma2hive decides afterwards"
#: Writes a leaf, or raises `Unsayable`.
LeafCheck = Callable[[Leaf], object]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a rule asks of the fields of the index; `gate` is the log source's part.

    `margins` are the unusual values of which it is not so, `unseen` the paths of which the index
    may have left out values.
    """

    gate: Node
    condition: Node
    margins: tuple[Margin, ...] = ()
    unseen: tuple[str, ...] = ()


def say_rule(
    rule: CompiledRule, target: str, check: LeafCheck
) -> Statement | tuple[Diagnostic, ...]:
    """Return what the rule asks, or why `target` cannot say it.

    Raises:
        ValueError: an atom's fields were not resolved by a profile.
    """
    walk = _Walk(check, _OF_LAST_RULE.of(rule))
    gate, condition = walk.node_of(rule.gate), walk.node_of(rule.condition)
    if walk.refused:
        return tuple(_findings(walk.refused, target, rule.info.location))
    count = len(leaves_of(gate)) + len(leaves_of(condition))
    if count > MAX_CLAUSES:
        return (_too_large(count, target, rule.info.location),)
    margins = tuple(margin for margin in Margin if margin in walk.margins)
    return Statement(gate, condition, margins, tuple(sorted(walk.unseen)))


class _SaidAtoms:
    """What the atoms of one rule say, which no target changes."""

    def __init__(self, rule: CompiledRule | None = None) -> None:
        self._rule = rule
        self._said: dict[int, Said | Reason] = {}

    def of(self, rule: CompiledRule) -> _SaidAtoms:
        """Begin anew with another rule; with the same, go on."""
        if self._rule is not rule:
            self._rule, self._said = rule, {}
        return self

    def of_atom(self, atom: Atom) -> Said:
        """Return what an atom of the rule says.

        Raises:
            Unsayable: it cannot be said.
        """
        # The rule keeps its atoms, so that no other has the number of one.
        found = self._said.get(id(atom))
        if found is None:
            try:
                found = said_atom(atom)
            except Unsayable as error:
                found = error.reason
            self._said[id(atom)] = found
        if isinstance(found, Reason):
            raise Unsayable(found)
        return found


#: Each target is asked for one rule, then for the next: what one rule says is enough to remember.
_OF_LAST_RULE = _SaidAtoms()


class _Walk:
    """Walks conditions, remembering what cannot be said."""

    def __init__(self, check: LeafCheck, said: _SaidAtoms) -> None:
        self._check, self._said = check, said
        self.refused: dict[tuple[str, str, Reason], list[Origin]] = {}
        self.margins: set[Margin] = set()
        self.unseen: set[str] = set()

    def node_of(self, condition: Condition) -> Node:
        match condition:
            case And(conditions):
                return all_of([self.node_of(part) for part in conditions])
            case Or(conditions):
                return any_of([self.node_of(part) for part in conditions])
            case Not(inner):
                return never(self.node_of(inner))
            case Atom():
                return self._atom(condition)

    def _atom(self, atom: Atom) -> Node:
        if not atom.fields:
            raise ValueError(f"the field {atom.name!r} was not resolved by a profile")
        try:
            found = self._said.of_atom(atom)
            for leaf in leaves_of(found.node):
                self._check(leaf)
        except Unsayable as error:
            origin = atom.origin
            key = (origin.selection, origin.item, error.reason)
            self.refused.setdefault(key, []).append(origin)
            return MATCH_ALL
        self.margins |= found.margins
        self.unseen |= found.unseen
        return found.node


def said_atom(atom: Atom) -> Said:
    """Return what an atom asks of all of its fields.

    Raises:
        Unsayable: it cannot be said.
    """
    match atom.test:
        case Null() | Exists(False):
            return opposite(any_said(map(_existence, atom.fields)))
        case Exists():
            return any_said(map(_existence, atom.fields))
        case FieldReference():
            raise Unsayable(Reason.FIELD_REFERENCE)
        case test:
            return any_said(_on_field(test, field) for field in atom.fields)


def _existence(field: Field) -> Said:
    return existence_of(field) if field.derived is None else derived_existence(field, field.derived)


def _on_field(test: Test, field: Field) -> Said:
    if field.derived is not None:
        return said_on_derived(test, field, field.derived)
    return said_on_field(test, field)


def _findings(
    refused: dict[tuple[str, str, Reason], list[Origin]], target: str, rule: Location
) -> Iterator[Diagnostic]:
    for (selection, item, reason), origins in refused.items():
        named = f"'{item}: {_shortened(origins[0].value)}'" if item else f"'{origins[0].value}'"
        more = f" and {len(origins) - 1} more" if len(origins) > 1 else ""
        yield Diagnostic(
            "S2H301",
            Severity.ERROR,
            origins[0].location if origins[0].location.line else rule,
            f"{target} cannot say {named}{more} of {selection} exactly: {reason.value}",
            _HINT,
        )


def _shortened(value: str) -> str:
    return value if len(value) <= 60 else value[:57] + "..."


def _too_large(count: int, target: str, place: Location) -> Diagnostic:
    return Diagnostic(
        "S2H303",
        Severity.ERROR,
        place,
        f"{target} would need {count:,} clauses, and Elasticsearch takes {MAX_CLAUSES:,} at least",
        _HINT,
    )
