"""The target `eql`: rules in Elastic's Event Query Language."""

from __future__ import annotations

from sigma2hive.compiler.dsl.nodes import Leaf
from sigma2hive.compiler.eql.text import write_leaf, write_query
from sigma2hive.compiler.exact import Statement, TextTarget

__all__ = ["EQL"]


class _Eql:
    name = "eql"

    def write_leaf(self, leaf: Leaf) -> str:
        return write_leaf(leaf, False)

    def write(self, statement: Statement, indices: tuple[str, ...]) -> str:  # noqa: ARG002
        return write_query(statement)


EQL = TextTarget(_Eql())
