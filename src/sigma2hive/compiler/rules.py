"""Rules and correlations made ready for a profile.

Takes `DetectionRule`s, `FilterRule`s, `CorrelationRule`s and a `Profile`; gives `CompiledRule`s
and `CompiledCorrelation`s with every field resolved. What the profile has no place for is left
out, with a finding. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigma2hive.compiler import correlations as correlating
from sigma2hive.compiler.filters import Filters
from sigma2hive.compiler.forms import condition_as_json
from sigma2hive.compiler.misspelt import Spelling
from sigma2hive.compiler.references import References
from sigma2hive.compiler.regexes import may_explode
from sigma2hive.compiler.resolving import compiled_filters, keyword_in, resolved
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.canonical import digest
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
    RuleInfo,
)


def compile_all(
    repository: DetectionRepository, profile: Profile, diagnostics: Diagnostics
) -> Compiled:
    """Return everything that the profile has a place for; the rest becomes findings.

    A rule that a correlation refers to is silent, unless one of its correlations says `generate`;
    that holds for correlations that are left out, too.
    """
    references = References(repository)
    filters = Filters(repository, profile, references)
    filters.check(diagnostics)
    referring = [entry.refused() for entry in repository.correlations] + list(repository.refused)
    silent = correlating.silent_rules(referring, references)
    rules: dict[str, CompiledRule] = {}
    left_out: list[Location] = []
    for rule in repository.rules:
        made = _compile_rule(rule, filters.of_rule(rule, diagnostics), profile, diagnostics)
        if made is None:
            left_out.append(rule.info.location)
        else:
            rules[rule.info.id] = replace(made, silent=rule.info.id in silent)
    conditions = [rule.condition for rule in repository.rules]
    for condition in (*conditions, *(entry.condition for entry in repository.filters)):
        _warn_of_explosions(condition, diagnostics)
    _warn_of_misspelt(repository, profile, diagnostics)
    compiler = correlating.Compiler(repository, profile, references, filters, rules, diagnostics)
    correlations: list[CompiledCorrelation] = []
    refused = list(repository.refused)
    for correlation, entry in compiler.compile_all():
        if entry is None:
            left_out.append(correlation.info.location)
            refused.append(correlation.refused())
        else:
            correlations.append(replace(entry, silent=entry.info.id in silent))
    counted = {rule_id for entry in correlations for rule_id in entry.rules}
    unheard = [rule.info for rule in rules.values() if rule.silent]
    unheard += [entry.info for entry in correlations if entry.silent]
    uncounted = {info.id: info for info in unheard if info.id not in counted}
    correlating.report_uncounted(refused, uncounted, references, diagnostics)
    left_out += filters.left_out.values()
    return Compiled(tuple(rules.values()), tuple(correlations), tuple(left_out))


def _place_for(
    rule: DetectionRule, profile: Profile, diagnostics: Diagnostics
) -> LogsourcePlace | None:
    place = profile.place(rule.logsource)
    hint = profile.unplaced_hint(rule.logsource)
    if place is None:
        diagnostics.error(
            "S2H404",
            rule.logsource_place,
            f"profile {profile.name} has no place for {rule.logsource}: "
            f"{profile.unplaced_reason(rule.logsource)}",
            hint,
        )
        return None
    if not place.keyword_fields and keyword_in(rule.condition):
        diagnostics.error(
            "S2H404",
            rule.logsource_place,
            f"profile {profile.name} names no keyword_fields for {rule.logsource}, "
            "so the rule's keywords have nowhere to be searched",
            hint.replace("indices", "keyword_fields"),
        )
        return None
    return place


def _warn_of_misspelt(
    repository: DetectionRepository, profile: Profile, diagnostics: Diagnostics
) -> None:
    spelling = Spelling()
    entries: list[DetectionRule | FilterRule] = [*repository.rules, *repository.filters]
    for entry in entries:
        place = profile.place(entry.logsource)
        if place is not None:
            spelling.check(entry.condition, place, diagnostics)


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


def _compile_rule(
    rule: DetectionRule,
    filters: Sequence[FilterRule],
    profile: Profile,
    diagnostics: Diagnostics,
) -> CompiledRule | None:
    place = _place_for(rule, profile, diagnostics)
    if place is None:
        return None
    unfiltered = resolved(rule.condition, place)
    only = compiled_filters(filters, place)
    parts = (unfiltered, *(entry.condition for entry in only))
    condition = And(parts) if only else unfiltered
    gate = gate_of(place.any_of, place, rule.info)
    fields = {atom.name: atom.fields for atom in atoms_of(condition) if atom.name is not None}
    return CompiledRule(
        info=rule.info,
        logsource=rule.logsource,
        profile=profile.name,
        indices=place.indices,
        gate=gate,
        condition=condition,
        digest=digest([condition_as_json(gate), condition_as_json(condition), list(place.indices)]),
        unfiltered=unfiltered,
        filters=only,
        fields=fields,
    )


def gate_of(any_of: Sequence[Conjunction], place: LogsourcePlace, info: RuleInfo) -> Condition:
    """Return the condition that an event is of the log source; none is "always"."""
    alternatives = tuple(
        And(
            tuple(
                Or(tuple(_gate_atom(path, text, place, info) for text in texts))
                for path, texts in conjunction.items()
            )
        )
        for conjunction in any_of
    )
    return Or(alternatives) if alternatives else And(())


def _gate_atom(path: str, text: str, place: LogsourcePlace, info: RuleInfo) -> Atom:
    origin = Origin("log source", path, text, info.location)
    pattern: list[str | Wildcard] = []
    for position, piece in enumerate(text.split("*")):
        pattern.extend([Wildcard.ANY] if position else [])
        pattern.extend([piece] if piece else [])
    return Atom(path, Text(tuple(pattern)), origin, (place.field(path),))
