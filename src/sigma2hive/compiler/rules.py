"""Rules and correlations made ready for a profile.

Takes `DetectionRule`s, `FilterRule`s, `CorrelationRule`s and a `Profile`; gives `CompiledRule`s
and `CompiledCorrelation`s with every field resolved. What the profile has no place for is left
out, with a finding. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from sigma2hive.compiler import correlations as correlating
from sigma2hive.compiler.filters import Filters
from sigma2hive.compiler.forms import condition_form
from sigma2hive.compiler.misspelt import Spelling
from sigma2hive.compiler.references import References
from sigma2hive.compiler.regexes import may_explode
from sigma2hive.compiler.resolving import compiled_filters, keyword_in, resolved
from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location
from sigma2hive.model.canonical import canonical_json, digest_of
from sigma2hive.model.conditions import (
    And,
    Atom,
    Condition,
    Or,
    Origin,
    Regex,
    Text,
    Wildcard,
    atoms_of,
)
from sigma2hive.model.profiles import Conjunction, LogsourcePlace, Profile
from sigma2hive.model.rules import (
    Compiled,
    CompiledCorrelation,
    CompiledRule,
    DetectionRepository,
    DetectionRule,
    FilterRule,
)
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is to tell of one rule on a profile.

    The findings are apart by what looked for them: whether it can be placed, whether an expression
    can explode, whether a field is misspelt.
    """

    is_left_out: bool = False
    refused: tuple[Diagnostic, ...] = ()
    explosions: tuple[Diagnostic, ...] = ()
    misspelt: tuple[Diagnostic, ...] = ()


class Outcomes(Protocol):
    """Compiles rules one by one, or knows what it would come to."""

    def add(self, rule: DetectionRule, filters: Sequence[FilterRule]) -> Outcome:
        """Compile a rule with its filters, and say what there is to tell."""
        ...

    def rule(self, rule: DetectionRule) -> CompiledRule:
        """Return what one that was added, and not left out, was compiled to."""
        ...

    def rules(self, chosen: Sequence[tuple[DetectionRule, bool]]) -> Sequence[CompiledRule]:
        """Return some that were added, in this order, each with whether it is silent."""
        ...


class Compiling:
    """Compiles every rule as it comes."""

    def __init__(self, profile: Profile) -> None:
        self._profile, self._spelling = profile, Spelling()
        self._made: dict[str, CompiledRule] = {}
        #: Canonical forms of the gates, by their place: they differ in where they are written only.
        self._gates: dict[int, str] = {}

    def add(self, rule: DetectionRule, filters: Sequence[FilterRule]) -> Outcome:
        """Compile a rule with its filters, and say what there is to tell."""
        refused, explosions, misspelt = Diagnostics(), Diagnostics(), Diagnostics()
        made = self._compile(rule, filters, refused)
        _warn_of_explosions(rule.condition, explosions)
        self.check_names(rule, misspelt)
        if made is not None:
            self._made[rule.info.id] = made
        return Outcome(made is None, tuple(refused), tuple(explosions), tuple(misspelt))

    def rule(self, rule: DetectionRule) -> CompiledRule:
        """Return what one that was added was compiled to."""
        return self._made[rule.info.id]

    def rules(self, chosen: Sequence[tuple[DetectionRule, bool]]) -> Sequence[CompiledRule]:
        """Return some that were added, in this order, each with whether it is silent."""
        made = ((self._made[rule.info.id], silent) for rule, silent in chosen)
        return tuple(replace(rule, silent=True) if silent else rule for rule, silent in made)

    def check_names(self, entry: DetectionRule | FilterRule, diagnostics: Diagnostics) -> None:
        """Warn of names that are nearly those of fields."""
        self._spelling.check(entry.condition, entry.logsource, self._profile, diagnostics)

    def _compile(
        self, rule: DetectionRule, filters: Sequence[FilterRule], diagnostics: Diagnostics
    ) -> CompiledRule | None:
        place = _place_for(rule, self._profile, diagnostics)
        if place is None:
            return None
        unfiltered = resolved(rule.condition, place)
        only = compiled_filters(filters, place)
        parts = (unfiltered, *(entry.condition for entry in only))
        condition = And(parts) if only else unfiltered
        gate = gate_of(place.any_of, place, rule.info.location)
        fields = {atom.name: atom.fields for atom in atoms_of(condition) if atom.name is not None}
        if id(place) not in self._gates:
            self._gates[id(place)] = condition_form(gate)
        indices = canonical_json(place.indices).decode("ascii")
        asked = f"[{self._gates[id(place)]},{condition_form(condition)},{indices}]"
        return CompiledRule(
            info=rule.info,
            logsource=rule.logsource,
            profile=self._profile.name,
            indices=place.indices,
            gate=gate,
            condition=condition,
            digest=digest_of(asked),
            unfiltered=unfiltered,
            filters=only,
            fields=fields,
        )


