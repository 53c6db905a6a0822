"""Correlations as rule types of ElastAlert 2: what each can say, and how it differs.

Takes a compiled correlation; gives the keys of a rule's file and the differences, or a refusal.
None of ElastAlert's counts is Sigma's: `frequency` empties its window at each alert, `cardinality`
matches at every further event, `metric_aggregation` looks once a run, and all of them keep what
they counted in memory. So they are written where that is asked for, and refused otherwise.

Source: ElastAlert 2.31.0, elastalert/ruletypes.py
"""

from __future__ import annotations

import math
from decimal import Decimal

from sigma2hive.compiler.elastalert.texts import Value
from sigma2hive.model.conditions import Operator
from sigma2hive.model.fields import Field
from sigma2hive.model.rules import CompiledCorrelation, CorrelationKind, Named
from sigma2hive.records import dataclass

_MILLISECOND_NS = 1_000_000

#: What holds for every count.
_COMMON = (
    "Values are told apart by their letter case, and an event with several values in one field"
    " counts as one of its own.",
    "What was counted is lost when ElastAlert ends or loads the file again; an event that comes"
    " later than buffer_time is not counted.",
    "For as long as the timespan (realert, by the clock) after an alert of a group there is no"
    " further one, even where ElastAlert catches up on hours.",
)
_DIFFERENCES = {
    CorrelationKind.EVENT_COUNT: (
        "It counts from nothing again after each alert: an episode that goes on raises several.",
    ),
    CorrelationKind.VALUE_COUNT: (
        "It matches at every further event while there are too many values, which realert keeps"
        " quiet: an episode that goes on raises an alert for each timespan.",
    ),
    CorrelationKind.VALUE_SUM: (
        "It looks once a run at the last timespan, not at each event: what is above the bound only"
        " between two runs is missed. Its alert names no event.",
    ),
}
_DIFFERENCES[CorrelationKind.VALUE_AVG] = _DIFFERENCES[CorrelationKind.VALUE_SUM]


@dataclass(frozen=True, slots=True)
class Counted:
    """How ElastAlert counts: keys of its rule, paths that must be there, differences in words."""

    keys: dict[str, Value]
    group: tuple[str, ...]
    present: tuple[str, ...]
    differences: tuple[str, ...]


def counted_by(correlation: CompiledCorrelation) -> Counted | str:
    """Return how the correlation is approximated, or in words why it cannot be."""
    if correlation.chained:
        return "it cannot count other correlations"
    if correlation.kind not in _DIFFERENCES:
        return _UNSAID.get(correlation.kind, "it does not know which of several rules are met")
    threshold = _threshold(correlation)
    if threshold is None:
        return "it knows no other bound than one from below (gt, gte)"
    group = _fields(correlation, correlation.group_by)
    values = _fields(correlation, correlation.values)
    if isinstance(group, str):
        return group
    if isinstance(values, str):
        return values
    if len(values) > 1:
        return "it counts the values of one field, not combinations"
    keys = _keys(correlation, threshold, values)
    if isinstance(keys, str):
        return keys
    paths = tuple(field.path for field in group)
    if paths:
        keys["query_key"] = list(paths)
    return Counted(
        keys,
        paths,
        tuple(dict.fromkeys((*paths, *(field.path for field in values)))),
        (*_DIFFERENCES[correlation.kind], *_COMMON),
    )


_UNSAID = {
    CorrelationKind.VALUE_PERCENTILE: "Elasticsearch only estimates percentiles",
    CorrelationKind.VALUE_MEDIAN: "Elasticsearch only estimates the median",
}


def _threshold(correlation: CompiledCorrelation) -> tuple[Operator, Decimal] | None:
    if len(correlation.bounds) != 1:
        return None
    (bound,) = correlation.bounds
    is_lower = bound.operator in (Operator.GT, Operator.GTE)
    return (bound.operator, Decimal(bound.number)) if is_lower else None


def _fields(correlation: CompiledCorrelation, named: Named) -> tuple[Field, ...] | str:
    found: list[Field] = []
    for name, by_rule in named:
        fields, *others = (by_rule[rule_id] for rule_id in correlation.rules)
        if any(other != fields for other in others):
            return f"its rules have {name} in different fields"
        if len(fields) != 1:
            return f"{name} may be in several fields"
        (field,) = fields
        if field.derived is not None or field.below is not None or field.is_computed:
            return f"{name} is in no field of its own that events have"
        found.append(field)
    return tuple(found)


def _keys(
    correlation: CompiledCorrelation,
    threshold: tuple[Operator, Decimal],
    values: tuple[Field, ...],
) -> dict[str, Value] | str:
    operator, number = threshold
    milliseconds = correlation.timespan_ns // _MILLISECOND_NS
    least = math.floor(number) + 1 if operator is Operator.GT else math.ceil(number)
    match correlation.kind:
        case CorrelationKind.EVENT_COUNT:
            return {
                "type": "frequency",
                "num_events": least,
                "timeframe": duration(milliseconds),
            }
        case CorrelationKind.VALUE_COUNT:
            return {
                "type": "cardinality",
                "cardinality_field": values[0].path,
                "max_cardinality": least - 1,
                # Its window has both ends, Sigma's only the later one.
                "timeframe": {"milliseconds": milliseconds - 1},
            }
    if not values[0].type.is_numeric:
        return f"{values[0].path} is no field of numbers"
    bound = float(number)
    is_sum = correlation.kind is CorrelationKind.VALUE_SUM
    return {
        "type": "metric_aggregation",
        "metric_agg_key": values[0].path,
        "metric_agg_type": "sum" if is_sum else "avg",
        # It asks for more than the threshold: what is at least the bound is more than the number
        # just below it.
        "max_threshold": bound if operator is Operator.GT else math.nextafter(bound, -math.inf),
        "allow_buffer_time_overlap": True,
        "terms_size": 10_000,
    }


def duration(milliseconds: int) -> dict[str, Value]:
    """Return a length of time in the largest unit that says it in whole numbers."""
    units = (("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000), ("seconds", 1000))
    for name, size in units:
        if milliseconds % size == 0:
            return {name: milliseconds // size}
    return {"milliseconds": milliseconds}
