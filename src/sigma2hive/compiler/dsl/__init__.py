"""The target `dsl`: queries for Elasticsearch that this program itself sends."""

from __future__ import annotations

from collections.abc import Mapping

from sigma2hive.compiler.dsl.bounds import Reason
from sigma2hive.compiler.dsl.manifest import MARK, render_correlation, render_manifest
from sigma2hive.compiler.dsl.query import DslQuery, Residual, compile_query
from sigma2hive.compiler.targets import Artefact
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule

__all__ = ["DslQuery", "DslTarget", "Reason", "Residual", "compile_query", "render_manifest"]


class DslTarget:
    """One manifest a rule. It refuses none: what a query cannot say is decided afterwards."""

    name = "dsl"
    suffix = ".json"
    mark = MARK

    def emit(self, rule: CompiledRule) -> Artefact:
        """Return the rule's manifest."""
        return Artefact(f"{rule.info.id}{self.suffix}", render_manifest(rule, compile_query(rule)))

    def emit_correlation(
        self, correlation: CompiledCorrelation, rules: Mapping[str, CompiledRule]
    ) -> Artefact:
        """Return the correlation's plan."""
        text = render_correlation(correlation, rules)
        return Artefact(f"{correlation.info.id}{self.suffix}", text)
