"""A correlation as a threshold rule, where that was asked for.

Takes a correlation and the rules that feed it; gives the body of a detection rule, or a refusal. A
threshold rule counts what one run finds over its look-back. A sliding window finds the same burst
when it lies across two runs, and tells its alerts apart by episode: that no type of rule does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from sigma2hive.compiler.dsl.nodes import all_of, any_of, render
from sigma2hive.compiler.exact import Statement, say_rule
from sigma2hive.compiler.kibana.filling import Filling, Schedule
from sigma2hive.compiler.kibana.inert import code
from sigma2hive.compiler.kibana.needs import index_fields
from sigma2hive.compiler.kibana.rules import Body, Subject, common_body, unseen_by
from sigma2hive.compiler.targets import Refusal
from sigma2hive.diagnostics import Diagnostic, Severity
from sigma2hive.model.conditions import Operator
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.rules import (
    CompiledCorrelation,
    CompiledRule,
    CorrelationKind,
    Named,
)
from sigma2hive.model.times import NANOSECONDS

#: Kibana's own limit on `threshold.field`. Source: elastic/detection-rules, api_schemas
_MAX_FIELDS = 5
_NAME = "kibana"
_ALLOW = "allow_approximate"
_COUNTED = (CorrelationKind.EVENT_COUNT, CorrelationKind.VALUE_COUNT)
_GROUPED = frozenset(
    {
        FieldType.KEYWORD,
        FieldType.WILDCARD,
        FieldType.CONSTANT_KEYWORD,
        FieldType.IP,
        FieldType.LONG,
        FieldType.BOOLEAN,
    }
)
_NOTE = (
    "This rule only comes near the Sigma correlation: it counts what one run finds over its "
    "look-back. A burst that lies across two runs may be missed, and one that goes on may be "
    "told more than once."
)


class _No(Exception):
    """There is no threshold rule, for this reason."""


def threshold_rule(
    correlation: CompiledCorrelation, rules: Mapping[str, CompiledRule], filling: Filling
) -> Body | Refusal:
    """Return the threshold rule, or why there is none."""
    if not (filling.settings.allow_approximate or _is_allowed(correlation)):
        return _refused(
            correlation,
            "no type of detection rule counts in a sliding window of event time",
            "the target dsl says it, and `sigma2hive run` decides it; or let a threshold rule come "
            f"near it: `sigma2hive: {{kibana: {{{_ALLOW}: true}}}}` in the rule",
        )
    try:
        threshold = _threshold(correlation)
    except _No as reason:
        return _refused(correlation, str(reason))
    said = [_said(rules[rule_id], correlation) for rule_id in correlation.rules]
    findings = [finding for entry in said if not isinstance(entry, Statement) for finding in entry]
    if findings:
        return Refusal(tuple(findings))
    statements = [entry for entry in said if isinstance(entry, Statement)]
    subject = _subject(correlation, [rules[rule_id] for rule_id in correlation.rules], statements)
    return common_body(subject, filling, _schedule(correlation, filling)) | {
        "type": "threshold",
        "threshold": threshold,
    }


def _is_allowed(correlation: CompiledCorrelation) -> bool:
    own = correlation.info.custom.get(_NAME)
    return isinstance(own, Mapping) and own.get(_ALLOW) is True


def _threshold(correlation: CompiledCorrelation) -> Body:
    if correlation.kind not in _COUNTED:
        raise _No(f"a threshold rule has nothing for {correlation.kind.value}")
    if correlation.chained:
        raise _No("a threshold rule counts events, not alerts of another correlation")
    least = _least(correlation)
    groups = [_one_field(name, by_rule) for name, by_rule in correlation.group_by]
    if len(groups) > _MAX_FIELDS:
        raise _No(f"a threshold rule groups by {_MAX_FIELDS} fields at most")
    if correlation.kind is CorrelationKind.EVENT_COUNT:
        return {"field": groups, "value": least, "cardinality": []}
    counted = _counted_field(correlation.values)
    return {
        "field": groups,
        "value": 1,
        "cardinality": [{"field": counted, "value": least}],
    }


def _least(correlation: CompiledCorrelation) -> int:
    """Return the figure from which on it fires."""
    if len(correlation.bounds) != 1:
        raise _No("a threshold rule takes one lower bound and nothing else")
    (bound,) = correlation.bounds
    if isinstance(bound.number, int) and bound.number >= 0:
        if bound.operator is Operator.GTE and bound.number > 0:
            return bound.number
        if bound.operator is Operator.GT:
            return bound.number + 1
    raise _No(f"a threshold rule has no {bound.operator.value}: {bound.number}")


def _counted_field(values: Named) -> str:
    if len(values) != 1:
        raise _No("a threshold rule counts the values of one field")
    ((name, by_rule),) = values
    return _one_field(name, by_rule)


def _one_field(name: str, by_rule: Mapping[str, tuple[Field, ...]]) -> str:
    """Return the field of the index that a name is first read from, in the events of every rule."""
    found = {fields[0].path: fields[0] for fields in by_rule.values()}
    if len(found) != 1:
        raise _No(f"'{name}' lies in several fields ({', '.join(sorted(found))})")
    (field,) = found.values()
    if field.derived is not None or field.type not in _GROUPED:
        raise _No(f"'{name}' ({field.path}) is no field of the index that it can group by")
    return field.path


def _said(
    rule: CompiledRule, correlation: CompiledCorrelation
) -> Statement | tuple[Diagnostic, ...]:
    if correlation.only.get(rule.info.id):
        return _refused(correlation, "a filter names the correlation itself").findings
    return say_rule(rule, _NAME, lambda _leaf: None)


def _schedule(correlation: CompiledCorrelation, filling: Filling) -> Schedule:
    """Look back over just the timespan: what is beyond would be counted too."""
    minutes = max(1, -(-correlation.timespan_ns // (60 * NANOSECONDS)))
    return Schedule(min(filling.schedule.interval, minutes), minutes)


def _subject(
    correlation: CompiledCorrelation,
    rules: Sequence[CompiledRule],
    statements: Sequence[Statement],
) -> Subject:
    conditions = [part for rule in rules for part in (rule.gate, rule.condition)]
    named = [by_rule for _, by_rule in (*correlation.group_by, *correlation.values)]
    counted = {fields[0].path: fields[0] for by_rule in named for fields in by_rule.values()}
    further = {field.path for by_rule in named for fields in by_rule.values() for field in fields}
    fields = {field.path: field for field in index_fields(*conditions)} | counted
    return Subject(
        info=correlation.info,
        digest=correlation.epoch,
        profile=rules[0].profile,
        logsources=tuple(dict.fromkeys(rule.logsource for rule in rules)),
        indices=tuple(dict.fromkeys(name for rule in rules for name in rule.indices)),
        query=render(any_of(all_of((said.gate, said.condition)) for said in statements)),
        fields=[fields[path] for path in sorted(fields)],
        telling=list(counted),
        unseen=unseen_by(statements),
        filters=tuple(dict.fromkeys(entry for rule in rules for entry in rule.filters)),
        notes=(_NOTE, *_left_out(further - counted.keys())),
    )


def _left_out(paths: Collection[str]) -> Iterator[str]:
    """Yield what there is to say of further fields that a name is read from."""
    if paths:
        named = ", ".join(map(code, sorted(paths)))
        yield f"Events that have their values in other fields alone ({named}) are not counted."


def _refused(correlation: CompiledCorrelation, reason: str, hint: str = "") -> Refusal:
    return Refusal(
        (
            Diagnostic(
                "S2H302",
                Severity.ERROR,
                correlation.info.location,
                f"{_NAME} cannot say the correlation '{correlation.info.title}': {reason}",
                hint or "the target dsl says it, and `sigma2hive run` decides it",
            ),
        )
    )
