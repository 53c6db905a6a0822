"""What alerts may know of each rule beyond its match.

Takes what was compiled and the profile that it was compiled for; gives a context a rule.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sigma2hive.alerts import AlertContext, Lookup
from sigma2hive.model.fields import Field
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import Compiled, CompiledCorrelation, CompiledRule
from sigma2hive.settings import KibanaSettings


def contexts_of(
    compiled: Compiled, profile: Profile | None, kibana: KibanaSettings
) -> Mapping[str, AlertContext]:
    """Return the context of each rule and correlation, by its id, without its version.

    Without a profile, alerts know the fields that rules ask for, and no other names of theirs.
    """
    rules = {rule.info.id: rule for rule in compiled.rules}
    lookups = _Lookups(profile)
    contexts = {
        rule.info.id: AlertContext(
            fields=rule.fields,
            lookup=lookups.of({rule.logsource}),
            logsource=rule.logsource,
            kibana=kibana,
        )
        for rule in compiled.rules
    }
    titles = {rule.info.id: rule.info.title for rule in compiled.rules}
    titles |= {entry.info.id: entry.info.title for entry in compiled.correlations}
    for correlation in compiled.correlations:
        logsources = {rules[rule_id].logsource for rule_id in correlation.leaves}
        contexts[correlation.info.id] = AlertContext(
            fields=_fields_of(correlation, rules),
            lookup=lookups.of(logsources),
            logsource=_common(logsources),
            correlation=correlation,
            counted=tuple(titles[rule_id] for rule_id in correlation.rules),
            kibana=kibana,
        )
    return contexts


def _common(logsources: Collection[Logsource]) -> Logsource:
    """Return what all of the log sources say alike."""
    parts = zip(
        *((entry.product, entry.category, entry.service) for entry in logsources), strict=True
    )
    return Logsource(*(part[0] if len(set(part)) == 1 else None for part in parts))


def _fields_of(
    correlation: CompiledCorrelation, rules: Mapping[str, CompiledRule]
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
            profile = self.profile
            places = [profile.place(entry) for entry in sorted(key, key=str)] if profile else []
            self._made[key] = Lookup(tuple(place for place in places if place is not None))
        return self._made[key]
