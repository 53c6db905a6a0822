"""Rules as read from the repository, and as compiled for a profile."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, Protocol, TypeVar

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.conditions import COMPARISONS, Condition, Operator, fields_of
from sigma2hive.model.fields import Field
from sigma2hive.model.profiles import Logsource
from sigma2hive.records import dataclass

#: What a correlation counted, summed or worked out, exactly.
Figure = int | Fraction

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
    `document` is the rule's position in its file, from 0. `regression_tests` is the path of its
    tests, as SigmaHQ's rules name it.

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
    regression_tests: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class DetectionRule:
    """A Sigma rule: `condition` in Sigma's field names, filters not yet applied.

    `logsource_place` is where its log source is written.
    """

    info: RuleInfo
    logsource: Logsource
    condition: Condition
    logsource_place: Location = field(default=Location(""), compare=False)


@dataclass(frozen=True, slots=True)
class Unread:
    """Stands for the condition of a rule of which only the head was read; it has no parts."""


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

    @property
    def is_temporal(self) -> bool:
        """Whether it asks which rules are met, and not what their events hold."""
        return self in (CorrelationKind.TEMPORAL, CorrelationKind.TEMPORAL_ORDERED)

    @property
    def is_numeric(self) -> bool:
        """Whether it works on numbers that events hold, so that its figure may be a fraction."""
        return self.name.startswith("VALUE_") and self is not CorrelationKind.VALUE_COUNT

    @property
    def reads_values(self) -> bool:
        """Whether it looks at values of a field, `field` of its condition."""
        return self.is_numeric or self is CorrelationKind.VALUE_COUNT


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound on a correlation's figure; several together make a range.

    `number` is a Decimal only where it is no whole number.
    """

    operator: Operator
    number: int | Decimal

    def admits(self, figure: Figure | Decimal) -> bool:
        """Whether the figure is within the bound."""
        return COMPARISONS[self.operator](figure, self.number)


@dataclass(frozen=True, slots=True)
class CorrelationRule:
    """A Sigma correlation.

    `rules` are the ids or names that it refers to, of rules or of correlations; `timespan_ns` is in
    nanoseconds; `aliases` maps alias → referred rule → Sigma field. `values` are the fields whose
    values a kind looks at, `percentile` the one that value_percentile asks for. A temporal kind
    without `bounds` asks for all of its rules. `places` says where the parts of its section are, by
    the keys that lead to them.
    """

    info: RuleInfo
    kind: CorrelationKind
    rules: tuple[str, ...]
    timespan_ns: int
    bounds: tuple[Bound, ...]
    group_by: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    generate: bool = False
    values: tuple[str, ...] = ()
    percentile: int | Decimal | None = None
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
class FilterException:
    """What makes a filter an exception: who answers for it, where that was agreed, until when.

    `expires` is the last day on which it takes anything away, in UTC; it is written at `place`.
    """

    owner: str
    ticket: str
    expires: date
    place: Location = field(default=Location(""), compare=False)


@dataclass(frozen=True, slots=True)
class FilterRule:
    """A Sigma filter: an event must also meet `condition` for the rules it names.

    `rules` are ids or names of rules and correlations, written at `rules_place`; None means every
    rule of a log source that `logsource` covers. For a correlation it decides which events of base
    rules that `logsource` covers are counted. `exception` is what makes it one that ends.
    """

    info: RuleInfo
    logsource: Logsource
    rules: tuple[str, ...] | None
    condition: Condition
    rules_place: Location = field(default=Location(""), compare=False)
    exception: FilterException | None = None


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


class RuleHead(Protocol):
    """What a match says of a compiled rule: all but its conditions, which most never look at."""

    @property
    def info(self) -> RuleInfo:
        """What the rule says about itself."""

    @property
    def logsource(self) -> Logsource:
        """Where it looks."""

    @property
    def indices(self) -> tuple[str, ...]:
        """The index patterns of that."""

    @property
    def fields(self) -> Mapping[str, tuple[Field, ...]]:
        """The profile's fields by the names that the rule has for them."""

    @property
    def silent(self) -> bool:
        """Whether it only feeds correlations."""


@dataclass(frozen=True, slots=True)
class HeadOfRule:
    """The head of a rule that was not read whole."""

    info: RuleInfo
    logsource: Logsource
    indices: tuple[str, ...]
    fields: Mapping[str, tuple[Field, ...]]
    silent: bool


class KeptRules(Sequence[CompiledRule]):
    """Rules that are read when they are asked for."""

    @property
    @abstractmethod
    def heads(self) -> Sequence[RuleHead]:
        """Their heads, for which no rule is read whole."""


#: The fields to read a name from: name → id of a rule → candidates.
Named = tuple[tuple[str, Mapping[str, tuple[Field, ...]]], ...]


