"""A compiled rule said exactly, or the findings that say which part cannot be, and why.

Takes a `CompiledRule` and a check of what the target's language can write; gives a `Statement`.
Writes no language itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from sigma2hive.compiler.dsl.bounds import Reason
from sigma2hive.compiler.dsl.nodes import Leaf, Node, all_of, any_of, leaves_of, never
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
    atoms_of,
)
from sigma2hive.model.fields import Field
from sigma2hive.model.rules import CompiledRule
from sigma2hive.records import dataclass

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
    said = _OF_LAST_RULE.of(rule)
    refused = said.refused_by(check)
    if refused:
        return tuple(_findings(refused, target, rule.info.location))
    statement, count = said.statement()
    if count > MAX_CLAUSES:
        return (_too_large(count, target, rule.info.location),)
    return statement


#: What an atom says with the leaves of that, or why it cannot be said.
_SaidOrReason = tuple[Said, tuple[Leaf, ...]] | Reason
#: What was refused of a selection's item, for one reason.
_Refused = dict[tuple[str, str, Reason], list[Origin]]


class _SaidRule:
    """What one rule says, which no target changes: a target only checks the leaves."""

    def __init__(self, rule: CompiledRule | None = None) -> None:
        self._rule = rule
        self._atoms: list[tuple[Atom, _SaidOrReason]] = []
        self._nodes: dict[int, Node] = {}
        self._statement: tuple[Statement, int] | None = None

    def of(self, rule: CompiledRule) -> _SaidRule:
        """Begin anew with another rule; with the same, go on."""
        if self._rule is not rule:
            self._rule, self._nodes, self._statement = rule, {}, None
            self._atoms = [
                (atom, _said_or_reason(atom))
                for condition in (rule.gate, rule.condition)
                for atom in atoms_of(condition)
            ]
        return self

    def refused_by(self, check: LeafCheck) -> _Refused:
        """Return what cannot be said, at all or in the language that checks leaves."""
        refused: _Refused = {}
        for atom, found in self._atoms:
            reason = found if isinstance(found, Reason) else _reason_against(found[1], check)
            if reason is not None:
                key = (atom.origin.selection, atom.origin.item, reason)
                refused.setdefault(key, []).append(atom.origin)
        return refused

    def statement(self) -> tuple[Statement, int]:
        """Return what the rule says, where nothing was refused, and how many clauses that is."""
        if self._statement is None:
            self._statement = self._whole()
        return self._statement

    def _whole(self) -> tuple[Statement, int]:
        if self._rule is None:
            raise ValueError("there is no rule yet")
        margins: set[Margin] = set()
        unseen: set[str] = set()
        for atom, found in self._atoms:
            if isinstance(found, Reason):
                raise Unsayable(found)
            said, _ = found
            # The rule keeps its atoms, so that no other has the number of one.
            self._nodes[id(atom)] = said.node
            margins |= said.margins
            unseen |= said.unseen
        gate, condition = self._node_of(self._rule.gate), self._node_of(self._rule.condition)
        known = tuple(margin for margin in Margin if margin in margins)
        count = len(leaves_of(gate)) + len(leaves_of(condition))
        return Statement(gate, condition, known, tuple(sorted(unseen))), count

    def _node_of(self, condition: Condition) -> Node:
        match condition:
            case And(conditions):
                return all_of([self._node_of(part) for part in conditions])
            case Or(conditions):
                return any_of([self._node_of(part) for part in conditions])
            case Not(inner):
                return never(self._node_of(inner))
            case Atom():
                return self._nodes[id(condition)]


#: Each target is asked for one rule, then for the next: what one rule says is enough to remember.
_OF_LAST_RULE = _SaidRule()


def _said_or_reason(atom: Atom) -> _SaidOrReason:
    if not atom.fields:
        raise ValueError(f"the field {atom.name!r} was not resolved by a profile")
    return _said_on_fields(atom.test, atom.fields, atom.parts)


@lru_cache(maxsize=32768)  # nearly half of the atoms of many rules are those of others
def _said_on_fields(
    test: Test, fields: tuple[Field, ...], _parts: tuple[tuple[Field, ...], ...]
) -> _SaidOrReason:
    try:
        said = _said(test, fields)
    except Unsayable as error:
        return error.reason
    return said, tuple(leaves_of(said.node))


def _reason_against(leaves: Sequence[Leaf], check: LeafCheck) -> Reason | None:
    """Return why the first leaf that a language cannot say is none; None where it says all."""
    try:
        for leaf in leaves:
            check(leaf)
    except Unsayable as error:
        return error.reason
    return None


def _said(test: Test, fields: tuple[Field, ...]) -> Said:
    """Return what an atom asks of all of its fields.

    Raises:
        Unsayable: it cannot be said.
    """
    match test:
        case Null() | Exists(False):
            return opposite(any_said(map(_existence, fields)))
        case Exists():
            return any_said(map(_existence, fields))
        case FieldReference():
            raise Unsayable(Reason.FIELD_REFERENCE)
        case _:
            return any_said(_on_field(test, field) for field in fields)


def _existence(field: Field) -> Said:
    return existence_of(field) if field.derived is None else derived_existence(field, field.derived)


def _on_field(test: Test, field: Field) -> Said:
    if field.derived is not None:
        return said_on_derived(test, field, field.derived)
    return said_on_field(test, field)


def _findings(refused: _Refused, target: str, rule: Location) -> Iterator[Diagnostic]:
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
