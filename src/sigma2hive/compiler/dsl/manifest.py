"""A rule's query as a file: what is sent, where to, and what is decided afterwards.

Takes compiled rules and correlations; gives JSON text that is the same for the same rule. Its form
is docs/schemas/dsl-manifest.schema.json. Places in the rule's file are left out, so that a comment
above the rule changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from sigma2hive.compiler.dsl.query import DslQuery
from sigma2hive.compiler.forms import condition_form
from sigma2hive.compiler.rendering import pretty_json
from sigma2hive.model.canonical import JsonValue, digest_of
from sigma2hive.model.fields import Field
from sigma2hive.model.identity import plain_number
from sigma2hive.model.rules import (
    Chained,
    CompiledCorrelation,
    CompiledFilter,
    CompiledRule,
    Named,
    RuleInfo,
)
from sigma2hive.model.times import NANOSECONDS

#: The version of the manifest's form. A change that a reader would stumble over is a new one.
VERSION = 1
#: How every manifest starts; "_" sorts before the other keys.
MARK = '{\n  "_sigma2hive": {\n    "target": "dsl",'


def render_manifest(rule: CompiledRule, query: DslQuery) -> str:
    """Return the manifest as JSON with a final newline.

    `residual` lists the parts of the rule that the query only narrows down, `margins` the unusual
    values that it finds too: every hit is decided again with `fields`.
    """
    return _rendered(
        {
            **_about(rule.info, "rule"),
            "digest": rule.digest,
            "profile": rule.profile,
            "silent": rule.silent,
            "indices": list(rule.indices),
            "query": query.body,
            "fields": list(query.fields),
            **({"computed": list(query.computed)} if query.computed else {}),
            "exact": query.exact,
            "margins": [reason.value for reason in query.margins],
            "residual": [
                {
                    "selection": part.origin.selection,
                    "item": part.origin.item,
                    "value": part.origin.value,
                    "reason": part.reason.value,
                }
                for part in query.residual
            ],
        }
    )


def render_correlation(correlation: CompiledCorrelation, rules: Mapping[str, CompiledRule]) -> str:
    """Return the correlation's plan as JSON with a final newline.

    `rules` has the compiled rules that it refers to, by id. Their own manifests say what to search;
    this one how what is found is counted: by which fields of each rule's events, over which span of
    event time, up to which figure.
    """
    return _rendered(
        {
            **_about(correlation.info, "correlation"),
            "digest": correlation.epoch,
            "profile": rules[correlation.leaves[0]].profile,
            "type": correlation.kind.value,
            "rules": [_referred(rule_id, correlation, rules) for rule_id in correlation.rules],
            "group_by": [name for name, _ in correlation.group_by],
            **({"values": [name for name, _ in correlation.values]} if correlation.values else {}),
            **_percentile(correlation),
            "timespan_seconds": correlation.timespan_ns // NANOSECONDS,
            "condition": {
                bound.operator.value: plain_number(bound.number) for bound in correlation.bounds
            },
            "generate": correlation.generate,
        }
    )


def _about(info: RuleInfo, kind: str) -> dict[str, JsonValue]:
    return {
        "_sigma2hive": {"target": "dsl", "version": VERSION},
        "kind": kind,
        "id": info.id,
        "title": info.title,
        "level": info.level.value if info.level else None,
        "path": info.location.path,
    }


def _percentile(correlation: CompiledCorrelation) -> dict[str, JsonValue]:
    percentile = correlation.percentile
    return {} if percentile is None else {"percentile": plain_number(percentile)}


def _referred(
    rule_id: str, correlation: CompiledCorrelation, rules: Mapping[str, CompiledRule]
) -> dict[str, JsonValue]:
    if rule_id in correlation.chained:
        return _referred_correlation(rule_id, correlation.chained[rule_id], correlation)
    computed = {path for field in correlation.fields_of(rule_id) for path in field.computed_paths}
    filters = correlation.only.get(rule_id, ())
    return {
        "id": rule_id,
        "digest": rules[rule_id].digest,
        "group_by": _paths(correlation.group_by, rule_id),
        **({"values": _paths(correlation.values, rule_id)} if correlation.values else {}),
        **({"computed": sorted(computed)} if computed else {}),
        **({"filters": [_filter(entry) for entry in filters]} if filters else {}),
    }


def _referred_correlation(
    rule_id: str, inner: Chained, correlation: CompiledCorrelation
) -> dict[str, JsonValue]:
    """Return what is said of a correlation that is counted: its own file says the rest."""
    named = {
        name: {leaf: [_path(field) for field in fields] for leaf, fields in by_leaf.items()}
        for name, by_leaf in inner.fields.items()
    }
    filters = [
        {"rule": leaf, **_filter(entry)}
        for leaf in inner.leaves
        for entry in correlation.only.get(leaf, ())
    ]
    return {
        "id": rule_id,
        "digest": inner.epoch,
        "kind": "correlation",
        "group_by": {name: named[name] for name, _ in correlation.group_by},
        **(
            {"values": {name: named[name] for name, _ in correlation.values}}
            if correlation.values
            else {}
        ),
        **({"filters": filters} if filters else {}),
    }


def _paths(named: Named, rule_id: str) -> dict[str, JsonValue]:
    return {name: [_path(field) for field in by_rule[rule_id]] for name, by_rule in named}


def _filter(entry: CompiledFilter) -> dict[str, JsonValue]:
    return {
        "id": entry.info.id,
        "title": entry.info.title,
        "path": entry.info.location.path,
        "digest": digest_of(condition_form(entry.condition)),
    }


def _path(field: Field) -> JsonValue:
    if field.derived is None:
        return field.path
    return {"name": field.path, "derived_from": [part.path for part in field.derived.parts]}


def _rendered(content: Mapping[str, object]) -> str:
    return pretty_json(content) + "\n"
