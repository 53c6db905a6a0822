"""Correlations made ready for a profile, and which base rules are silent.

Takes `CorrelationRule`s and the compiled rules that they refer to; gives `CompiledCorrelation`s. A
correlation that could never group its events is left out, with a finding: it would be silent for
ever, and look like a quiet day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from sigma2hive.compiler.counted import Counted, CountedCorrelation, CountedRule
from sigma2hive.compiler.filters import Filters, report_namesakes
from sigma2hive.compiler.misspelt import nearly
from sigma2hive.compiler.references import References
from sigma2hive.compiler.resolving import compiled_filters
from sigma2hive.diagnostics import Diagnostics, nearest
from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.conditions import Operator
from sigma2hive.model.identity import epoch_of, plain_number
from sigma2hive.model.profiles import LogsourcePlace, Profile, WindowsEvents
from sigma2hive.model.rules import (
    Bound,
    CompiledCorrelation,
    CompiledFilter,
    CompiledRule,
    CorrelationKind,
    CorrelationRule,
    DetectionRepository,
    DetectionRule,
    Named,
    RefusedCorrelation,
    RuleInfo,
)
from sigma2hive.records import dataclass

_MAX_NAMED = 3
_CHECK_FIELD = "check its spelling, or name it in a profile of your own"

#: Sigma's field for each name of a correlation and each thing that it counts, by id.
_Naming = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles correlations; `compiled` are the rules that can be used, by their id."""

    repository: DetectionRepository
    profile: Profile
    references: References
    filters: Filters
    compiled: Mapping[str, CompiledRule]
    diagnostics: Diagnostics
    _rules: Mapping[str, DetectionRule] = field(init=False)
    #: What was made or asked for so far: a repository has many rules, and correlations count few.
    _counted: dict[str, CountedRule | CountedCorrelation] = field(init=False)

    def __post_init__(self) -> None:
        by_id = {rule.info.id: rule for rule in self.repository.rules}
        object.__setattr__(self, "_rules", by_id)
        object.__setattr__(self, "_counted", {})

    def compile_all(self) -> Iterator[tuple[CorrelationRule, CompiledCorrelation | None]]:
        """Yield each correlation with what was made of it, None where findings say why it is not.

        One that others count comes before them; else the order is the repository's.
        """
        waiting = list(self.repository.correlations)
        while waiting:
            unmade = {entry.info.id for entry in waiting}
            ready = [entry for entry in waiting if not self._correlations_in(entry) & unmade]
            if not ready:
                for entry in waiting:
                    self._report_circle(entry, waiting)
                    yield entry, None
                return
            for entry in ready:
                made = self._compile(entry)
                if made is not None:
                    rules = {leaf: self._leaf(leaf) for leaf in made.leaves}
                    self._counted[entry.info.id] = CountedCorrelation(made, rules)
                yield entry, made
            made_now = {entry.info.id for entry in ready}
            waiting = [entry for entry in waiting if entry.info.id not in made_now]

    def _compile(self, correlation: CorrelationRule) -> CompiledCorrelation | None:
        counted = self._all_counted(correlation)
        if counted is None or not self._has_reachable_bounds(correlation, counted):
            return None
        named = self._alias_fields(correlation, counted)
        if named is None:
            return None
        self._warn_of_unknown_fields(correlation, counted, named)
        rules = {key: entry for key, entry in counted.items() if isinstance(entry, CountedRule)}
        chained = {
            key: entry.chained({name: by_id[key] for name, by_id in named.items()})
            for key, entry in counted.items()
            if isinstance(entry, CountedCorrelation)
        }
        made = CompiledCorrelation(
            info=correlation.info,
            kind=correlation.kind,
            rules=tuple(counted),
            timespan_ns=correlation.timespan_ns,
            bounds=_bounds(correlation, counted),
            group_by=_fields(correlation.group_by, named, rules),
            epoch="",
            generate=correlation.generate,
            values=_fields(correlation.values, named, rules),
            percentile=correlation.percentile,
            chained=chained,
        )
        only = {leaf: self._filters_of(correlation, leaf) for leaf in made.leaves}
        return replace(
            made,
            epoch=_epoch(replace(correlation, bounds=made.bounds), made, named),
            only={leaf: filters for leaf, filters in only.items() if filters},
        )

    def _correlations_in(self, correlation: CorrelationRule) -> set[str]:
        return {
            info.id for name in correlation.rules for info in self.references.correlations(name)
        }

    def _report_circle(
        self, correlation: CorrelationRule, waiting: Sequence[CorrelationRule]
    ) -> None:
        unmade = {entry.info.id: entry for entry in waiting}
        way = [correlation]
        while way[-1] not in way[:-1]:
            following = self._correlations_in(way[-1])
            way.append(next(unmade[key] for key in unmade if key in following))
        circle = way[way.index(way[-1]) :]
        titles = " → ".join(f"'{entry.info.title}'" for entry in circle)
        self.diagnostics.error(
            "S2H209",
            correlation.at("rules"),
            f"correlations count each other in a circle: {titles}",
            "let one of them name the rules that it counts",
        )

    def _all_counted(self, correlation: CorrelationRule) -> Mapping[str, Counted] | None:
        found = [self._find_counted(correlation, name) for name in correlation.rules]
        known = {entry.info.id: entry for entry in found if entry is not None}
        if not all(found):
            return None
        if correlation.kind is CorrelationKind.TEMPORAL_ORDERED and len(known) < len(found):
            self.diagnostics.error(
                "S2H209",
                correlation.at("rules"),
                "`rules` names a rule twice, by its name and by its id, so they have no order",
                "name each rule once",
            )
            return None
        return known

    def _find_counted(
        self, correlation: CorrelationRule, name: str
    ) -> CountedRule | CountedCorrelation | None:
        place = correlation.at("rules")
        if namesakes := self.references.namesakes(name):
            report_namesakes("correlation", name, namesakes, place, self.diagnostics)
            return None
        found = (*self.references.rules(name), *self.references.correlations(name))
        if found and (counted := self._counted_by_id(found[0].id)):
            return counted
        what = "correlation" if self.references.is_correlation(name) else "rule"
        why = "was left out" if found else "is not among the rules that could be read"
        hint = "give the id or name of a rule that is read together with it"
        if found:
            hint = f"mend that {what}; its own finding says what is wrong"
        self.diagnostics.error(
            "S2H210", place, f"the correlation refers to '{name}', which {why}", hint
        )
        return None

    def _counted_by_id(self, info_id: str) -> CountedRule | CountedCorrelation | None:
        if info_id not in self._counted and info_id in self.compiled:
            self._counted[info_id] = self._leaf(info_id)
        return self._counted.get(info_id)

    def _has_reachable_bounds(
        self, correlation: CorrelationRule, counted: Mapping[str, Counted]
    ) -> bool:
        """Whether so many different rules can be met; of other kinds reading has decided it."""
        if not correlation.kind.is_temporal:
            return True
        bounds = _bounds(correlation, counted)
        figures = range(1, len(counted) + 1)
        if any(all(bound.admits(figure) for bound in bounds) for figure in figures):
            return True
        self.diagnostics.error(
            "S2H209",
            correlation.at("condition"),
            "the condition asks for another number of rules than can be met, "
            f"{len(counted)} at most, so the rule could never fire",
            "leave it out: then all of `rules` are asked for",
        )
        return False

    def _alias_fields(
        self, correlation: CorrelationRule, counted: Mapping[str, Counted]
    ) -> _Naming | None:
        """Return Sigma's field for each name and rule; None where one is certain to miss.

        A rule that an alias leaves out has the field only if it is called like the alias.
        """
        names = (*correlation.group_by, *correlation.values)
        named = {name: dict.fromkeys(counted, name) for name in names}
        failed = False
        for alias, by_rule in correlation.aliases.items():
            resolved = self._alias(correlation, alias, by_rule, counted)
            failed = failed or resolved is None
            if alias in named and resolved is not None:
                missing = [entry for key, entry in counted.items() if key not in resolved]
                unknown = [entry for entry in missing if not entry.knows(alias)]
                if unknown:
                    self._report_missing_alias(correlation, alias, unknown)
                failed = failed or bool(unknown)
                named[alias].update(resolved)
            elif alias not in named:
                self.diagnostics.warning(
                    "S2H209",
                    correlation.at("aliases", alias),
                    f"the alias '{alias}' is not used, since `group-by` does not name it",
                    nearest(alias, names, "name it in `group-by`, or remove it"),
                )
        return None if failed else named

    def _alias(
        self,
        correlation: CorrelationRule,
        alias: str,
        by_rule: Mapping[str, str],
        counted: Mapping[str, Counted],
    ) -> Mapping[str, str] | None:
        fields: dict[str, str] = {}
        for name, sigma_field in by_rule.items():
            meant = (*self.references.rules(name), *self.references.correlations(name))
            found = [info.id for info in meant if info.id in counted]
            if not found:
                self.diagnostics.error(
                    "S2H210",
                    correlation.at("aliases", alias),
                    f"the alias '{alias}' has a field for '{name}', which is none of the "
                    "correlation's rules",
                    nearest(name, correlation.rules),
                )
                return None
            fields.update(dict.fromkeys(found, sigma_field))
        return fields

    def _report_missing_alias(
        self, correlation: CorrelationRule, alias: str, unknown: Sequence[Counted]
    ) -> None:
        rules = _listed([entry.info.title for entry in unknown])
        effect = "grouped" if alias in correlation.group_by else "counted"
        self.diagnostics.error(
            "S2H209",
            correlation.at("aliases", alias),
            f"the alias '{alias}' has no field for {rules}, so events of it would never be "
            f"{effect}",
            f"say under `{alias}` which field of each rule it is",
        )

    def _warn_of_unknown_fields(
        self, correlation: CorrelationRule, counted: Mapping[str, Counted], named: _Naming
    ) -> None:
        for name, by_id in named.items():
            for sigma_field in dict.fromkeys(by_id.values()):
                having = [entry for key, entry in counted.items() if by_id[key] == sigma_field]
                unknown = [entry for entry in having if not entry.knows(sigma_field)]
                if unknown:
                    self._warn_of_unknown_field(correlation, name, sigma_field, unknown[0])

    def _warn_of_unknown_field(
        self, correlation: CorrelationRule, name: str, sigma_field: str, unknown: Counted
    ) -> None:
        place = unknown.place
        known = unknown.known_names()
        has_own_names = self.profile.windows_events is WindowsEvents.FLAT
        if near := nearly(sigma_field, known):
            hint = f"did you mean '{near[0]}'? Letter case counts in the names of fields"
        elif has_own_names:
            # Every name of Sigma's is a field; only a slip of the pen can be told from one.
            return
        else:
            hint = nearest(sigma_field, known, _CHECK_FIELD)
        if hint == _CHECK_FIELD and place.default_prefix:
            # Events have fields below the prefix that no profile lists.
            return
        read = ", ".join(entry.path for entry in place.resolve(sigma_field))
        is_group = name in correlation.group_by
        own = ("group-by",) if is_group else ("condition", "field")
        self.diagnostics.warning(
            "S2H209",
            correlation.at(*(("aliases", name) if name in correlation.aliases else own)),
            f"profile {self.profile.name} knows no field '{sigma_field}'; it is read as {read}, "
            f"and events without that are not {'grouped' if is_group else 'counted'}",
            hint,
        )

    def _place(self, rule: CompiledRule) -> LogsourcePlace:
        place = self.profile.place(rule.logsource)
        if place is None:
            raise ValueError(f"{rule.info.id} was compiled without a place")
        return place

    def _leaf(self, rule_id: str) -> CountedRule:
        rule = self.compiled[rule_id]
        return CountedRule(rule, self._place(rule))

    def _filters_of(self, correlation: CorrelationRule, rule_id: str) -> tuple[CompiledFilter, ...]:
        filters = self.filters.of_correlation(correlation, self._rules[rule_id], self.diagnostics)
        return compiled_filters(filters, self._place(self.compiled[rule_id]))


