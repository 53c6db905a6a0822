"""Rules as read from the repository, and as compiled for a profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sigma2hive.diagnostics import Location
from sigma2hive.model.conditions import Condition, Operator, fields_of
from sigma2hive.model.fields import Field
from sigma2hive.model.profiles import Logsource

#: Where the parts of a section are, by the keys that lead to them.
Places = Mapping[tuple[str | int, ...], Location]


def place_of(places: Places, keys: tuple[str | int, ...]) -> Location | None:
    """Return the place of the deepest part on the way to `keys` that is there."""
    for length in range(len(keys), -1, -1):
        if keys[:length] in places:
            return places[keys[:length]]
    return None


class Level(StrEnum):
    """Sigma's levels, in rising order."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What a rule says about itself; the part that detection, correlation and filter share.

    `custom` is the rule's own `sigma2hive` attribute as parsed YAML ({} where there is none), and
    `custom_places` says where each of its keys and items is, by the keys that lead to it.
    `document` is the rule's position in its file, from 0.

    Source: https://github.com/SigmaHQ/sigma-specification (Sigma 2.1)
    """

    id: str
    title: str
    location: Location
    name: str = ""
    level: Level | None = None
    status: str = ""
    description: str = ""
    author: str = ""
    date: str = ""
    modified: str = ""
    license: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict, compare=False)
    custom_places: Places = field(default_factory=dict, compare=False)
    document: int = 0


@dataclass(frozen=True, slots=True)
class DetectionRule:
    """A Sigma rule: `condition` in Sigma's field names, filters not yet applied.

    `logsource_place` is where its log source is written.
    """

    info: RuleInfo
    logsource: Logsource
    condition: Condition
    logsource_place: Location = field(default=Location(""), compare=False)


class CorrelationKind(StrEnum):
    """The kinds of Sigma correlation.

    Source: https://github.com/SigmaHQ/sigma-specification, sigma-correlation-rules-specification
    """

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_PERCENTILE = "value_percentile"
    VALUE_MEDIAN = "value_median"


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound on a correlation's figure; several together make a range."""

    operator: Operator
    number: int


@dataclass(frozen=True, slots=True)
class CorrelationRule:
    """A Sigma correlation.

    `rules` are the ids or names that it refers to; `timespan_ns` is in nanoseconds; `aliases` maps
    alias → referred rule → Sigma field. `places` says where the parts of its section are, by the
    keys that lead to them.
    """

    info: RuleInfo
    kind: CorrelationKind
    rules: tuple[str, ...]
    timespan_ns: int
    bounds: tuple[Bound, ...]
    group_by: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    generate: bool = False
    places: Places = field(default_factory=dict, compare=False)

    def at(self, *keys: str | int) -> Location:
        """Return the place of a part; where it is missing, of the nearest that it would be in."""
        return place_of(self.places, keys) or self.info.location

    def refused(self) -> RefusedCorrelation:
        """Return what is kept of the correlation when it is left out."""
        return RefusedCorrelation(self.info, self.rules, self.generate, self.at("rules"))


@dataclass(frozen=True, slots=True)
class RefusedCorrelation:
    """A correlation that is left out, of which is kept what makes its base rules silent.

    A base rule is written to be counted. Alone it may raise an alert for every event, so it does
    not become loud because a mistake was made in what counts it.
    """

    info: RuleInfo
    rules: tuple[str, ...]
    generate: bool = False
    rules_place: Location = field(default=Location(""), compare=False)


@dataclass(frozen=True, slots=True)
class FilterRule:
    """A Sigma filter: an event must also meet `condition` for the rules it names.

    `rules` are ids or names of rules and correlations, written at `rules_place`; None means every
    rule of a log source that `logsource` covers. For a correlation it decides which events of base
    rules that `logsource` covers are counted.
    """

    info: RuleInfo
    logsource: Logsource
    rules: tuple[str, ...] | None
    condition: Condition
    rules_place: Location = field(default=Location(""), compare=False)


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """A filter made ready for one rule: what an event must also meet, in the profile's fields."""

    info: RuleInfo
    condition: Condition


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule made ready for one profile.

    `gate` is the log source's own condition (event code, channel), `condition` the rule's with its
    filters, both in the profile's fields: an event matches when both hold. `unfiltered` is the
    rule's condition alone and `filters` what it takes besides, so that it can be told what a filter
    suppresses. `digest` changes exactly when what the rule finds may change. `silent` rules only
    feed correlations.
    """

    info: RuleInfo
    logsource: Logsource
    profile: str
    indices: tuple[str, ...]
    gate: Condition
    condition: Condition
    digest: str
    unfiltered: Condition
    filters: tuple[CompiledFilter, ...] = ()
    fields: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    silent: bool = False


@dataclass(frozen=True, slots=True)
class CompiledCorrelation:
    """A correlation made ready for one profile.

    `rules` are the ids of compiled rules. `group_by` gives each grouping field a name and, for each
    rule id, the candidate fields to read it from. `only` are filters, by rule id, that a match
    of the rule must also meet to be counted here (those that name the correlation). `epoch` is a
    digest of what it asks (see `sigma2hive.model.identity.epoch_of`): a change of it starts a new
    epoch.
    """

    info: RuleInfo
    kind: CorrelationKind
    rules: tuple[str, ...]
    timespan_ns: int
    bounds: tuple[Bound, ...]
    group_by: tuple[tuple[str, Mapping[str, tuple[Field, ...]]], ...]
    epoch: str
    generate: bool = False
    only: Mapping[str, tuple[CompiledFilter, ...]] = field(default_factory=dict)

    def fields_of(self, rule_id: str) -> Iterator[Field]:
        """Yield every field by which events of one of its rules are counted, or not."""
        for _, by_rule in self.group_by:
            yield from by_rule[rule_id]
        for entry in self.only.get(rule_id, ()):
            yield from fields_of(entry.condition)


@dataclass(frozen=True, slots=True)
class DetectionRepository:
    """Everything that was read from the rules folders, in the order of path and document.

    `skipped` are the places of the files and documents that could not be used, `refused` what is
    known of correlations among them; findings say why.
    """

    rules: tuple[DetectionRule, ...] = ()
    correlations: tuple[CorrelationRule, ...] = ()
    filters: tuple[FilterRule, ...] = ()
    skipped: tuple[Location, ...] = ()
    refused: tuple[RefusedCorrelation, ...] = ()
