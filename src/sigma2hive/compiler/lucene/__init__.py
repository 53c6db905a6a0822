"""The target `lucene`: rules as text for `query_string`, and for Kibana's search bar in Lucene."""

from __future__ import annotations

from sigma2hive.compiler.dsl.nodes import Leaf
from sigma2hive.compiler.exact import Statement, TextTarget
from sigma2hive.compiler.lucene.text import write_leaf, write_query

__all__ = ["LUCENE"]


class _Lucene:
    name = "lucene"

    def write_leaf(self, leaf: Leaf) -> str:
        return write_leaf(leaf)

    def write(self, statement: Statement, indices: tuple[str, ...]) -> str:  # noqa: ARG002
        return write_query(statement)


LUCENE = TextTarget(_Lucene())
