"""Which events meet which rules: deciding, without any I/O.

Takes compiled rules and correlations, then events one by one, or candidates that a search found for
one rule; gives `Match`es. Events that feed a correlation are kept until `correlated` is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sigma2hive.compiler import Compiled, condition_as_json
from sigma2hive.engine import Correlated, Decision, correlate, prepare, reasons_for
from sigma2hive.model.canonical import canonical_json
from sigma2hive.model.conditions import Atom
from sigma2hive.model.events import Event
from sigma2hive.model.identity import event_identity
from sigma2hive.model.matches import Match
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule
from sigma2hive.runner.episodes import Firing

#: A log source's gate and the rules behind it, each with its decision.
_Gated = tuple[Decision, list[tuple[CompiledRule, Decision]]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that a search found for one rule; whether it meets it is still to be decided."""

    rule_id: str
    event: Event


class Matcher:
    """Decides rules on the events it is given."""

    def __init__(self, compiled: Compiled) -> None:
        self._gates = _by_gate(compiled.rules)
        self._decisions = {
            rule.info.id: (is_from_here, is_met)
            for is_from_here, rules in self._gates
            for rule, is_met in rules
        }
        self._rules = {rule.info.id: rule for rule in compiled.rules}
        self._correlations = compiled.correlations
        self._only = {
            (correlation.info.id, rule_id): prepare(condition)
            for correlation in compiled.correlations
            for rule_id, condition in correlation.only.items()
        }
        self._feeding = {rule_id for entry in compiled.correlations for rule_id in entry.rules}
        self._found: list[tuple[str, Event]] = []

    def matches_of(self, found: Event | Candidate) -> Iterator[Match]:
        """Yield a match for each rule that is met and not silent: any, or only the candidate's."""
        if isinstance(found, Candidate):
            is_from_here, is_met = self._decisions[found.rule_id]
            if is_from_here(found.event.values) and is_met(found.event.values):
                yield from self._met(self._rules[found.rule_id], found.event)
            return
        for is_from_here, rules in self._gates:
            if is_from_here(found.values):
                for rule, is_met in rules:
                    if is_met(found.values):
                        yield from self._met(rule, found)

    def _met(self, rule: CompiledRule, event: Event) -> Iterator[Match]:
        if rule.info.id in self._feeding:
            self._found.append((rule.info.id, event))
        if not rule.silent:
            yield Match(
                rule=rule.info,
                events=(event,),
                identity=event_identity(rule.info.id, event.key),
                reasons=reasons_for(rule.condition, event.values),
            )

    def correlated(
        self, unsearched: Collection[str] = ()
    ) -> Iterator[tuple[CompiledCorrelation, Correlated]]:
        """Yield what each correlation made of all the events so far.

        `unsearched` are rules of which events may be missing: their correlations are left out, for
        an episode that lacks its first events would get another identity.
        """
        for correlation in self._correlations:
            if any(rule_id in unsearched for rule_id in correlation.rules):
                continue
            yield correlation, correlate(correlation, self._counted_by(correlation))

    def _counted_by(self, correlation: CompiledCorrelation) -> Iterator[tuple[str, Event]]:
        """Yield the events that met a base rule, and the filters that name the correlation."""
        for rule_id, event in self._found:
            if rule_id not in correlation.rules:
                continue
            is_counted = self._only.get((correlation.info.id, rule_id))
            if is_counted is None or is_counted(event.values):
                yield rule_id, event

    def match_of(self, correlation: CompiledCorrelation, firing: Firing) -> Match:
        """Return the match of an episode."""
        return Match(
            rule=correlation.info,
            events=firing.events,
            identity=firing.stored.identity,
            group=firing.shown,
            epoch=correlation.epoch,
            reasons=self._base_reasons(correlation, firing.events[0]),
            figure=firing.stored.figure,
        )

    def _base_reasons(self, correlation: CompiledCorrelation, event: Event) -> tuple[Atom, ...]:
        for rule_id in correlation.rules:
            reasons = reasons_for(self._rules[rule_id].condition, event.values)
            if reasons:
                return reasons
        return ()


def _by_gate(rules: Sequence[CompiledRule]) -> list[_Gated]:
    """Rules of one log source share its gate, which is then decided once an event."""
    gates: dict[bytes, _Gated] = {}
    for rule in rules:
        form = canonical_json(condition_as_json(rule.gate))
        gated = gates.setdefault(form, (prepare(rule.gate), []))
        gated[1].append((rule, prepare(rule.condition)))
    return list(gates.values())
