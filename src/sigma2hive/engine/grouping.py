"""Which groups of a correlation an event belongs to, and what counts of it there.

Takes a `CompiledCorrelation` and what was found for it in any order: events of detection rules, and
those at which another correlation's condition held. Gives the groups with their members in order of
(time, key), and what belongs to none. Work and memory are linear in the events: one that would
belong to too many groups is put aside before they are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import product
from math import prod

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.engine.tallies import Member, Run, exact_number
from sigma2hive.engine.tallies.interface import Shown, Unit, Value
from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.fields import Field
from sigma2hive.model.identity import GroupKey, fold_group_value, group_key
from sigma2hive.model.matches import Lack, Ungrouped
from sigma2hive.model.rules import CompiledCorrelation
from sigma2hive.records import dataclass

#: Of one event in one correlation. Three fields of a hundred values each would make a million.
MAX_GROUPS = 100


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event at which the condition of a counted correlation held.

    `rule_id` is that correlation's; `leaves` are the detection rules that the event met, `unit` is
    the episode, `run` the events by which it held, `shown` its group's values by grouping name.
    """

    rule_id: str
    event: Event
    leaves: tuple[str, ...]
    unit: Unit
    run: Run
    shown: Shown


#: What a correlation counts: an event with the id of the detection rule that it met, or an event of
#: another correlation.
Found = tuple[str, Event] | Occurrence


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way in which an event came to a group: `position` is that of the rule it came by."""

    position: int
    shown: Shown
    values: tuple[Value, ...]
    leaves: tuple[str, ...]
    unit: Unit | None = None
    run: Run | None = None

    @property
    def rank(self) -> tuple[int, tuple[Unit, ...]]:
        """Its place among others, whatever the order of reading."""
        return self.position, () if self.unit is None else (self.unit,)


@dataclass(slots=True)
class _Lacking:
    """Events of one rule that lack one thing; `example` is of the first of them."""

    keys: dict[EventKey, None] = field(default_factory=dict)
    first: tuple[int, EventKey] | None = None
    example: str = ""

    def add(self, event: Event, example: str) -> None:
        self.keys[event.key] = None
        moment = (event.time_ns, event.key)
        if self.first is None or moment < self.first:
            self.first, self.example = moment, example


@dataclass(slots=True)
class Grouping:
    """Groups as they fill: events by their key, so that one that comes twice counts once."""

    correlation: CompiledCorrelation
    groups: dict[GroupKey, dict[EventKey, tuple[Event, list[_Reading]]]] = field(
        default_factory=dict
    )
    lacking: dict[tuple[str, str, Lack], _Lacking] = field(default_factory=dict)
    too_many: dict[EventKey, Event] = field(default_factory=dict)

    def ordered(self) -> Iterator[tuple[GroupKey, Sequence[Member]]]:
        """Yield each group with its members in order of (time, key)."""
        for key, found in self.groups.items():
            members = (_member(event, readings) for event, readings in found.values())
            yield key, sorted(members, key=lambda member: (member.event.time_ns, member.event.key))

    def ungrouped(self) -> tuple[Ungrouped, ...]:
        """Return how many events of each rule lacked what."""
        return tuple(
            Ungrouped(self.correlation.info.id, rule_id, name, len(entry.keys), lack, entry.example)
            for (rule_id, name, lack), entry in self.lacking.items()
        )

    def put_aside(self) -> tuple[Diagnostic, ...]:
        """Return a finding for each event that would belong to too many groups."""
        names = ", ".join(name for name, _ in self.correlation.group_by)
        values = ", ".join(name for name, _ in self.correlation.values)
        what = f"by {names} it belongs to more than {MAX_GROUPS} groups"
        if values:
            what += f", or it has more than {MAX_GROUPS} values of {values}"
        return tuple(
            Diagnostic(
                "S2H502",
                Severity.ERROR,
                Location(event.origin),
                f"the correlation '{self.correlation.info.title}' does not count the event: {what}",
                "group by fields that hold one value an event",
            )
            for event in self.too_many.values()
        )

    def add(self, found: Found) -> None:
        """Put an event into its groups, or keep in mind why it belongs to none."""
        rule_id, event = (found.rule_id, found.event) if isinstance(found, Occurrence) else found
        reader = _Reader(self.correlation, found)
        values = {name: reader.texts(name) for name, _ in self.correlation.group_by}
        missing = [name for name, spellings in values.items() if not spellings]
        for name in missing:
            self._lack(rule_id, name, Lack.NO_GROUP, event)
        if missing:
            return
        if prod(map(len, values.values())) > MAX_GROUPS:
            self.too_many[event.key] = event
            return
        counted = self._counted(rule_id, event, reader)
        if counted is None:
            return
        for chosen in product(*(spellings.values() for spellings in values.values())):
            shown = tuple(zip(values, chosen, strict=True))
            group = self.groups.setdefault(group_key(dict(shown)), {})
            _, readings = group.setdefault(event.key, (event, []))
            readings.append(reader.reading(shown, counted))

    def _counted(self, rule_id: str, event: Event, reader: _Reader) -> tuple[Value, ...] | None:
        """Return what counts of the event; None where that is nothing, or too much."""
        if not self.correlation.kind.reads_values:
            return ()
        if self.correlation.kind.is_numeric:
            return self._numbers(rule_id, event, reader)
        texts = {name: reader.texts(name) for name, _ in self.correlation.values}
        missing = [name for name, spellings in texts.items() if not spellings]
        for name in missing:
            self._lack(rule_id, name, Lack.NO_VALUE, event)
        if missing:
            return None
        if prod(map(len, texts.values())) > MAX_GROUPS:
            self.too_many[event.key] = event
            return None
        return tuple(product(*texts.values()))

    def _numbers(self, rule_id: str, event: Event, reader: _Reader) -> tuple[Value, ...] | None:
        ((name, _),) = self.correlation.values
        numbers: list[Value] = []
        others: list[str] = []
        for candidate in reader.candidates(name):
            for text in candidate.values_of(event.values):
                if text in candidate.dropped:
                    continue
                number = exact_number(text, hexadecimal=candidate.type.is_numeric)
                if number is None:
                    others.append(text)
                else:
                    numbers.append(number)
            if numbers:
                break
        if others:
            self._lack(rule_id, name, Lack.NO_NUMBER, event, others[0])
        elif not numbers:
            self._lack(rule_id, name, Lack.NO_VALUE, event)
        return tuple(numbers) or None

    def _lack(self, rule_id: str, name: str, lack: Lack, event: Event, example: str = "") -> None:
        self.lacking.setdefault((rule_id, name, lack), _Lacking()).add(event, example)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the correlation's names in one event."""

    correlation: CompiledCorrelation
    found: Found

    def texts(self, name: str) -> Mapping[str, str]:
        """Return folded value → spelling of a name."""
        found = self.found
        if isinstance(found, Occurrence):
            group = self.correlation.chained[found.rule_id].inherited.get(name)
            if group is not None:
                value = dict(found.shown)[group]
                return {fold_group_value(value): value}
            return group_values(self.candidates(name), found.event)
        return group_values(self.candidates(name), found[1])

    def candidates(self, name: str) -> tuple[Field, ...]:
        """Return the fields to read a name from, in order."""
        found = self.found
        if isinstance(found, Occurrence):
            by_leaf = self.correlation.chained[found.rule_id].fields[name]
            return tuple(dict.fromkeys(f for leaf in found.leaves for f in by_leaf[leaf]))
        named = (*self.correlation.group_by, *self.correlation.values)
        return next(by_rule[found[0]] for known, by_rule in named if known == name)

    def reading(self, shown: Shown, values: tuple[Value, ...]) -> _Reading:
        """Return how the event came to a group."""
        found = self.found
        if isinstance(found, Occurrence):
            position = self.correlation.rules.index(found.rule_id)
            return _Reading(position, shown, values, found.leaves, found.unit, found.run)
        return _Reading(self.correlation.rules.index(found[0]), shown, values, (found[0],))


