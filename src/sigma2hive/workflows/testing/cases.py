"""One test made ready: its events, and those that they stand for too.

Takes a test and the project's rules; gives a `Case`, whose events are decided with all others'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.engine import Variant, case_variant, missing_variants
from sigma2hive.model.events import Event
from sigma2hive.model.rule_tests import RuleTest
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule
from sigma2hive.records import dataclass
from sigma2hive.workflows.project import Project
from sigma2hive.workflows.testing.events import load_samples
from sigma2hive.workflows.testing.sigma_names import SigmaNames

#: Of a test so many events get variants.
MAX_VARIED = 50


@dataclass(frozen=True, slots=True)
class Tested:
    """A rule under test with all that its tests need: of a correlation the rules that it counts."""

    entry: CompiledRule | CompiledCorrelation
    rules: tuple[CompiledRule, ...]
    correlations: tuple[CompiledCorrelation, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A test with its events; `variants` are (position of the event, variant)."""

    test: RuleTest
    tested: Tested
    events: tuple[Event, ...]
    put_aside: tuple[Diagnostic, ...] = ()
    variants: tuple[tuple[int, Variant], ...] = field(default=())

    @property
    def all_events(self) -> Iterator[Event]:
        """The events, and then those of the variants."""
        yield from self.events
        yield from (variant.event for _, variant in self.variants)


class RulesUnderTest:
    """The project's rules, by id, each with all that its tests need."""

    def __init__(self, project: Project) -> None:
        self._rules = {rule.info.id: rule for rule in project.compiled.rules}
        self._correlations = {entry.info.id: entry for entry in project.compiled.correlations}
        self._made: dict[str, Tested | None] = {}

    def find(self, rule_id: str) -> Tested | None:
        """Return a rule; None where it is left out."""
        if rule_id not in self._made:
            self._made[rule_id] = self._make(rule_id)
        return self._made[rule_id]

    def _make(self, rule_id: str) -> Tested | None:
        if rule_id in self._rules:
            return Tested(self._rules[rule_id], (self._rules[rule_id],))
        if rule_id not in self._correlations:
            return None
        needed = {rule_id}
        # Correlations are in an order in which each comes after those that it counts.
        for key, entry in reversed(self._correlations.items()):
            if key in needed:
                needed.update(entry.rules)
        # One that only feeds others is tested as if it were alone.
        alone = replace(self._correlations[rule_id], silent=False)
        needed_correlations = {**self._correlations, rule_id: alone}
        return Tested(
            alone,
            tuple(rule for key, rule in self._rules.items() if key in needed),
            tuple(entry for key, entry in needed_correlations.items() if key in needed),
        )


def case_of(test: RuleTest, tested: Tested, names: SigmaNames) -> Case:
    """Read the events of a test, and make their variants."""
    logsources = tuple(rule.logsource for rule in tested.rules)
    found = list(load_samples(test.samples, names, logsources))
    events = tuple(entry for entry in found if isinstance(entry, Event))
    put_aside = tuple(entry for entry in found if isinstance(entry, Diagnostic))
    variants = tuple(_variants(tested.entry, events))
    return Case(test, tested, events, put_aside, variants)


def _variants(
    entry: CompiledRule | CompiledCorrelation, events: Sequence[Event]
) -> Iterator[tuple[int, Variant]]:
    if isinstance(entry, CompiledCorrelation):
        return  # they are made of all its events together
    for position, event in enumerate(events[:MAX_VARIED]):
        yield position, case_variant(entry, event)
        for variant in missing_variants(entry, event):
            yield position, variant
