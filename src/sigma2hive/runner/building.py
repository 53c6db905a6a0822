"""Alerts of one repository's rules, and what holds for all alerts of a rule.

Takes what was compiled and the mappings; gives alerts of matches. What is the same for every match
of a rule is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from functools import cached_property, partial

from sigma2hive.alerts import AlertBuilder, AlertContext, Facts, own_settings, settings_of
from sigma2hive.diagnostics import Location
from sigma2hive.model.alerts import Alert
from sigma2hive.model.events import Event
from sigma2hive.model.mappings import AlertSettings, Mappings
from sigma2hive.model.matches import Match
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled, RuleInfo
from sigma2hive.model.versions import RuleVersion
from sigma2hive.records import dataclass
from sigma2hive.runner.contexts import contexts_of
from sigma2hive.settings import KibanaSettings

#: The tag of alerts that are no news: of late events, and of what happened while nobody looked.
BACKFILLED = "backfilled"


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What holds for a rule: `settings` in all, `own` what its attribute says alone."""

    info: RuleInfo
    context: AlertContext
    settings: AlertSettings
    own: AlertSettings

    @property
    def severity(self) -> int:
        """TheHive's severity of its alerts, 1 to 4."""
        return self.settings.severity or 1

    def values(self, name: str, events: Iterable[Event]) -> tuple[str, ...]:
        """Return the distinct values of a field, by the index's name or Sigma's, in events."""
        facts = Facts(Match(self.info, (), None), self.context)
        found = (text for event in events for text in facts.values_in(name, event.values))
        return tuple(dict.fromkeys(found))


@dataclass
class AlertMaker:
    """Makes alerts of matches. `version_of` tells which commit a rule's file is from."""

    compiled: Compiled
    mappings: Mappings
    profile: Profile | None = None
    kibana: KibanaSettings = field(default_factory=KibanaSettings)
    version_of: Callable[[str], RuleVersion] = lambda _: RuleVersion()
    _facts: dict[str, RuleFacts] = field(default_factory=dict, init=False)

    @cached_property
    def _contexts(self) -> Mapping[str, AlertContext]:
        return contexts_of(self.compiled, self.profile, self.kibana)

    @cached_property
    def _builder(self) -> AlertBuilder:
        return AlertBuilder(self.mappings)

    def facts_of(self, rule: RuleInfo) -> RuleFacts:
        """Return what holds for a rule."""
        found = self._facts.get(rule.id)
        if found is None:
            context = self._contexts[rule.id] if rule.id in self._contexts else AlertContext()
            settings = settings_of(rule, self.mappings, context.logsource)
            found = RuleFacts(rule, context, settings, own_settings(rule, self.mappings))
            self._facts[rule.id] = found
        return found

    def facts_by_id(self, rule_id: str) -> RuleFacts:
        """Return what holds for a rule of that id, one that is gone by now too."""
        if rule_id not in self._facts:
            infos = (entry.info for entry in self.compiled.correlations)
            info = next((info for info in infos if info.id == rule_id), None)
            if info is None and rule_id in (rules := self.compiled.by_id()):
                info = rules[rule_id].info
            return self.facts_of(info or RuleInfo(rule_id, rule_id, Location("")))
        return self._facts[rule_id]

    def build(
        self, match: Match, notes: tuple[str, ...] = (), *, is_backfill: bool = False
    ) -> Alert:
        """Return the alert of a match; `notes` are what else it says of itself."""
        version_of = partial(self.version_of, match.rule.location.path)
        context = replace(self.facts_of(match.rule).context, version_of=version_of, notes=notes)
        alert = self._builder.build(match, context)
        return replace(alert, tags=(*alert.tags, BACKFILLED)) if is_backfill else alert