def _member(event: Event, readings: list[_Reading]) -> Member:
    """Return the event as the group has it; of several rules that it meets the first one speaks."""
    if len(readings) == 1 and readings[0].unit is None:
        only = readings[0]
        return Member(event, only.shown, (only.position,), only.leaves, only.values)
    ordered = sorted(readings, key=lambda reading: reading.rank)
    first = ordered[0]
    speaking = [entry for entry in ordered if entry.position == first.position]
    values = first.values
    if values and isinstance(values[0], tuple):
        values = tuple(dict.fromkeys(value for entry in speaking for value in entry.values))
    units = {entry.unit: entry.run for entry in ordered if entry.unit and entry.run}
    return Member(
        event=event,
        shown=first.shown,
        met=tuple(dict.fromkeys(entry.position for entry in ordered)),
        leaves=tuple(dict.fromkeys(leaf for entry in ordered for leaf in entry.leaves)),
        values=values,
        units=tuple(units),
        runs=tuple(units.values()),
        is_direct=any(entry.unit is None for entry in ordered),
    )


def group_events(correlation: CompiledCorrelation, found: Iterable[Found]) -> Grouping:
    """Return the groups of what was found for a correlation.

    An event without a value in a grouping field belongs to no group, nor does one that has nothing
    to count where values are; one with several grouping values belongs to the group of each.
    """
    grouping = Grouping(correlation)
    for entry in found:
        grouping.add(entry)
    return grouping


def group_values(candidates: Sequence[Field], event: Event) -> Mapping[str, str]:
    """Return folded value → first spelling, of the first candidate field that has any.

    A document may hold one value in several fields, spelled differently; they are one group.
    """
    for candidate in candidates:
        spellings: dict[str, str] = {}
        for value in candidate.values_of(event.values):
            if value not in candidate.dropped:
                spellings.setdefault(fold_group_value(value), value)
            if len(spellings) > MAX_GROUPS:
                break
        if spellings:
            return spellings
    return {}
