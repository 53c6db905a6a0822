"""A correlation with all that it counts: what is worked out together, and from one position.

Takes what is compiled; gives a `Tree` for each correlation that may raise alerts. The correlations
that it counts are worked out within the tree, so that a new chain over an old correlation has its
own past, and one that two chains count is no matter between them. Does no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sigma2hive.engine import prepare
from sigma2hive.model.fields import Field
from sigma2hive.model.rules import Compiled, CompiledCorrelation, CompiledFilter
from sigma2hive.model.values import Values
from sigma2hive.records import dataclass

#: What the names of all units of correlations begin with.
UNITS = "correlation:"


@dataclass(frozen=True, slots=True)
class Node:
    """One correlation of a tree.

    `unit` is what its events are counted under, `episodes_of` what its episodes are stored under;
    `counted_by` are the ids of those of the tree that count it.
    """

    correlation: CompiledCorrelation
    unit: str
    episodes_of: str
    counted_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """A correlation that may raise alerts, `top`, and those that it counts.

    `nodes` has them in the order in which to work them out, `top` last. `context_ns` is how far
    back an event may matter to one at which the top fires.
    """

    top: CompiledCorrelation
    nodes: tuple[Node, ...]
    unit: str
    context_ns: int
    _passes: Mapping[tuple[str, str], Callable[[Values], bool]]
    _fields: tuple[Field, ...]

    @property
    def leaves(self) -> tuple[str, ...]:
        """The ids of the detection rules below."""
        return self.top.leaves

    def node(self, correlation_id: str) -> Node:
        """Return the node of a correlation."""
        return next(node for node in self.nodes if node.correlation.info.id == correlation_id)

    def passes(self, node: Node, rule_id: str, values: Values) -> bool:
        """Whether the filters that name the correlation let an event of a rule through."""
        return self._passes[node.correlation.info.id, rule_id](values)

    def read_of(self, values: Values) -> dict[str, tuple[str, ...]]:
        """Return the part of an event's values that any correlation of the tree looks at.

        Whatever rule it met: it may meet several, and be read by one for another.
        """
        reading = _Reading(values)
        read: dict[str, tuple[str, ...]] = {}
        for asked in self._fields:
            below = asked.below
            if below is not None:
                read.update(
                    (path, found) for path, found in values.items() if path.startswith(below)
                )
            else:
                asked.values_of(reading)
        return {**read, **reading.read}


class _Reading(dict[str, tuple[str, ...]]):
    """Values that keep in mind which of them were asked for."""

    def __init__(self, values: Values) -> None:
        super().__init__(values)
        self.read: dict[str, tuple[str, ...]] = {}

    def get(self, path: str, default: Any = None) -> Any:
        found = super().get(path, default)
        if path in self:
            self.read[path] = found
        return found

    def __getitem__(self, path: str) -> tuple[str, ...]:
        self.read[path] = super().__getitem__(path)
        return self.read[path]


def trees_of(compiled: Compiled) -> Sequence[Tree]:
    """Return a tree for each correlation that is not silent."""
    by_id = {entry.info.id: entry for entry in compiled.correlations}
    return tuple(_tree(entry, by_id) for entry in compiled.correlations if not entry.silent)


def _tree(top: CompiledCorrelation, by_id: Mapping[str, CompiledCorrelation]) -> Tree:
    unit = f"{UNITS}{top.info.id}:{top.epoch}"
    inner = tuple(dict.fromkeys(_below(top, by_id)))
    ids = (*inner, top.info.id)
    nodes = tuple(
        Node(
            correlation=by_id[each],
            unit=unit if each == top.info.id else f"{unit}/{each}",
            episodes_of=each if each == top.info.id else f"{top.info.id}/{each}",
            counted_by=tuple(other for other in ids if each in by_id[other].chained),
        )
        for each in ids
    )
    fields: dict[Field, None] = {}
    passes: dict[tuple[str, str], Callable[[Values], bool]] = {}
    for node in nodes:
        for leaf in node.correlation.leaves:
            fields.update(dict.fromkeys(node.correlation.fields_of(leaf)))
            filters = node.correlation.only.get(leaf, ())
            passes[node.correlation.info.id, leaf] = _passes(filters)
    return Tree(top, nodes, unit, _context_ns(top, by_id), passes, tuple(fields))


def _below(
    correlation: CompiledCorrelation, by_id: Mapping[str, CompiledCorrelation]
) -> Iterator[str]:
    """Yield the correlations below, each after those that it counts."""
    for each in correlation.chained:
        yield from _below(by_id[each], by_id)
        yield each


def _context_ns(correlation: CompiledCorrelation, by_id: Mapping[str, CompiledCorrelation]) -> int:
    below = (_context_ns(by_id[each], by_id) for each in correlation.chained)
    return correlation.timespan_ns + max(below, default=0)


def _passes(filters: Sequence[CompiledFilter]) -> Callable[[Values], bool]:
    decisions = tuple(prepare(entry.condition) for entry in filters)
    return lambda values: all(decide(values) for decide in decisions)
