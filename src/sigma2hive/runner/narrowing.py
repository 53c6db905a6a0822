"""Which hits of a rule can matter to its correlations: groups too small to fire are not fetched.

Takes a rule that only feeds correlations, counts that Elasticsearch made by aggregation, and the
episodes that fired before; gives a filter to search with besides. It never leaves out an event that
an episode could hold, nor one that belongs to no group. Where that cannot be promised there is no
filter, and all hits are fetched. Does no I/O.

Counts are upper bounds: of a query that finds too much, over the whole window, by one grouping
field at a time, with all spellings of a value together. Documents of which the index may not have
the grouping value as it came lie outside: they are fetched first, and counted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from sigma2hive.engine import group_values, least_count
from sigma2hive.model.events import Event
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.identity import fold_group_value
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule, CorrelationKind
from sigma2hive.records import dataclass

#: Values that one filter names at most.
MAX_VALUES = 1_000
#: Distinct values that are counted at most, and how many of them one answer has.
MAX_BUCKETS = 50_000
BUCKETS_PER_ANSWER = 5_000

_COUNTED = (FieldType.KEYWORD, FieldType.IP)

Query = Mapping[str, Any]
#: A grouping name and a folded value of it.
Value = tuple[str, str]
#: Returns how many documents there are by indexed value of a field; None where there are too many
#: values, or the index cannot count by that field.
Count = Callable[[Field], Mapping[str, int] | None]
#: Returns the groups of a correlation that fired before: further events of theirs belong to them,
#: however few.
Remembered = Callable[[CompiledCorrelation], Collection[Value]]


@dataclass(frozen=True, slots=True)
class Grouped:
    """A correlation of one rule: by grouping name the fields to read, the first one counted by."""

    correlation: CompiledCorrelation
    candidates: Mapping[str, Sequence[Field]]


@dataclass(slots=True)
class Plan:
    """The correlations that a rule feeds, and how many events outside have which values."""

    grouped: Sequence[Grouped]
    seen: Counter[Value] = field(default_factory=Counter)

    def see(self, event: Event) -> None:
        """Count an event that was fetched because it lies outside."""
        for name, candidates in {
            (name, tuple(candidates))
            for grouped in self.grouped
            for name, candidates in grouped.candidates.items()
        }:
            self.seen.update((name, value) for value in group_values(candidates, event))

    @property
    def outside(self) -> Query:
        """The query for documents of which the index may not have a grouping value as it came."""
        return {"bool": {"should": list(self._outside())}}

    def narrower(self, remembered: Remembered, count: Count) -> Query | None:
        """Return the filter for what does not lie outside; None where all is to be fetched."""
        filters = []
        for grouped in self.grouped:
            made = self._filter(grouped, remembered(grouped.correlation), count)
            if made is None:
                return None
            filters.append(made)
        return {"bool": {"should": filters}}

    def _outside(self) -> Iterator[Query]:
        counted = {
            candidates[0].path: candidates[0]
            for grouped in self.grouped
            for candidates in grouped.candidates.values()
        }
        for path, first in counted.items():
            yield {"bool": {"must_not": [{"exists": {"field": path}}]}}
            yield {"term": {"_ignored": {"value": path}}}
            if first.dropped:
                # What was dropped is looked up in the next field.
                yield {"terms": {path: list(first.dropped)}}

    def _filter(
        self, grouped: Grouped, remembered: Collection[Value], count: Count
    ) -> Query | None:
        needed = least_count(grouped.correlation.bounds)
        enough = []
        for name, candidates in grouped.candidates.items():
            counts = count(candidates[0])
            if counts is None:
                return None
            by_group = Counter(self.seen)
            for value, number in counts.items():
                by_group[name, fold_group_value(value)] += number
            values = [
                value
                for value in counts
                if by_group[group := (name, fold_group_value(value))] >= needed
                or group in remembered
            ]
            if len(values) <= MAX_VALUES:
                enough.append({"terms": {candidates[0].path: values}})
        return {"bool": {"filter": enough}} if enough else None


def plan_narrowing(rule: CompiledRule, correlations: Iterable[CompiledCorrelation]) -> Plan | None:
    """Return the plan for a rule; None where all of its hits are wanted."""
    if not rule.silent:
        return None
    fed = [entry for entry in correlations if rule.info.id in entry.rules]
    # Another rule's events would have to be counted together with this one's, and of other kinds
    # no number of events says whether they fire.
    if not fed or any(len(entry.rules) > 1 or not entry.group_by for entry in fed):
        return None
    if any(entry.kind is not CorrelationKind.EVENT_COUNT for entry in fed):
        return None
    grouped = [
        Grouped(entry, {name: by_rule[rule.info.id] for name, by_rule in entry.group_by})
        for entry in fed
    ]
    firsts = (fields[0] for entry in grouped for fields in entry.candidates.values())
    return Plan(grouped) if all(map(_is_countable, firsts)) else None


def _is_countable(first: Field) -> bool:
    is_plain = first.derived is None and first.below is None
    is_whole = not (first.missing or first.opaque or first.is_computed)
    return is_plain and is_whole and first.type in _COUNTED
