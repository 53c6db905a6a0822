"""What detection rules say beyond their Sigma rule: schedule, severity, where to look.

Takes settings and a profile; gives `Filling`. Reads no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field, fields

from sigma2hive.diagnostics import ConfigurationError, Diagnostics
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import Level
from sigma2hive.records import dataclass
from sigma2hive.settings import Settings
from sigma2hive.settings.keys import KibanaRuleSettings, RiskScores

#: When Elasticsearch took an event in: a late one is found by this, and not by its own time.
_INGESTED = "event.ingested"
#: Data streams of the Elastic Agent in every namespace: of some data sets, or of all.
_DATA_STREAM = re.compile(r"(?P<sets>(?:[^:]*:)?(?:logs|metrics|traces)-.+)-\*")
_ALL_STREAMS = re.compile(r"(?P<sets>(?:[^:]*:)?(?:logs|metrics|traces)-\*)")
#: What Fleet takes. Source: https://www.elastic.co/docs/reference/fleet/data-streams
_NAMESPACE = re.compile(r"[^-\\/*?\"<>| ,#:A-Z]{1,100}")
#: Kibana has no level below low.
_SEVERITIES = {Level.INFORMATIONAL: "low"}
_HIGHEST_RISK = 100


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often a rule runs, and how far back it looks, in minutes."""

    interval: int
    look_back: int

    def fields(self) -> Iterator[tuple[str, str]]:
        """Yield what a detection rule says of it."""
        yield "interval", f"{self.interval}m"
        yield "from", f"now-{self.look_back}m"
        yield "to", "now"


@dataclass(frozen=True, slots=True)
class Filling:
    """Settings for detection rules, and the profile that they are for, where it is known."""

    settings: KibanaRuleSettings = field(default_factory=KibanaRuleSettings)
    profile: Profile | None = None

    @property
    def schedule(self) -> Schedule:
        """When rules run: they look back over the interval and somewhat more."""
        interval = self.settings.interval_minutes
        return Schedule(interval, interval + self.settings.look_back_minutes)

    def severity(self, level: Level) -> str:
        """Return the severity of rules of a level."""
        return _SEVERITIES.get(level, level.value)

    def risk_score(self, level: Level) -> int:
        """Return the risk score of rules of a level."""
        scores = self.settings.risk_scores
        by_level = {
            Level.CRITICAL: scores.critical,
            Level.HIGH: scores.high,
            Level.MEDIUM: scores.medium,
            Level.LOW: scores.low,
            Level.INFORMATIONAL: scores.informational,
        }
        return by_level[level]

    def indices(self, patterns: tuple[str, ...]) -> list[str]:
        """Return the index patterns to search."""
        namespace = self.settings.namespace
        if namespace is None:
            return list(patterns)
        return list(dict.fromkeys(_within(pattern, namespace) for pattern in patterns))

    def timestamp(self, logsource: Logsource) -> str | None:
        """Return the field that says when an event came in; None where the index has none.

        Kibana takes @timestamp for events that lack it.
        """
        place = self.profile.place(logsource) if self.profile else None
        return _INGESTED if place is not None and place.types.knows(_INGESTED) else None


def _within(pattern: str, namespace: str) -> str:
    found = _ALL_STREAMS.fullmatch(pattern) or _DATA_STREAM.fullmatch(pattern)
    return f"{found['sets']}-{namespace}" if found else pattern


def filling_of(settings: Settings, profile: Profile) -> Filling:
    """Return what a repository's rules are filled with.

    Raises:
        ConfigurationError: a setting cannot be used (S2H402).
    """
    problems = Diagnostics()
    rules = settings.kibana.rules
    for entry in fields(RiskScores):
        score = getattr(rules.risk_scores, entry.name)
        if score > _HIGHEST_RISK:
            key = f"kibana.rules.risk_scores.{entry.name}"
            message = f"{key} is {score}, and Kibana's risk scores end at {_HIGHEST_RISK}"
            problems.error(
                "S2H402", settings.place_of(key), message, "write a number from 1 to 100"
            )
    if rules.namespace is not None and not _NAMESPACE.fullmatch(rules.namespace):
        key = "kibana.rules.namespace"
        message = f"{key} is no namespace of a data stream: '{rules.namespace}'"
        hint = "these have no capital letters, blanks or - and at most 100 characters"
        problems.error("S2H402", settings.place_of(key), message, hint)
    if problems.errors:
        raise ConfigurationError(problems, settings.root)
    return Filling(rules, profile)
