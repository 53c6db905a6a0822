"""One version of the rules, looking at events and counting.

Takes batches of events or candidates; gives tallies by rule. Of an event it keeps no more than a
few samples' places, and of those that correlations count the time, the key and the fields counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from sigma2hive.alerts import AlertContext, Facts, is_mutable, mute_selection
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.backtests import Sample
from sigma2hive.model.conditions import Atom, Condition, Not
from sigma2hive.model.events import Event
from sigma2hive.model.fields import Field
from sigma2hive.model.matches import Match, Suppression, Ungrouped
from sigma2hive.model.rules import Compiled, CompiledCorrelation, CompiledRule, RuleHead
from sigma2hive.model.times import moment_of
from sigma2hive.model.values import Values
from sigma2hive.records import dataclass
from sigma2hive.runner.contexts import contexts_of
from sigma2hive.runner.episodes import Firing, find_firings
from sigma2hive.runner.matching import Candidate, DecidedRows, Matcher
from sigma2hive.sources import EventRows
from sigma2hive.workflows.backtest.tallies import MAX_CHOICE, MAX_SAMPLES, RuleTally
from sigma2hive.workflows.project import Project

#: Hits that are told apart; further ones may be counted twice where an event is read twice.
MAX_SEEN = 2_000_000
#: What tells a rule's harmless hits apart, besides what alerts are muted by: Sigma's own names, so
#: that they hold in a profile without ECS too.
_ACTORS = (
    *("Computer", "User", "SubjectUserName", "TargetUserName", "IpAddress", "SourceIp"),
    *("Image", "SourceImage", "ParentImage", "ServiceName", "TaskName"),
)


@dataclass(slots=True)
class Part:
    """What one side counted over a part of the past."""

    events: int = 0
    rules: dict[str, RuleTally] = field(default_factory=dict)
    suppressed: Counter[Suppression] = field(default_factory=Counter)
    #: Events that correlations count, with the id of the rule that they met.
    fed: list[tuple[str, Event]] = field(default_factory=list)
    #: Of rules that are compared: the hits since the last comparison, as hashes.
    fresh: dict[str, set[int]] = field(default_factory=dict)

    def merge(self, other: Part) -> None:
        """Add what another part of the past has; the events fed are the matcher's."""
        self.events += other.events
        self.suppressed.update(other.suppressed)
        for rule_id, tally in other.rules.items():
            self.rules.setdefault(rule_id, RuleTally()).merge(tally)


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of a correlation: an alert, unless the correlation is silent."""

    correlation: CompiledCorrelation
    firing: Firing

    @property
    def group(self) -> str:
        """Its group as people read it."""
        return ", ".join(value for _, value in self.firing.shown)


@dataclass(slots=True)
class Episodes:
    """What the correlations of one side made of the events that fed them."""

    fired: list[Episode] = field(default_factory=list)
    ungrouped: list[Ungrouped] = field(default_factory=list)
    put_aside: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is counted: hits by the values of the fields `by`, and with `details` what filters and
    samples are made of. `compared` are rules of which single hits are told apart."""

    by: Sequence[str] = ()
    details: bool = True
    exhaustive: bool = False
    compared: frozenset[str] = frozenset()


class Side:
    """The rules of one project, or some of them, ready to look at the past part by part."""

    def __init__(self, project: Project, compiled: Compiled, asked: Asked) -> None:
        self.project, self.compiled, self.asked = project, compiled, asked
        self.part = Part()
        self._fields = {rule.info.id: _Paths.of(rule, compiled) for rule in compiled.rules}
        # Of some of the project's rules only, the program is another.
        program = project.program if compiled is project.compiled else None
        self.matcher = Matcher(compiled, self._keep, exhaustive=asked.exhaustive, program=program)
        contexts = contexts_of(compiled, project.profile, project.settings.kibana)
        self.contexts: Mapping[str, AlertContext] = contexts
        self._readers = {
            rule.info.id: _Reader(rule, contexts[rule.info.id], project, asked)
            for rule in compiled.rules
        }
        self._seen: set[int] = set()
        self.is_deduplicated = True

    def begin(self) -> None:
        """Begin a part of the past; one event lies in one part only."""
        self.part = Part()
        self.matcher.suppressed = self.part.suppressed
        self._seen.clear()

    def look(self, found: EventRows | DecidedRows | Candidate) -> None:
        """Count what the rules find."""
        self.part.events += 1 if isinstance(found, Candidate) else len(found)
        for rule, event in self.matcher.hits_of(found):
            if self._is_new(rule, event):
                self._count(rule, event)

    def restore(self, fed: Sequence[tuple[str, Event]]) -> None:
        """Let correlations count what an earlier back-test fed them."""
        for rule_id, event in fed:
            self.matcher.feed(rule_id, event)

    def episodes(self, unsearched: Mapping[str, str]) -> Episodes:
        """Return the episodes of all correlations, silent ones too, and what they did not count."""
        self.matcher.suppressed = self.part.suppressed
        found = Episodes()
        for correlation, correlated in self.matcher.correlated(unsearched):
            found.ungrouped.extend(correlated.ungrouped)
            found.put_aside.extend(correlated.put_aside)
            firings = find_firings(correlation, correlated, ())
            found.fired.extend(Episode(correlation, firing) for firing in firings)
        found.put_aside.extend(self.matcher.take_findings())
        return found

    def _is_new(self, rule: RuleHead, event: Event) -> bool:
        """Whether the hit is not one of an event that was read twice."""
        key = hash((rule.info.id, event.key))
        if key in self._seen:
            return False
        if len(self._seen) < MAX_SEEN:
            self._seen.add(key)
        else:
            self.is_deduplicated = False
        if rule.info.id in self.asked.compared and not rule.silent:
            self.part.fresh.setdefault(rule.info.id, set()).add(key)
        return True

    def _count(self, rule: RuleHead, event: Event) -> None:
        tally = self.part.rules.setdefault(rule.info.id, RuleTally())
        tally.hits += 1
        tally.by_day[day_of(event.time_ns)] += 1
        reader = self._readers[rule.info.id]
        tally.add_values(reader.values_of(event))
        if self.asked.details:
            if choice := reader.choice_of(event):
                tally.choices.add(choice, MAX_CHOICE)
            if len(tally.samples) < MAX_SAMPLES:
                tally.samples.append(Sample(event.time_ns, event.origin))

    def _keep(self, rule_id: str, event: Event) -> Event:
        values = self._fields[rule_id].of_values(event.values)
        light = replace(event, values=values, raw=b"")
        self.part.fed.append((rule_id, light))
        return light


