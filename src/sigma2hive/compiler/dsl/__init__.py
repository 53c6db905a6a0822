"""The target `dsl`: queries for Elasticsearch that this program itself sends."""

from __future__ import annotations

from sigma2hive.compiler.dsl.bounds import Reason
from sigma2hive.compiler.dsl.manifest import render_manifest
from sigma2hive.compiler.dsl.query import DslQuery, Residual, compile_query
from sigma2hive.compiler.targets import Artefact
from sigma2hive.model.rules import CompiledRule

__all__ = ["DslQuery", "DslTarget", "Reason", "Residual", "compile_query", "render_manifest"]


class DslTarget:
    """One manifest a rule. It refuses none: what a query cannot say is decided afterwards."""

    name = "dsl"
    suffix = ".json"

    def emit(self, rule: CompiledRule) -> Artefact:
        """Return the rule's manifest."""
        return Artefact(f"{rule.info.id}{self.suffix}", render_manifest(rule, compile_query(rule)))
