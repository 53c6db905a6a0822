"""Rules and correlations made ready for a profile.

Takes `DetectionRule`s, `FilterRule`s, `CorrelationRule`s and a `Profile`; gives `CompiledRule`s
and `CompiledCorrelation`s with every field resolved. What the profile has no place for is left
out, with a finding. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sigma2hive.compiler.forms import condition_as_json
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.canonical import digest
from sigma2hive.model.conditions import (
    And,
    Atom,
    Condition,
    FieldReference,
    Not,
    Null,
    Or,
    Origin,
    Text,
    Wildcard,
    atoms_of,
)
from sigma2hive.model.fields import Field
from sigma2hive.model.identity import epoch_of
from sigma2hive.model.profiles import Conjunction, LogsourcePlace, Profile
from sigma2hive.model.rules import (
    CompiledCorrelation,
    CompiledRule,
    CorrelationRule,
    DetectionRepository,
    DetectionRule,
    FilterRule,
    RuleInfo,
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a run needs: rules and correlations of one profile; `left_out` says where others are."""

    rules: tuple[CompiledRule, ...] = ()
    correlations: tuple[CompiledCorrelation, ...] = ()
    left_out: tuple[Location, ...] = ()


def compile_all(
    repository: DetectionRepository, profile: Profile, diagnostics: Diagnostics
) -> Compiled:
    """Return everything that the profile has a place for; the rest becomes findings.

    A rule that a correlation refers to is silent, unless one of its correlations says `generate`.
    """
    rules, filters = repository.rules, repository.filters
    correlations = repository.correlations
    _report_idle_filters(rules, filters, diagnostics)
    by_name = _names(rules)
    silent = _silent_rules(correlations, by_name)
    compiled: dict[str, CompiledRule] = {}
    left_out: list[Location] = []
    for rule in rules:
        made = _compile_rule(rule, _filters_for(rule, filters), profile, diagnostics)
        if made is None:
            left_out.append(rule.info.location)
        else:
            compiled[rule.info.id] = replace(made, silent=rule.info.id in silent)
    joined: list[CompiledCorrelation] = []
    for correlation in correlations:
        entry = _compile_correlation(correlation, compiled, by_name, diagnostics, profile)
        if entry is None:
            left_out.append(correlation.info.location)
        else:
            joined.append(entry)
    return Compiled(tuple(compiled.values()), tuple(joined), tuple(left_out))


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
    if not place.keyword_fields and _has_keywords(rule):
        diagnostics.error(
            "S2H404",
            rule.logsource_place,
            f"profile {profile.name} names no keyword_fields for {rule.logsource}, "
            "so the rule's keywords have nowhere to be searched",
            hint.replace("indices", "keyword_fields"),
        )
        return None
    return place


def _has_keywords(rule: DetectionRule) -> bool:
    return any(atom.name is None for atom in atoms_of(rule.condition))


def _compile_rule(
    rule: DetectionRule,
    filters: Iterable[FilterRule],
    profile: Profile,
    diagnostics: Diagnostics,
) -> CompiledRule | None:
    place = _place_for(rule, profile, diagnostics)
    if place is None:
        return None
    parts = [rule.condition, *(entry.condition for entry in filters)]
    condition = _resolved(parts[0] if len(parts) == 1 else And(tuple(parts)), place)
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


def _resolved(condition: Condition, place: LogsourcePlace) -> Condition:
    match condition:
        case And(conditions):
            return And(tuple(_resolved(part, place) for part in conditions))
        case Or(conditions):
            return Or(tuple(_resolved(part, place) for part in conditions))
        case Not(inner):
            return Not(_resolved(inner, place))
        case Atom():
            return _resolved_atom(condition, place)


def _resolved_atom(atom: Atom, place: LogsourcePlace) -> Condition:
    if atom.name is None:
        return replace(atom, fields=place.keyword_fields)
    fields = place.resolve(atom.name)
    if isinstance(atom.test, FieldReference):
        reference = replace(atom.test, fields=place.resolve(atom.test.name))
        return replace(atom, test=reference, fields=fields)
    placed = replace(atom, fields=fields)
    if _asks_for_dropped(atom, fields):
        # Ingestion removed the value, so a field that is not there is all that is left of it.
        return Or((placed, replace(placed, test=Null())))
    return placed