def day_of(time_ns: int) -> str:
    """Return the day of a time in UTC, as 2026-11-20."""
    return f"{moment_of(time_ns):%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class _Paths:
    """The paths of an event that its correlations read."""

    paths: frozenset[str]
    prefixes: tuple[str, ...]

    @classmethod
    def of(cls, rule: CompiledRule, compiled: Compiled) -> _Paths:
        fields = (
            entry
            for correlation in compiled.correlations
            if rule.info.id in correlation.leaves
            for entry in correlation.fields_of(rule.info.id)
        )
        paths = {path for entry in fields for path in _paths_of(entry)}
        wide = tuple(sorted(path[:-1] for path in paths if path.endswith(".*")))
        return cls(frozenset(paths), wide)

    def of_values(self, values: Values) -> Values:
        return {
            path: texts
            for path, texts in values.items()
            if path in self.paths or (self.prefixes and path.startswith(self.prefixes))
        }


def _paths_of(entry: Field) -> Iterator[str]:
    if entry.derived is None:
        yield entry.path
        return
    for part in entry.derived.parts:
        yield part.path
        yield from part.only_if


class _Reader:
    """Reads of one rule's hits what is counted by value."""

    def __init__(
        self, rule: CompiledRule, context: AlertContext, project: Project, asked: Asked
    ) -> None:
        self._match = Match(rule.info, (), None)
        self._facts = Facts(self._match, context)
        mute_by = project.mappings.alerts.mute_by
        self._mute_by = () if rule.silent else tuple(_each_once(mute_by, context))
        more = (*self._mute_by, *rule.info.fields, *rule.fields) if asked.details else ()
        self._names = tuple(dict.fromkeys((*asked.by, *more)))

    def values_of(self, event: Event) -> dict[str, tuple[str, ...]]:
        read: Callable[[str, Values], tuple[str, ...]] = self._facts.values_in
        found = {name: read(name, event.values) for name in self._names}
        return {
            name: kept
            for name, texts in found.items()
            if (kept := tuple(text for text in texts if text not in ("", "-")))
        }

    def choice_of(self, event: Event) -> str:
        """Return the selection of the filter that would mute this hit, as JSON; "" for none."""
        facts = replace(self._facts, match=replace(self._match, events=(event,)))
        selection = {
            name: value
            for name, value in mute_selection(facts, self._mute_by).items()
            if is_mutable(name) and is_mutable(value)
        }
        return json.dumps(selection, ensure_ascii=False, sort_keys=True) if selection else ""


def _each_once(mute_by: Sequence[str], context: AlertContext) -> Iterator[str]:
    """Yield the fields that filters are made of, and Sigma's names of those that are no other's."""
    yield from mute_by
    seen = set(mute_by)
    for place in context.lookup.places[:1]:
        for name in _ACTORS:
            path = place.resolve(name)[0].path
            if path not in seen:
                seen.add(path)
                yield name


def asked_positively(condition: Condition) -> set[str]:
    """Return the names of the fields that must hold something for a condition to be met."""
    found: set[str] = set()
    stack = [(condition, True)]
    while stack:
        node, positive = stack.pop()
        if isinstance(node, Atom):
            if positive and node.name is not None:
                found.update((node.name, *(entry.path for entry in node.fields)))
        elif isinstance(node, Not):
            stack.append((node.condition, not positive))
        else:
            stack.extend((part, positive) for part in node.conditions)
    return found


def subset(compiled: Compiled, wanted: set[str] | frozenset[str]) -> Compiled:
    """Return these rules and correlations, with all that the correlations count."""
    needed = set(wanted)
    # What a correlation counts stands before it.
    for entry in reversed(compiled.correlations):
        if entry.info.id in needed:
            needed.update(entry.rules)
    return Compiled(
        tuple(rule for rule in compiled.rules if rule.info.id in needed),
        tuple(entry for entry in compiled.correlations if entry.info.id in needed),
    )
