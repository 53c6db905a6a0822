"""Explanations of what the reference evaluator decides.

Takes a compiled rule and an event's values; gives the whole tree with what each part saw. Decides
nothing by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigma2hive.engine.reference import prepare
from sigma2hive.model.conditions import And, Atom, Condition, FieldReference, Not, Or, atoms_of
from sigma2hive.model.explanations import Explained, ExplainedFilter, ExplainedRule, Part, Saw
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.values import Values

#: A selection, told from one of the same name in a filter's file.
_Selection = tuple[str, str]


def explain_rule(rule: CompiledRule, values: Values) -> ExplainedRule:
    """Return what the rule makes of an event with these values."""
    return ExplainedRule(
        info=rule.info,
        gate=explain(rule.gate, values),
        condition=explain(rule.unfiltered, values),
        filters=tuple(
            ExplainedFilter(entry.info, explain(entry.condition, values)) for entry in rule.filters
        ),
    )


def explain(condition: Condition, values: Values) -> Explained:
    """Return the tree of a condition, in the order that the rule is written in."""
    return _explained(condition, values)[0]


def _explained(condition: Condition, values: Values) -> tuple[Explained, frozenset[_Selection]]:
    """Return a node, and the selections that its tests are of."""
    match condition:
        case Atom():
            node = Explained(
                Part.TEST, prepare(condition)(values), atom=condition, saw=_saw(condition, values)
            )
            selection = (condition.origin.location.path, condition.origin.selection)
            return _named(node, selection[1]), frozenset({selection})
        case Not(inner):
            below, selections = _explained(inner, values)
            if not _is_of_a_modifier(inner):
                return Explained(Part.NOT, not below.holds, (below,)), selections
            ((_, name),) = selections
            node = Explained(Part.NOT, not below.holds, (_named(below, ""),))
            return _named(node, name), selections
        case And(conditions):
            return _joined(Part.ALL, conditions, values)
        case Or(conditions):
            return _joined(Part.ANY, conditions, values)


def _joined(
    part: Part, conditions: Sequence[Condition], values: Values
) -> tuple[Explained, frozenset[_Selection]]:
    found = [_explained(condition, values) for condition in conditions]
    if len(found) == 1:
        return found[0]
    holds = (all if part is Part.ALL else any)(node.holds for node, _ in found)
    selections = frozenset[_Selection]().union(*(selections for _, selections in found))
    parts = tuple(node for node, _ in found)
    if len(selections) != 1:
        return Explained(part, holds, parts), selections
    ((_, name),) = selections
    return _named(
        Explained(part, holds, tuple(_named(part, "") for part in parts)), name
    ), selections


def _named(node: Explained, selection: str) -> Explained:
    """Name the selection that a node is; the names below a `not` of the condition go too."""
    if not selection and node.part is Part.NOT:
        node = replace(node, parts=tuple(_named(part, "") for part in node.parts))
    return replace(node, selection=selection)


def _is_of_a_modifier(condition: Condition) -> bool:
    """Whether a negation of this is written in a selection (`|neq`), not in the condition."""
    return all("neq" in atom.origin.item.split("|") for atom in atoms_of(condition))


def _saw(atom: Atom, values: Values) -> tuple[Saw, ...]:
    fields = atom.fields
    if isinstance(atom.test, FieldReference):
        fields = (*fields, *atom.test.fields)
    return tuple(Saw(field.path, field.values_of(values)) for field in fields)
