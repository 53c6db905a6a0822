"""How far a tree of correlations was worked out: what its unit's position in the store says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, cast

from sigma2hive.model.service import Position
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a tree stands.

    What happened until `horizon_ns` was taken in, and what was stored until match number `match`
    was looked at for late ones. `nodes` says of each correlation until which entry it was worked
    out, and where the horizon was then.
    """

    horizon_ns: int
    match: int
    nodes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def as_position(self) -> Position:
        """Return what the store keeps."""
        nodes = {name: list(reached) for name, reached in self.nodes.items()}
        return {"horizon": self.horizon_ns, "match": self.match, "nodes": nodes}

    def of_node(self, correlation_id: str) -> tuple[int, int]:
        """Return until which entry a correlation was worked out, and the horizon then."""
        return self.nodes.get(correlation_id, (0, -(2**63)))

    def with_node(self, correlation_id: str, number: int) -> Reached:
        """Return where the tree stands after a correlation was worked out."""
        nodes = {**self.nodes, correlation_id: (number, self.horizon_ns)}
        return replace(self, nodes=nodes)


def read_position(position: Position) -> Reached:
    """Return what a position says."""
    said = cast("Mapping[str, Any]", position)
    nodes = {name: (reached[0], reached[1]) for name, reached in said["nodes"].items()}
    return Reached(said["horizon"], said["match"], nodes)
