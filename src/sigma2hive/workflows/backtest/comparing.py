"""The rules of two versions on the same events: which alerts only one of them raises.

Takes two compiled repositories; gives the rules that are not the same, and counts by rule. A rule
that says the same in both raises the same, so only the others are looked at twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from sigma2hive.model.backtests import Change, RuleChange
from sigma2hive.model.rules import Compiled, CompiledCorrelation, RuleInfo
from sigma2hive.records import dataclass
from sigma2hive.workflows.backtest.sides import Episode, Side


@dataclass(frozen=True, slots=True)
class Differences:
    """The rules that are not the same, by id: what became of them, and the newest that is known."""

    changes: Mapping[str, Change]
    infos: Mapping[str, RuleInfo]


def differing(present: Compiled, past: Compiled) -> Differences:
    """Return which rules and correlations may raise something else than before."""
    now, then = _signatures(present), _signatures(past)
    changes: dict[str, Change] = {}
    for rule_id in {**now, **then}:
        if rule_id not in then:
            changes[rule_id] = Change.ADDED
        elif rule_id not in now:
            changes[rule_id] = Change.REMOVED
        elif now[rule_id] != then[rule_id]:
            changes[rule_id] = Change.CHANGED
    return Differences(changes, {**_infos(past), **_infos(present)})


def _infos(compiled: Compiled) -> dict[str, RuleInfo]:
    infos = [rule.info for rule in compiled.rules]
    infos += [correlation.info for correlation in compiled.correlations]
    return {info.id: info for info in infos}


def _signatures(compiled: Compiled) -> dict[str, object]:
    rules = {rule.info.id: rule for rule in compiled.rules}
    found: dict[str, object] = {key: (rule.digest, rule.silent) for key, rule in rules.items()}
    # What a correlation counts stands before it.
    for entry in compiled.correlations:
        # Whether a rule is silent says nothing of what a correlation counts of it.
        counted = [rules[key].digest if key in rules else found.get(key) for key in entry.rules]
        found[entry.info.id] = (_of_correlation(entry), counted)
    return found


def _of_correlation(entry: CompiledCorrelation) -> object:
    only = {key: [kept.condition for kept in filters] for key, filters in entry.only.items()}
    return (entry.epoch, entry.group_by, entry.values, entry.chained, only, entry.silent)


@dataclass(slots=True)
class Counts:
    """Alerts that only the present rules raise, and that only the past ones do, by rule."""

    by_rule: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, rule_id: str, more: int, fewer: int) -> None:
        """Count alerts of a rule."""
        if more or fewer:
            before = self.by_rule.get(rule_id, (0, 0))
            self.by_rule[rule_id] = (before[0] + more, before[1] + fewer)

    def settle(self, sides: Sequence[Side]) -> None:
        """Compare what both sides found among the same events, and let go of it."""
        if len(sides) < 2:
            return
        present, past = sides[0].part.fresh, sides[1].part.fresh
        for rule_id in {**present, **past}:
            now, then = present.get(rule_id, set()), past.get(rule_id, set())
            self.add(rule_id, len(now - then), len(then - now))
        present.clear()
        past.clear()

    def compare_episodes(
        self, wanted: Iterable[str], present: Sequence[Episode], past: Sequence[Episode]
    ) -> None:
        """Compare the alerts of correlations: of one group, those that overlap are the same."""
        for rule_id in wanted:
            now = [entry for entry in present if _is_alert_of(rule_id, entry)]
            then = [entry for entry in past if _is_alert_of(rule_id, entry)]
            self.add(rule_id, _without_like(now, then), _without_like(then, now))

    def changes(self, differences: Differences) -> tuple[RuleChange, ...]:
        """Return every rule that is not the same, those that differ most first."""
        found = (
            RuleChange(differences.infos[rule_id], change, *self.by_rule.get(rule_id, (0, 0)))
            for rule_id, change in differences.changes.items()
        )
        return tuple(
            sorted(found, key=lambda entry: (-(entry.more + entry.fewer), entry.info.title))
        )


def _without_like(these: Sequence[Episode], others: Sequence[Episode]) -> int:
    """Count those that no other of the same group overlaps in time."""
    by_group: dict[object, list[tuple[int, int]]] = {}
    for entry in others:
        by_group.setdefault(_group_of(entry), []).append(_span_of(entry))
    return sum(
        not any(
            start <= _span_of(entry)[1] and end >= _span_of(entry)[0]
            for start, end in by_group.get(_group_of(entry), ())
        )
        for entry in these
    )


def _is_alert_of(rule_id: str, entry: Episode) -> bool:
    return entry.correlation.info.id == rule_id and not entry.correlation.silent


def _group_of(entry: Episode) -> object:
    return entry.firing.stored.group


def _span_of(entry: Episode) -> tuple[int, int]:
    events = entry.firing.events
    return events[0].time_ns, events[-1].time_ns
