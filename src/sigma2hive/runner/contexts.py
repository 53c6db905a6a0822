"""What alerts may know of each rule beyond its match.

Takes what was compiled and the profile that it was compiled for; gives a context a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import field
from functools import partial

from sigma2hive.alerts import AlertContext, Lookup, Named
from sigma2hive.model.fields import Field
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import Compiled, CompiledCorrelation, RuleHead
from sigma2hive.model.versions import RuleVersion
from sigma2hive.records import dataclass
from sigma2hive.settings import KibanaSettings


def contexts_of(
    compiled: Compiled,
    profile: Profile | None,
    kibana: KibanaSettings,
    version_of: Callable[[str], RuleVersion] = lambda _: RuleVersion(),
) -> Mapping[str, AlertContext]:
    """Return the context of each rule and correlation, by its id.

    Without a profile, alerts know the fields that rules ask for, and no other names of theirs.
    `version_of` tells of a rule's file, by its path as findings show it, which commit it is from.
    """
    return _Contexts(compiled, profile, kibana, version_of)


class _Contexts(Mapping[str, AlertContext]):
    """Made when they are asked for: few rules raise an alert."""

    def __init__(
        self,
        compiled: Compiled,
        profile: Profile | None,
        kibana: KibanaSettings,
        version_of: Callable[[str], RuleVersion],
    ) -> None:
        self._rules = compiled.heads_by_id()
        self._correlations = {entry.info.id: entry for entry in compiled.correlations}
        self._lookups = _Lookups(profile)
        self._kibana = kibana
        self._version_of = version_of
        self._made: dict[str, AlertContext] = {}

    def __getitem__(self, rule_id: str) -> AlertContext:
        if rule_id not in self._made:
            correlation = self._correlations.get(rule_id)
            self._made[rule_id] = (
                self._of_rule(self._rules[rule_id])
                if correlation is None
                else self._of_correlation(correlation)
            )
        return self._made[rule_id]

    def __iter__(self) -> Iterator[str]:
        return iter((*self._rules, *self._correlations))

    def __len__(self) -> int:
        return len(self._rules) + len(self._correlations)

    def _of_rule(self, rule: RuleHead) -> AlertContext:
        return AlertContext(
            fields=rule.fields,
            lookup=self._lookups.of({rule.logsource}),
            logsource=rule.logsource,
            kibana=self._kibana,
            version_of=partial(self._version_of, rule.info.location.path),
        )

    def _title_of(self, rule_id: str) -> str:
        found = self._correlations.get(rule_id) or self._rules[rule_id]
        return found.info.title

    def _of_correlation(self, correlation: CompiledCorrelation) -> AlertContext:
        logsources = {self._rules[rule_id].logsource for rule_id in correlation.leaves}
        return AlertContext(
            fields=_fields_of(correlation, self._rules),
            lookup=self._lookups.of(logsources),
            logsource=_common(logsources),
            correlation=correlation,
            counted=tuple(map(self._title_of, correlation.rules)),
            kibana=self._kibana,
            version_of=partial(self._version_of, correlation.info.location.path),
        )


def _common(logsources: Collection[Logsource]) -> Logsource:
    """Return what all of the log sources say alike."""
    parts = zip(
        *((entry.product, entry.category, entry.service) for entry in logsources), strict=True
    )
    return Logsource(*(part[0] if len(set(part)) == 1 else None for part in parts))


def _fields_of(
    correlation: CompiledCorrelation, rules: Mapping[str, RuleHead]
) -> dict[str, tuple[Field, ...]]:
    fields: dict[str, tuple[Field, ...]] = {}
    for rule_id in reversed(correlation.leaves):
        fields.update(rules[rule_id].fields)
    for name, _ in (*correlation.values, *correlation.group_by):
        fields[name] = correlation.candidates(name)
    return fields


@dataclass(frozen=True, slots=True)
class _Lookups:
    """One look-up for all rules of the same log sources."""

    profile: Profile | None
    _made: dict[frozenset[Logsource], Lookup] = field(default_factory=dict)

    def of(self, logsources: Collection[Logsource]) -> Lookup:
        key = frozenset(logsources)
        if key not in self._made:
            sources = sorted(key, key=str)
            self._made[key] = _lookup(self.profile, sources) if self.profile else Lookup()
        return self._made[key]


def _lookup(profile: Profile, logsources: Collection[Logsource]) -> Lookup:
    both = [(profile.place(entry), profile.alert_place(entry)) for entry in logsources]
    return Lookup(
        tuple(place for place, _ in both if place is not None),
        tuple(Named(place, named) for place, named in both if place and named),
    )