def _fields(names: Sequence[str], named: _Naming, rules: Mapping[str, CountedRule]) -> Named:
    return tuple(
        (name, {key: entry.place.grouping(named[name][key]) for key, entry in rules.items()})
        for name in names
    )


def _bounds(correlation: CorrelationRule, counted: Mapping[str, Counted]) -> tuple[Bound, ...]:
    """Return the bounds; a temporal correlation without any asks for all of its rules."""
    return correlation.bounds or (Bound(Operator.GTE, len(counted)),)


def _epoch(correlation: CorrelationRule, made: CompiledCorrelation, named: _Naming) -> str:
    """Return the epoch; what only some kinds ask is added where it is asked."""
    more: dict[str, JsonValue] = {}
    if made.kind is CorrelationKind.TEMPORAL_ORDERED:
        more["order"] = [rule_id.lower() for rule_id in made.rules]
    if made.values:
        more["values"] = {
            name: {key.lower(): sigma_field for key, sigma_field in named[name].items()}
            for name, _ in made.values
        }
    if made.percentile is not None:
        more["percentile"] = plain_number(made.percentile)
    if made.chained:
        more["chained"] = {key.lower(): inner.epoch for key, inner in made.chained.items()}
    grouped_by = {name: named[name] for name in correlation.group_by}
    return epoch_of(correlation, made.rules, grouped_by, more)