def _asks_for_dropped(atom: Atom, fields: tuple[Field, ...]) -> bool:
    if not isinstance(atom.test, Text) or atom.test.literal is None:
        return False
    return any(atom.test.literal in field.dropped for field in fields)


def _filters_for(rule: DetectionRule, filters: Iterable[FilterRule]) -> list[FilterRule]:
    return [entry for entry in filters if _applies(entry, rule)]


def _applies(entry: FilterRule, rule: DetectionRule) -> bool:
    if not entry.logsource.covers(rule.logsource):
        return False
    return entry.rules is None or bool({rule.info.id, rule.info.name} & set(entry.rules) - {""})


def _report_idle_filters(
    rules: Sequence[DetectionRule], filters: Sequence[FilterRule], diagnostics: Diagnostics
) -> None:
    for entry in filters:
        if not any(_applies(entry, rule) for rule in rules):
            diagnostics.warning(
                "S2H216",
                entry.info.location,
                f"the filter '{entry.info.title}' applies to none of the rules",
                "check its `rules` and its log source",
            )


def _names(rules: Iterable[DetectionRule]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for rule in rules:
        ids[rule.info.id] = rule.info.id
        if rule.info.name:
            ids.setdefault(rule.info.name, rule.info.id)
    return ids


def _silent_rules(
    correlations: Iterable[CorrelationRule], by_name: Mapping[str, str]
) -> frozenset[str]:
    referred: dict[str, bool] = {}
    for correlation in correlations:
        for name in correlation.rules:
            if name in by_name:
                rule_id = by_name[name]
                referred[rule_id] = referred.get(rule_id, False) or correlation.generate
    return frozenset(rule_id for rule_id, generate in referred.items() if not generate)


def _compile_correlation(
    correlation: CorrelationRule,
    compiled: Mapping[str, CompiledRule],
    by_name: Mapping[str, str],
    diagnostics: Diagnostics,
    profile: Profile,
) -> CompiledCorrelation | None:
    ids: list[str] = []
    for name in correlation.rules:
        rule_id = by_name.get(name)
        if rule_id is None or rule_id not in compiled:
            why = "is not among the rules" if rule_id is None else "was left out"
            diagnostics.error(
                "S2H210",
                correlation.rules_place,
                f"the correlation refers to '{name}', which {why}",
                "give the id or name of a rule that is read together with it",
            )
            return None
        ids.append(rule_id)
    grouped_by = {
        name: {rule_id: _grouping_field(correlation, name, compiled[rule_id]) for rule_id in ids}
        for name in correlation.group_by
    }
    group_by = tuple(
        (
            name,
            {
                rule_id: _group_fields(compiled[rule_id], field, profile)
                for rule_id, field in by_rule.items()
            },
        )
        for name, by_rule in grouped_by.items()
    )
    return CompiledCorrelation(
        info=correlation.info,
        kind=correlation.kind,
        rules=tuple(dict.fromkeys(ids)),
        timespan_ns=correlation.timespan_ns,
        bounds=correlation.bounds,
        group_by=group_by,
        epoch=epoch_of(correlation, ids, grouped_by),
        generate=correlation.generate,
    )


def _grouping_field(correlation: CorrelationRule, name: str, rule: CompiledRule) -> str:
    """Return the Sigma field that stands for `name` in the rule: its alias, or itself."""
    alias = correlation.aliases.get(name, {})
    return alias.get(rule.info.id) or alias.get(rule.info.name) or name


def _group_fields(rule: CompiledRule, field: str, profile: Profile) -> tuple[Field, ...]:
    place = profile.place(rule.logsource)
    if place is None:
        raise ValueError(f"{rule.info.id} was compiled without a place")
    return place.resolve(field)
