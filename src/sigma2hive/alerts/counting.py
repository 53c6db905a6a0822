"""What an alert says of a correlation: what it asks for, and what it found when it fired.

Takes the facts of an episode; gives lines of a Markdown list. Nothing is rounded without saying so.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from sigma2hive.alerts.blocks import spans
from sigma2hive.alerts.facts import Facts
from sigma2hive.alerts.text import code_span, markdown_text
from sigma2hive.model.conditions import Operator
from sigma2hive.model.rules import Bound, CompiledCorrelation, CorrelationKind, Figure

#: What figures are of, and what stands before them.
_NOUNS = {
    CorrelationKind.EVENT_COUNT: "events",
    CorrelationKind.VALUE_COUNT: "different values",
    CorrelationKind.TEMPORAL: "rules",
    CorrelationKind.TEMPORAL_ORDERED: "rules in order",
}
_MEASURES = {
    CorrelationKind.VALUE_SUM: "sum",
    CorrelationKind.VALUE_AVG: "average",
    CorrelationKind.VALUE_MEDIAN: "median",
}
_BOUNDS = {
    Operator.GTE: "at least",
    Operator.GT: "more than",
    Operator.LTE: "at most",
    Operator.LT: "fewer than",
    Operator.EQ: "exactly",
    Operator.NEQ: "other than",
}
_DECIMALS = 3


def counting_lines(facts: Facts) -> Iterator[str]:
    """Yield what the correlation asks for, what it came to, and of what."""
    correlation, figure = facts.context.correlation, facts.match.figure
    if correlation is None:
        if figure:
            yield f"- Counted when it fired: {shown_number(figure)}"
        return
    yield f"- Limit: {_limit(correlation)} within {shown_duration(correlation.timespan_ns)}"
    if figure or correlation.kind.is_numeric:
        yield f"- {_come_to(correlation, figure)}"
    yield from _rules(facts, correlation)
    yield from _values(facts, correlation)


def shown_duration(nanoseconds: int) -> str:
    """Return a span of time as people say it: 1 h 30 min."""
    seconds = nanoseconds // 1_000_000_000
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "less than 1 s"


def shown_number(number: Figure | Decimal) -> str:
    """Return a number with its thousands marked; one with more decimals than fit is "about"."""
    if isinstance(number, int):
        return f"{number:,}"
    exact = Fraction(number)
    scaled = round(exact * 10**_DECIMALS)
    whole, part = divmod(abs(scaled), 10**_DECIMALS)
    text = f"{'-' if scaled < 0 else ''}{whole:,}.{part:0{_DECIMALS}}".rstrip("0").rstrip(".")
    return text if Fraction(scaled, 10**_DECIMALS) == exact else f"about {text}"


def _limit(correlation: CompiledCorrelation) -> str:
    is_all = correlation.bounds == (Bound(Operator.GTE, len(correlation.rules)),)
    if correlation.kind.is_temporal and is_all:
        return f"all {len(correlation.rules)} {_noun(correlation)}"
    bounds = " and ".join(
        f"{_bound(correlation, bound.operator)} {shown_number(bound.number)}"
        for bound in correlation.bounds
    )
    if correlation.kind.is_numeric:
        return f"{_measure(correlation)} of {bounds}"
    return f"{bounds} {_noun(correlation)}"


def _bound(correlation: CompiledCorrelation, operator: Operator) -> str:
    is_measured = correlation.kind.is_numeric and operator is Operator.LT
    return "less than" if is_measured else _BOUNDS[operator]


def _noun(correlation: CompiledCorrelation) -> str:
    noun = _NOUNS[correlation.kind]
    if correlation.kind is CorrelationKind.VALUE_COUNT:
        return f"{noun} of {_names(correlation)}"
    is_chained = correlation.kind is CorrelationKind.EVENT_COUNT and correlation.chained
    return "episodes" if is_chained and len(correlation.chained) == len(correlation.rules) else noun


def _measure(correlation: CompiledCorrelation) -> str:
    if correlation.kind is CorrelationKind.VALUE_PERCENTILE:
        percentile = shown_number(correlation.percentile or 0)
        return f"percentile {percentile} of {_names(correlation)}"
    return f"{_MEASURES[correlation.kind]} of {_names(correlation)}"


def _names(correlation: CompiledCorrelation) -> str:
    return " with ".join(code_span(name, in_table=False) for name, _ in correlation.values)


def _come_to(correlation: CompiledCorrelation, figure: Figure) -> str:
    if correlation.kind.is_numeric:
        measure = _measure(correlation)
        return f"{measure[0].upper()}{measure[1:]} when it fired: {shown_number(figure)}"
    return f"Counted when it fired: {shown_number(figure)} {_noun(correlation)}"


def _rules(facts: Facts, correlation: CompiledCorrelation) -> Iterator[str]:
    if correlation.kind.is_temporal:
        joint = ", then " if correlation.kind is CorrelationKind.TEMPORAL_ORDERED else ", "
        titles = joint.join(f"'{markdown_text(title)}'" for title in facts.context.counted)
        yield f"- Asked for: {titles}"


def _values(facts: Facts, correlation: CompiledCorrelation) -> Iterator[str]:
    for name, _ in correlation.values:
        if found := facts.values(name):
            yield f"- Values of {code_span(name, in_table=False)}: {spans(found, in_table=False)}"