def silent_rules(
    correlations: Iterable[RefusedCorrelation], references: References
) -> frozenset[str]:
    """Return the ids of what is there to be counted only: no correlation of it generates."""
    generating: dict[str, bool] = {}
    for correlation in correlations:
        for name in correlation.rules:
            for info in (*references.rules(name), *references.correlations(name)):
                generating[info.id] = generating.get(info.id, False) or correlation.generate
    return frozenset(rule_id for rule_id, generate in generating.items() if not generate)


def report_uncounted(
    refused: Iterable[RefusedCorrelation],
    silent: Mapping[str, RuleInfo],
    references: References,
    diagnostics: Diagnostics,
) -> None:
    """Say which rules nobody hears of, since what counts them is left out.

    `silent` are what is silent and what no correlation in use counts, by id.
    """
    for correlation in refused:
        infos = [
            info
            for name in correlation.rules
            for info in (*references.rules(name), *references.correlations(name))
        ]
        titles = [silent[info.id].title for info in infos if info.id in silent]
        if titles:
            diagnostics.warning(
                "S2H217",
                correlation.rules_place,
                f"{_listed(titles)} stays silent, since the correlation that counts it is left out",
                "mend the correlation; for an alert of every match instead, remove it or add "
                "`generate: true`",
            )


def _listed(titles: Sequence[str]) -> str:
    shown = ", ".join(f"'{title}'" for title in titles[:_MAX_NAMED])
    more = len(titles) - _MAX_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