def compile_all(
    repository: DetectionRepository,
    profile: Profile,
    diagnostics: Diagnostics,
    outcomes: Outcomes | None = None,
) -> Compiled:
    """Return everything that the profile has a place for; the rest becomes findings.

    A rule that a correlation refers to is silent, unless one of its correlations says `generate`;
    that holds for correlations that are left out, too. `outcomes` compile the rules instead of
    `Compiling`, and give what that would; of rules only what is not their condition is looked at
    besides.
    """
    compiling = Compiling(profile)
    outcomes = outcomes or compiling
    references = References(repository)
    filters = Filters(repository, profile, references)
    filters.check(diagnostics)
    referring = [entry.refused() for entry in repository.correlations] + list(repository.refused)
    silent = correlating.silent_rules(referring, references)
    usable: dict[str, DetectionRule] = {}
    left_out: list[Location] = []
    told: list[Outcome] = []
    for rule in repository.rules:
        outcome = outcomes.add(rule, filters.of_rule(rule, diagnostics))
        diagnostics.found.extend(outcome.refused)
        told.append(outcome)
        if outcome.is_left_out:
            left_out.append(rule.info.location)
        else:
            usable[rule.info.id] = rule
    for outcome in told:
        diagnostics.found.extend(outcome.explosions)
    for entry in repository.filters:
        _warn_of_explosions(entry.condition, diagnostics)
    for outcome in told:
        diagnostics.found.extend(outcome.misspelt)
    for entry in repository.filters:
        compiling.check_names(entry, diagnostics)
    rules = _ById(usable, outcomes)
    compiler = correlating.Compiler(repository, profile, references, filters, rules, diagnostics)
    correlations: list[CompiledCorrelation] = []
    refused = list(repository.refused)
    for correlation, made in compiler.compile_all():
        if made is None:
            left_out.append(correlation.info.location)
            refused.append(correlation.refused())
        else:
            correlations.append(replace(made, silent=made.info.id in silent))
    counted = {rule_id for entry in correlations for rule_id in entry.rules}
    unheard = [rule.info for rule in usable.values() if rule.info.id in silent]
    unheard += [entry.info for entry in correlations if entry.silent]
    uncounted = {info.id: info for info in unheard if info.id not in counted}
    correlating.report_uncounted(refused, uncounted, references, diagnostics)
    left_out += filters.left_out.values()
    chosen = [(rule, rule.info.id in silent) for rule in usable.values()]
    return Compiled(outcomes.rules(chosen), tuple(correlations), tuple(left_out), tuple(usable))


class _ById(Mapping[str, CompiledRule]):
    """What rules were compiled to, of which correlations ask for few."""

    def __init__(self, rules: Mapping[str, DetectionRule], outcomes: Outcomes) -> None:
        self._rules, self._outcomes = rules, outcomes

    def __getitem__(self, rule_id: str) -> CompiledRule:
        return self._outcomes.rule(self._rules[rule_id])

    def __contains__(self, rule_id: object) -> bool:
        return rule_id in self._rules  # a look into the rule would make all of it

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


def _place_for(
    rule: DetectionRule, profile: Profile, diagnostics: Diagnostics
) -> LogsourcePlace | None:
    place = profile.place(rule.logsource)
    if place is None:
        diagnostics.error(
            "S2H404",
            rule.logsource_place,
            f"profile {profile.name} has no place for {rule.logsource}: "
            f"{profile.unplaced_reason(rule.logsource)}",
            profile.unplaced_hint(rule.logsource),
        )
        return None
    if not place.keyword_fields and keyword_in(rule.condition):
        hint = profile.unplaced_hint(rule.logsource)
        diagnostics.error(
            "S2H404",
            rule.logsource_place,
            f"profile {profile.name} names no keyword_fields for {rule.logsource}, "
            "so the rule's keywords have nowhere to be searched",
            hint.replace("indices", "keyword_fields"),
        )
        return None
    return place


def _warn_of_explosions(condition: Condition, diagnostics: Diagnostics) -> None:
    for atom in atoms_of(condition):
        if isinstance(atom.test, Regex) and may_explode(atom.test):
            diagnostics.warning(
                "S2H219",
                atom.origin.location,
                "a loop of the expression can take the same text in several ways, so that some "
                "values take twice the time with each character more",
                "let what follows in a loop differ from what came before: (\\w+\\s+)* instead of "
                "(\\w+\\s*)*",
            )


def gate_of(any_of: Sequence[Conjunction], place: LogsourcePlace, asked_at: Location) -> Condition:
    """Return the condition that an event is of the log source; none is "always"."""
    alternatives = tuple(
        And(
            tuple(
                Or(tuple(_gate_atom(path, text, place, asked_at) for text in texts))
                for path, texts in conjunction.items()
            )
        )
        for conjunction in any_of
    )
    return Or(alternatives) if alternatives else And(())


def _gate_atom(path: str, text: str, place: LogsourcePlace, asked_at: Location) -> Atom:
    origin = Origin("log source", path, text, asked_at)
    pattern: list[str | Wildcard] = []
    for position, piece in enumerate(text.split("*")):
        pattern.extend([Wildcard.ANY] if position else [])
        pattern.extend([piece] if piece else [])
    return Atom(path, Text(tuple(pattern)), origin, (place.field(path),))
