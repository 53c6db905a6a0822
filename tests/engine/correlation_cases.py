"""Correlations and events for tests of the engine, and the plain recount that they are held to.

The recount is the definition, written down as it is said and as slow as it likes: at each event
the window is cut out anew and its figure worked out from nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from sigma2hive.diagnostics import Location
from sigma2hive.engine import Correlated, Found, correlate
from sigma2hive.model.conditions import Operator
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.rules import (
    Bound,
    CompiledCorrelation,
    CorrelationKind,
    Figure,
    Named,
    RuleInfo,
)

SECOND = 1_000_000_000
#: The time span of every correlation here, in seconds.
SPAN = 600
USER, BYTES = Field("user"), Field("bytes", FieldType.LONG)


def correlation(
    kind: CorrelationKind,
    *bounds: Bound,
    rules: tuple[str, ...] = ("base",),
    values: tuple[Field, ...] = (),
    percentile: int | None = None,
    identity: str = "c",
) -> CompiledCorrelation:
    """A correlation by host over 10 minutes; without bounds at least 3, or all of its rules."""

    def named(fields: Iterable[Field]) -> Named:
        return tuple((field.path, dict.fromkeys(rules, (field,))) for field in fields)

    return CompiledCorrelation(
        info=RuleInfo(identity, "A correlation", Location("c.yml")),
        kind=kind,
        rules=rules,
        timespan_ns=SPAN * SECOND,
        bounds=bounds or (Bound(Operator.GTE, len(rules) if kind.is_temporal else 3),),
        group_by=named([Field("host")]),
        epoch="e",
        values=named(values),
        percentile=percentile,
    )


def event(seconds: float, number: int = 0, /, **values: str | tuple[str, ...]) -> Event:
    """An event of host "h" so many seconds after the epoch; `number` tells its key apart."""
    fields = {"host": "h", **values}
    return Event(
        key=EventKey(EventKeyKind.CONTENT, (f"{number:04}", f"{seconds}")),
        time_ns=int(seconds * SECOND),
        values={
            name: value if isinstance(value, tuple) else (value,) for name, value in fields.items()
        },
        raw=b"{}",
    )


def correlated(of: CompiledCorrelation, *found: Found) -> Correlated:
    """What the engine makes of it."""
    return correlate(of, found)


@dataclass(frozen=True)
class Counted:
    """An event of the recount: when, its key, the rules that it meets, and what it holds."""

    time_ns: int
    key: EventKey
    rules: tuple[str, ...]
    event: Event


@dataclass(frozen=True)
class Told:
    """An episode as the recount sees it: the keys of its events, and when the condition ended."""

    keys: tuple[EventKey, ...]
    figure: Figure
    fired_ns: int
    holds_until_ns: int


def told_by_engine(found: Correlated) -> list[Told]:
    """The engine's episodes in the recount's words."""
    return [
        Told(
            tuple(event.key for event in episode.events),
            episode.figure,
            episode.fired_ns,
            episode.holds_until_ns,
        )
        for episode in found.episodes
    ]


def recount(of: CompiledCorrelation, pairs: Iterable[tuple[str, Event]]) -> list[Told]:
    """The episodes of one group, counted the long way."""
    counted = _in_order(of, pairs)
    span_ns = of.timespan_ns
    # The moments at which the window changes, each with how many events have come by then. Events
    # that come at one moment come one by one; those that leave do so first, and together.
    moments = [
        *((entry.time_ns + span_ns, 0, None) for entry in counted),
        *((entry.time_ns, 1, position) for position, entry in enumerate(counted)),
    ]
    came, episodes = 0, []
    first = fired = last = until = None
    figure: Figure = 0
    for time_ns, _, position in sorted(moments, key=lambda moment: (moment[0], moment[1])):
        if position is not None:
            if until is not None and time_ns >= until + span_ns and first is not None:
                episodes.append((first, last, figure, fired, until))
                first = until = None
            came = position + 1
        window = [entry for entry in counted[:came] if time_ns - span_ns < entry.time_ns]
        value = figure_of(of, window)
        holds = value is not None and all(bound.admits(value) for bound in of.bounds)
        if position is not None and first is None and holds:
            first, figure, fired, until = counted.index(window[0]), value, time_ns, None
        if position is not None and first is not None:
            last = position
        if first is not None and (until is None or time_ns < until + span_ns):
            until = None if holds else time_ns if until is None else until
    if first is not None:
        episodes.append((first, last, figure, fired, until))
    return [
        Told(tuple(entry.key for entry in counted[start : end + 1]), figure, fired, until)
        for start, end, figure, fired, until in episodes
    ]


def _in_order(of: CompiledCorrelation, pairs: Iterable[tuple[str, Event]]) -> list[Counted]:
    met: dict[EventKey, tuple[Event, set[str]]] = {}
    for rule, found in pairs:
        met.setdefault(found.key, (found, set()))[1].add(rule)
    entries = [
        Counted(found.time_ns, key, tuple(sorted(rules, key=of.rules.index)), found)
        for key, (found, rules) in met.items()
    ]
    entries = [entry for entry in entries if not of.values or _values(of, entry.event)]
    return sorted(entries, key=lambda entry: (entry.time_ns, entry.key))


def _values(of: CompiledCorrelation, found: Event) -> Sequence[str]:
    return [value for name, _ in of.values for value in found.values.get(name, ())]


def figure_of(of: CompiledCorrelation, window: Sequence[Counted]) -> Figure | None:
    """The figure of a window, from nothing; None of an empty one."""
    if not window:
        return None
    if of.kind is CorrelationKind.EVENT_COUNT:
        return len(window)
    if of.kind is CorrelationKind.TEMPORAL:
        return len({rule for entry in window for rule in entry.rules})
    if of.kind is CorrelationKind.TEMPORAL_ORDERED:
        return _longest_row(of.rules, window)
    values = [value for entry in window for value in _values(of, entry.event)]
    if of.kind is CorrelationKind.VALUE_COUNT:
        return len({value.lower() for value in values})
    numbers = sorted(Fraction(value) for value in values)
    return _of_numbers(of, numbers)


def _longest_row(rules: Sequence[str], window: Sequence[Counted]) -> int:
    """The longest choice of rules in their order that events meet one after the other."""
    for length in range(len(rules), 0, -1):
        for row in combinations(rules, length):
            wanted = list(row)
            for entry in window:
                # To take the first event that does never leaves fewer for the rest.
                if wanted and wanted[0] in entry.rules:
                    wanted.pop(0)
            if not wanted:
                return length
    return 0


def _of_numbers(of: CompiledCorrelation, numbers: Sequence[Fraction]) -> Fraction:
    if of.kind is CorrelationKind.VALUE_SUM:
        return sum(numbers, Fraction(0))
    if of.kind is CorrelationKind.VALUE_AVG:
        return sum(numbers, Fraction(0)) / len(numbers)
    if of.kind is CorrelationKind.VALUE_MEDIAN:
        middle = len(numbers) // 2
        if len(numbers) % 2:
            return numbers[middle]
        return (numbers[middle - 1] + numbers[middle]) / 2
    rank = Fraction(of.percentile or 0) * (len(numbers) - 1) / 100
    below = int(rank)
    above = min(below + 1, len(numbers) - 1)
    return numbers[below] + (numbers[above] - numbers[below]) * (rank - below)


#: Bounds that are worth trying with each kind, and what it needs besides.
KINDS: Mapping[CorrelationKind, CompiledCorrelation] = {
    kind: correlation(
        kind,
        rules=("a", "b", "c") if kind.is_temporal else ("a", "b"),
        values=((BYTES,) if kind.is_numeric else (USER,)) if kind.reads_values else (),
        percentile=75 if kind is CorrelationKind.VALUE_PERCENTILE else None,
    )
    for kind in CorrelationKind
}
