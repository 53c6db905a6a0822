"""Which filters act on which rules, and on what correlations count.

A filter that names a rule decides which of its events are matches. A filter that names a
correlation decides which matches of base rules that correlation counts, and nothing else: elsewhere
these rules stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigma2hive.compiler.references import References
from sigma2hive.compiler.resolving import keyword_in
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.conditions import Atom
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import (
    CorrelationRule,
    DetectionRepository,
    DetectionRule,
    FilterRule,
    RuleInfo,
)


class Filters:
    """The filters of a repository that can be used with a profile."""

    def __init__(
        self, repository: DetectionRepository, profile: Profile, references: References
    ) -> None:
        self._repository, self._profile, self._references = repository, profile, references
        self._reported: set[tuple[str, Logsource]] = set()
        self.left_out: dict[str, Location] = {}
        self._usable: Sequence[FilterRule] = repository.filters

    def check(self, diagnostics: Diagnostics) -> None:
        """Leave out filters whose names are ambiguous, and report those that apply to nothing."""
        usable = []
        for entry in self._repository.filters:
            if self._is_ambiguous(entry, diagnostics):
                self.left_out[entry.info.id] = entry.info.location
                continue
            usable.append(entry)
            if not self._applies_anywhere(entry):
                diagnostics.warning(
                    "S2H216",
                    entry.rules_place,
                    f"the filter '{entry.info.title}' applies to none of the rules",
                    self._idle_hint(entry),
                )
        self._usable = usable

    def of_rule(self, rule: DetectionRule, diagnostics: Diagnostics) -> list[FilterRule]:
        """Return the filters that an event must also meet to be a match of the rule."""
        return self._searchable(rule, self._naming(rule.info, rule), diagnostics)

    def of_correlation(
        self, correlation: CorrelationRule, base: DetectionRule, diagnostics: Diagnostics
    ) -> list[FilterRule]:
        """Return the filters that a match of `base` must meet to be counted by the correlation."""
        by_name = self._naming(correlation.info, base)
        return self._searchable(
            base, [entry for entry in by_name if entry.rules is not None], diagnostics
        )

    def _naming(self, info: RuleInfo, rule: DetectionRule) -> list[FilterRule]:
        return [entry for entry in self._usable if _fits(entry, info, rule.logsource)]

    def _searchable(
        self, rule: DetectionRule, filters: Sequence[FilterRule], diagnostics: Diagnostics
    ) -> list[FilterRule]:
        place = self._profile.place(rule.logsource)
        if place is None or place.keyword_fields:
            return list(filters)
        searchable = []
        for entry in filters:
            if keyword := keyword_in(entry.condition):
                self._report_keyword(entry, keyword, rule.logsource, diagnostics)
            else:
                searchable.append(entry)
        return searchable

    def _report_keyword(
        self, entry: FilterRule, keyword: Atom, logsource: Logsource, diagnostics: Diagnostics
    ) -> None:
        # One finding for each log source: `any` may be hundreds of rules.
        if (entry.info.id, logsource) in self._reported:
            return
        self._reported.add((entry.info.id, logsource))
        self.left_out[entry.info.id] = entry.info.location
        diagnostics.error(
            "S2H404",
            keyword.origin.location,
            f"profile {self._profile.name} names no keyword_fields for {logsource}, so the "
            "filter's keywords have nowhere to be searched: its rules run without it",
            self._profile.unplaced_hint(logsource).replace("indices", "keyword_fields"),
        )

    def _is_ambiguous(self, entry: FilterRule, diagnostics: Diagnostics) -> bool:
        for name in entry.rules or ():
            if namesakes := self._references.namesakes(name):
                report_namesakes("filter", name, namesakes, entry.rules_place, diagnostics)
                return True
        return False

    def _applies_anywhere(self, entry: FilterRule) -> bool:
        return any(
            _fits(entry, rule.info, rule.logsource) for rule in self._repository.rules
        ) or any(
            _fits(entry, correlation.info, logsource)
            for correlation in self._repository.correlations
            for logsource in self._counted_by(correlation)
        )

    def _counted_by(self, correlation: CorrelationRule) -> Iterator[Logsource]:
        logsources = {rule.info.id: rule.logsource for rule in self._repository.rules}
        correlations = {entry.info.id: entry for entry in self._repository.correlations}
        reached, names = {correlation.info.id}, list(correlation.rules)
        while names:
            name = names.pop()
            yield from (logsources[info.id] for info in self._references.rules(name))
            for info in self._references.correlations(name):
                if info.id in correlations and info.id not in reached:
                    reached.add(info.id)
                    names += correlations[info.id].rules

    def _idle_hint(self, entry: FilterRule) -> str:
        known = [
            name
            for name in entry.rules or ()
            if self._references.rules(name) or self._references.is_correlation(name)
        ]
        if entry.rules is None or known:
            return f"its log source ({entry.logsource}) fits none of them: write that of the rule"
        return "`rules` names no rule that is read together with it, by id or name"


def _fits(entry: FilterRule, info: RuleInfo, logsource: Logsource) -> bool:
    if not entry.logsource.covers(logsource):
        return False
    return entry.rules is None or bool({info.id, info.name} & set(entry.rules) - {""})


def report_namesakes(
    what: str,
    name: str,
    namesakes: Sequence[RuleInfo],
    place: Location,
    diagnostics: Diagnostics,
) -> None:
    """Add the finding that a name may mean several rules."""
    places = " and ".join(str(info.location) for info in namesakes)
    diagnostics.error(
        "S2H210",
        place,
        f"the {what} refers to '{name}', which is the name of several rules: {places}",
        "give the id of the one that is meant, or rename the others",
    )
