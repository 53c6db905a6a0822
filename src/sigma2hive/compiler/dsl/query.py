"""A compiled rule as one query in Elasticsearch's Query DSL, never finding too little.

Takes a `CompiledRule`; gives a `DslQuery`. The condition is walked by polarity: under an even
number of NOTs an atom may only widen, under an odd number only narrow. What is found is decided
again in the process, so widening costs time, never truth. Does no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sigma2hive.compiler.dsl.atoms import atom_bounds
from sigma2hive.compiler.dsl.bounds import Reason
from sigma2hive.compiler.dsl.nodes import (
    IGNORED,
    MATCH_ALL,
    All,
    Json,
    Kind,
    Leaf,
    Never,
    Node,
    all_of,
    any_of,
    depth_of,
    leaves_of,
    never,
    render_filter,
    size_of,
)
from sigma2hive.model.conditions import (
    And,
    Atom,
    Condition,
    Not,
    Or,
    Origin,
    fields_of,
)
from sigma2hive.model.fields import Field
from sigma2hive.model.rules import CompiledRule
from sigma2hive.records import dataclass

#: More clauses, or deeper ones, than a search should be asked for are widened. Elasticsearch's own
#: limits are `indices.query.bool.max_clause_count` (1,024 at least) and `max_nested_depth` (30).
MAX_CLAUSES = 1000
MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Residual:
    """A part of the rule that the query cannot say exactly, and why."""

    origin: Origin
    reason: Reason


@dataclass(frozen=True, slots=True)
class DslQuery:
    """A rule's query.

    `body` is a `bool` with the log source first in its `filter`; whoever sends it may add to that.
    `fields` are the paths that must be in `_source` to decide a hit, ".*" for all below; those in
    `computed` have to be asked for through the search's `fields` besides. `margins` say which
    unusual values would be found beyond the rule's, in parts that are exact otherwise.
    """

    body: Json
    fields: tuple[str, ...]
    residual: tuple[Residual, ...] = ()
    margins: tuple[Reason, ...] = ()
    computed: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the query finds exactly the rule's events, so that deciding changes nothing."""
        return not self.residual and not self.margins


def compile_query(rule: CompiledRule) -> DslQuery:
    """Return the query that finds every event of the rule, and maybe others.

    Raises:
        ValueError: an atom's fields were not resolved by a profile.
    """
    walk = _Walk()
    gate = walk.node_of(rule.gate, True)
    condition, is_cut = _bounded(walk.node_of(rule.condition, True))
    parts = all_of((gate, condition))
    residual = walk.residual
    if is_cut:
        whole = Origin("condition", "", "", rule.info.location)
        residual = (*residual, Residual(whole, Reason.TOO_MANY_CLAUSES))
    body = render_filter(parts.parts if isinstance(parts, All) and parts.parts else (parts,))
    fields = _distinct([*fields_of(rule.gate), *fields_of(rule.condition)])
    return DslQuery(
        body,
        tuple(sorted({path for field in fields for path in _read(field)})),
        residual,
        walk.margins,
        tuple(sorted({path for field in fields for path in field.computed_paths})),
    )


class _Walk:
    """Walks conditions, remembering what it could not say."""

    def __init__(self) -> None:
        self._found: dict[tuple[Origin, Reason], None] = {}
        self._rare: set[Reason] = set()

    @property
    def residual(self) -> tuple[Residual, ...]:
        return tuple(Residual(*found) for found in self._found)

    @property
    def margins(self) -> tuple[Reason, ...]:
        return tuple(reason for reason in Reason if reason in self._rare)

    def node_of(self, condition: Condition, wide: bool) -> Node:
        """Return a query that finds all (`wide`) or only (not `wide`) what meets the condition."""
        match condition:
            case And(conditions):
                return all_of([self.node_of(part, wide) for part in conditions])
            case Or(conditions):
                return any_of([self.node_of(part, wide) for part in conditions])
            case Not(inner):
                return never(self.node_of(inner, not wide))
            case Atom():
                return self._atom(condition, wide)

    def _atom(self, atom: Atom, wide: bool) -> Node:
        if not atom.fields:
            raise ValueError(f"the field {atom.name!r} was not resolved by a profile")
        bounds = atom_bounds(atom)
        reason = bounds.reason
        if reason is not None:
            if reason.is_rare:
                self._rare.add(reason)
            else:
                self._found[atom.origin, reason] = None
        return bounds.upper if wide else bounds.lower


def _bounded(node: Node) -> tuple[Node, bool]:
    """Return a query within the limits that finds at least the same, and whether it is another."""
    if depth_of(node) > MAX_DEPTH:
        return _coarse(node), True
    if size_of(node) <= MAX_CLAUSES:
        return node, False
    parts = node.parts if isinstance(node, All) else (node,)
    kept: list[Node] = []
    left = MAX_CLAUSES
    for part in sorted(parts, key=size_of):
        size = size_of(part)
        kept.append(part if size <= left else _coarse(part))
        left -= min(size, left)
    return all_of(kept), True


def _coarse(node: Node) -> Node:
    """Return the documents that have any of the fields that the query asks for."""
    if _has_negation(node):
        return MATCH_ALL
    paths: dict[Node, None] = {}
    for leaf in leaves_of(node):
        is_exact = leaf.path == IGNORED
        paths[leaf if is_exact else Leaf(Kind.EXISTS, leaf.path)] = None
    return any_of(paths) if 0 < len(paths) <= MAX_CLAUSES else MATCH_ALL


def _has_negation(node: Node) -> bool:
    if isinstance(node, Leaf):
        return False
    return isinstance(node, Never) or any(map(_has_negation, node.parts))


def _distinct(fields: Iterable[Field]) -> Iterable[Field]:
    """Return each field once; two that are equal may be made of other parts."""
    return {id(field): field for field in fields}.values()


def _read(field: Field) -> Iterator[str]:
    if field.derived is None:
        yield field.path
        return
    for part in field.derived.parts:
        yield part.path
        yield from part.only_if