@dataclass(frozen=True, slots=True)
class Chained:
    """A correlation that another one counts, and how the events of its episodes are read there.

    `leaves` are the ids of the detection rules below; `fields` maps a name to each of them and the
    candidate fields of its events.
    `inherited` maps a name to the grouping name of the counted correlation that says the same: its
    group's value is taken, since an event may hold others besides. `epoch` is that correlation's.
    """

    epoch: str
    leaves: tuple[str, ...]
    fields: Mapping[str, Mapping[str, tuple[Field, ...]]]
    inherited: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CompiledCorrelation:
    """A correlation made ready for one profile.

    `rules` are the ids of what it counts, in order: compiled rules, and correlations, which
    `chained` describes by their id. `group_by` gives each grouping field a name and, for each
    rule id, the candidate fields to read it from; `values` the same for the fields whose values
    count. `only` are filters, by the id of a detection rule, that a match of it must also meet to
    be counted here (those that name the correlation). `epoch` is a digest of what it asks (see
    `sigma2hive.model.identity.epoch_of`): a change of it starts a new epoch. `silent` ones only
    feed other correlations.
    """

    info: RuleInfo
    kind: CorrelationKind
    rules: tuple[str, ...]
    timespan_ns: int
    bounds: tuple[Bound, ...]
    group_by: Named
    epoch: str
    generate: bool = False
    only: Mapping[str, tuple[CompiledFilter, ...]] = field(default_factory=dict)
    values: Named = ()
    percentile: int | Decimal | None = None
    chained: Mapping[str, Chained] = field(default_factory=dict)
    silent: bool = False

    @property
    def leaves(self) -> tuple[str, ...]:
        """The ids of the detection rules that feed it, directly or through other correlations."""
        found: dict[str, None] = {}
        for rule_id in self.rules:
            inner = self.chained.get(rule_id)
            found.update(dict.fromkeys((rule_id,) if inner is None else inner.leaves))
        return tuple(found)

    def fields_of(self, rule_id: str) -> Iterator[Field]:
        """Yield every field by which events of a detection rule are counted, or not."""
        for _, by_rule in (*self.group_by, *self.values):
            yield from by_rule.get(rule_id, ())
        for inner in self.chained.values():
            for by_rule in inner.fields.values():
                yield from by_rule.get(rule_id, ())
        for entry in self.only.get(rule_id, ()):
            yield from fields_of(entry.condition)

    def candidates(self, name: str) -> tuple[Field, ...]:
        """Return every field that a grouping or counted name is read from, by its path once."""
        asked = [by_rule for known, by_rule in (*self.group_by, *self.values) if known == name]
        asked += [inner.fields[name] for inner in self.chained.values() if name in inner.fields]
        found = {entry.path: entry for by_rule in asked for fs in by_rule.values() for entry in fs}
        return tuple(found.values())


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

    @property
    def alerting(self) -> tuple[RuleInfo, ...]:
        """What rules and correlations say about themselves: all that can raise alerts."""
        rules = tuple(entry.info for entry in self.rules)
        return rules + tuple(entry.info for entry in self.correlations)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a run needs: rules and correlations of one profile; `left_out` says where others are.

    A correlation that others count comes before them. `ids` are the rules' ids, in their order,
    where they are known without looking at each.
    """

    rules: Sequence[CompiledRule] = ()
    correlations: Sequence[CompiledCorrelation] = ()
    left_out: tuple[Location, ...] = ()
    ids: tuple[str, ...] = ()

    @property
    def heads(self) -> Sequence[RuleHead]:
        """The rules' heads, in their order; of one that was stored no more is read."""
        return self.rules.heads if isinstance(self.rules, KeptRules) else self.rules

    def by_id(self) -> Mapping[str, CompiledRule]:
        """Return the rules by their ids; one that was stored is read when it is asked for."""
        return _ById(self.rules, self._ids())

    def heads_by_id(self) -> Mapping[str, RuleHead]:
        """Return the rules' heads by their ids."""
        return _ById(self.heads, self._ids())

    def _ids(self) -> tuple[str, ...]:
        return self.ids or tuple(rule.info.id for rule in self.rules)


_Rule_co = TypeVar("_Rule_co", covariant=True)


class _ById(Mapping[str, _Rule_co]):
    def __init__(self, rules: Sequence[_Rule_co], ids: Sequence[str]) -> None:
        self._rules = rules
        self._positions = {rule_id: position for position, rule_id in enumerate(ids)}

    def __getitem__(self, rule_id: str) -> _Rule_co:
        return self._rules[self._positions[rule_id]]

    def __contains__(self, rule_id: object) -> bool:
        return rule_id in self._positions  # a look into the rule would make all of it

    def __iter__(self) -> Iterator[str]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)


@dataclass(slots=True)
class Blindness:
    """How many rules have a snapshot, and of these are blind in part or can `never` match."""

    checked: int = 0
    blind: int = 0
    never: int = 0
    findings: Diagnostics = field(default_factory=Diagnostics)
