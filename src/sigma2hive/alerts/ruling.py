"""What holds for all alerts of a rule: alerts.yml, its overrides, and what the rule says itself.

Takes a rule, the mappings and where its log source is; gives settings. Looks at no event.
"""

from __future__ import annotations

from dataclasses import replace

from sigma2hive.alerts.checks import read_custom
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.mappings import AlertMapping, AlertSettings, Mappings
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import RuleInfo

DEFAULT_SEVERITY = 2
#: TLP and PAP amber.
DEFAULT_MARKING = 2


def settings_of(rule: RuleInfo, mappings: Mappings, logsource: Logsource) -> AlertSettings:
    """Return what holds for a rule's alerts; `severity` is TheHive's number, always there."""
    custom = own_settings(rule, mappings)
    merged = merged_settings(rule, mappings.alerts, logsource, custom)
    return replace(merged, severity=merged.severity or DEFAULT_SEVERITY)


def own_settings(rule: RuleInfo, mappings: Mappings) -> AlertSettings:
    """Return what the rule's own attribute says."""
    return read_custom(rule, Diagnostics(), mappings.observables.data_types).settings


def merged_settings(
    rule: RuleInfo, mapping: AlertMapping, logsource: Logsource, custom: AlertSettings
) -> AlertSettings:
    """Return the rule's own settings over the overrides, and those over the general part."""
    settings = replace(mapping.settings, severity=mapping.severity.get(rule.level or "none"))
    for override in mapping.overrides:
        if override.levels and rule.level not in override.levels:
            continue
        if override.logsource.covers(logsource):
            settings = override.settings.over(settings)
    return custom.over(settings)
