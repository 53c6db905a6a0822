"""Correlations made ready for a profile, and which base rules are silent.

Takes `CorrelationRule`s and the compiled rules that they refer to; gives `CompiledCorrelation`s. A
correlation that could never group its events is left out, with a finding: it would be silent for
ever, and look like a quiet day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sigma2hive.compiler.filters import Filters, report_namesakes
from sigma2hive.compiler.references import References
from sigma2hive.compiler.resolving import compiled_filters
from sigma2hive.diagnostics import Diagnostics, nearest
from sigma2hive.model.fields import Field
from sigma2hive.model.identity import epoch_of
from sigma2hive.model.profiles import LogsourcePlace, Profile
from sigma2hive.model.rules import (
    CompiledCorrelation,
    CompiledFilter,
    CompiledRule,
    CorrelationRule,
    DetectionRepository,
    DetectionRule,
    RefusedCorrelation,
)

_MAX_NAMED = 3
_CHECK_FIELD = "check its spelling, or name it in a profile of your own"


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

    def __post_init__(self) -> None:
        by_id = {rule.info.id: rule for rule in self.repository.rules}
        object.__setattr__(self, "_rules", by_id)

    def compile(self, correlation: CorrelationRule) -> CompiledCorrelation | None:
        """Return the correlation, or None with findings that say why it is left out."""
        ids = self._base_rules(correlation)
        if ids is None:
            return None
        named = self._alias_fields(correlation, ids)
        if named is None:
            return None
        group_by = tuple(
            (name, {rule_id: self._fields(named[name][rule_id], rule_id) for rule_id in ids})
            for name in correlation.group_by
        )
        self._warn_of_unknown_fields(correlation, ids, named)
        only = {rule_id: self._filters_of(correlation, rule_id) for rule_id in ids}
        return CompiledCorrelation(
            info=correlation.info,
            kind=correlation.kind,
            rules=tuple(ids),
            timespan_ns=correlation.timespan_ns,
            bounds=correlation.bounds,
            group_by=group_by,
            epoch=epoch_of(correlation, ids, named),
            generate=correlation.generate,
            only={rule_id: filters for rule_id, filters in only.items() if filters},
        )

    def _base_rules(self, correlation: CorrelationRule) -> list[str] | None:
        ids = [self._base_rule(correlation, name) for name in correlation.rules]
        known = [rule_id for rule_id in ids if rule_id is not None]
        return list(dict.fromkeys(known)) if len(known) == len(ids) else None

    def _base_rule(self, correlation: CorrelationRule, name: str) -> str | None:
        place = correlation.at("rules")
        if namesakes := self.references.namesakes(name):
            report_namesakes("correlation", name, namesakes, place, self.diagnostics)
            return None
        found = self.references.rules(name)
        if found and found[0].id in self.compiled:
            return found[0].id
        if self.references.is_correlation(name):
            self.diagnostics.error(
                "S2H214",
                place,
                f"'{name}' is a correlation; correlations of correlations are not supported yet",
                "name the rules that it counts",
            )
            return None
        why = "was left out" if found else "is not among the rules that could be read"
        hint = "give the id or name of a rule that is read together with it"
        if found:
            hint = "mend that rule; its own finding says what is wrong"
        self.diagnostics.error(
            "S2H210", place, f"the correlation refers to '{name}', which {why}", hint
        )
        return None

    def _alias_fields(
        self, correlation: CorrelationRule, ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, str]] | None:
        """Return Sigma's field for each group-by name and rule; None where one is certain to miss.

        A rule that an alias leaves out has the field only if it is called like the alias.
        """
        named = {name: dict.fromkeys(ids, name) for name in correlation.group_by}
        failed = False
        for alias, by_rule in correlation.aliases.items():
            resolved = self._alias(correlation, alias, by_rule, ids)
            failed = failed or resolved is None
            if alias in named and resolved is not None:
                missing = [rule_id for rule_id in ids if rule_id not in resolved]
                unknown = [entry for entry in missing if not self._is_known(alias, entry)]
                if unknown:
                    self._report_missing_alias(correlation, alias, unknown)
                failed = failed or bool(unknown)
                named[alias].update(resolved)
            elif alias not in named:
                self.diagnostics.warning(
                    "S2H209",
                    correlation.at("aliases", alias),
                    f"the alias '{alias}' is not used, since `group-by` does not name it",
                    nearest(alias, correlation.group_by, "name it in `group-by`, or remove it"),
                )
        return None if failed else named

    def _alias(
        self,
        correlation: CorrelationRule,
        alias: str,
        by_rule: Mapping[str, str],
        ids: Sequence[str],
    ) -> Mapping[str, str] | None:
        fields: dict[str, str] = {}
        for name, sigma_field in by_rule.items():
            found = [info.id for info in self.references.rules(name) if info.id in ids]
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
        self, correlation: CorrelationRule, alias: str, unknown: Sequence[str]
    ) -> None:
        rules = _listed([self._rules[rule_id].info.title for rule_id in unknown])
        self.diagnostics.error(
            "S2H209",
            correlation.at("aliases", alias),
            f"the alias '{alias}' has no field for {rules}, so events of it would never be grouped",
            f"say under `{alias}` which field of each rule it is",
        )

    def _warn_of_unknown_fields(
        self,
        correlation: CorrelationRule,
        ids: Sequence[str],
        named: Mapping[str, Mapping[str, str]],
    ) -> None:
        for name, by_rule in named.items():
            for sigma_field in dict.fromkeys(by_rule.values()):
                having = [rule_id for rule_id in ids if by_rule[rule_id] == sigma_field]
                unknown = [entry for entry in having if not self._is_known(sigma_field, entry)]
                if unknown:
                    self._warn_of_unknown_field(correlation, name, sigma_field, unknown)

    def _warn_of_unknown_field(
        self, correlation: CorrelationRule, name: str, sigma_field: str, unknown: Sequence[str]
    ) -> None:
        place = self._place(unknown[0])
        known = [*place.paths, *self.compiled[unknown[0]].fields]
        hint = nearest(sigma_field, known, _CHECK_FIELD)
        if hint == _CHECK_FIELD and place.default_prefix:
            # Events have fields below the prefix that no profile lists.
            return
        read = ", ".join(entry.path for entry in place.resolve(sigma_field))
        keys = ("aliases", name) if name in correlation.aliases else ("group-by",)
        self.diagnostics.warning(
            "S2H209",
            correlation.at(*keys),
            f"profile {self.profile.name} knows no field '{sigma_field}'; it is read as {read}, "
            "and events without that are not grouped",
            hint,
        )

    def _is_known(self, sigma_field: str, rule_id: str) -> bool:
        """Whether anything says that events of the rule have the field."""
        if sigma_field in self.compiled[rule_id].fields:
            return True
        if sigma_field in self._place(rule_id).paths:
            return True
        return any(not entry.dynamic for entry in self._fields(sigma_field, rule_id))

    def _fields(self, sigma_field: str, rule_id: str) -> tuple[Field, ...]:
        return self._place(rule_id).resolve(sigma_field)

    def _place(self, rule_id: str) -> LogsourcePlace:
        place = self.profile.place(self.compiled[rule_id].logsource)
        if place is None:
            raise ValueError(f"{rule_id} was compiled without a place")
        return place

    def _filters_of(self, correlation: CorrelationRule, rule_id: str) -> tuple[CompiledFilter, ...]:
        filters = self.filters.of_correlation(correlation, self._rules[rule_id], self.diagnostics)
        return compiled_filters(filters, self._place(rule_id))


def silent_rules(
    correlations: Iterable[RefusedCorrelation], references: References
) -> frozenset[str]:
    """Return the ids of the rules that are there to be counted only: no correlation generates."""
    generating: dict[str, bool] = {}
    for correlation in correlations:
        for name in correlation.rules:
            for info in references.rules(name):
                generating[info.id] = generating.get(info.id, False) or correlation.generate
    return frozenset(rule_id for rule_id, generate in generating.items() if not generate)


def report_uncounted(
    refused: Iterable[RefusedCorrelation],
    silent: Mapping[str, CompiledRule],
    references: References,
    diagnostics: Diagnostics,
) -> None:
    """Say which rules nobody hears of, since what counts them is left out.

    `silent` are the rules that are silent and that no correlation in use counts, by their id.
    """
    for correlation in refused:
        infos = [info for name in correlation.rules for info in references.rules(name)]
        titles = [silent[info.id].info.title for info in infos if info.id in silent]
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
