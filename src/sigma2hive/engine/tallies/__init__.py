"""What each kind of correlation makes of the events of a window: one figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sigma2hive.engine.tallies.counts import EventCount, ValueCount
from sigma2hive.engine.tallies.interface import Member, Run, Tally
from sigma2hive.engine.tallies.numbers import Average, Median, Percentile, Sum, exact_number
from sigma2hive.engine.tallies.temporal import RulesInOrder, RulesMet
from sigma2hive.model.rules import CompiledCorrelation, CorrelationKind

__all__ = ["CORRELATIONS", "Member", "Run", "Tally", "exact_number"]

#: What makes an empty tally for a correlation of each kind.
CORRELATIONS: Mapping[CorrelationKind, Callable[[CompiledCorrelation], Tally]] = {
    CorrelationKind.EVENT_COUNT: EventCount,
    CorrelationKind.VALUE_COUNT: ValueCount,
    CorrelationKind.TEMPORAL: RulesMet,
    CorrelationKind.TEMPORAL_ORDERED: RulesInOrder,
    CorrelationKind.VALUE_SUM: Sum,
    CorrelationKind.VALUE_AVG: Average,
    CorrelationKind.VALUE_PERCENTILE: Percentile,
    CorrelationKind.VALUE_MEDIAN: Median,
}
