"""What templates and the description's sections may ask of a match.

Takes a match and its context; gives field values, times and the rule's own texts, as they are:
nothing here is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property
from operator import attrgetter

from sigma2hive.alerts.lookup import Lookup, shown_address
from sigma2hive.model.events import Event
from sigma2hive.model.fields import Field
from sigma2hive.model.matches import Match
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import CompiledCorrelation, RuleInfo
from sigma2hive.model.values import Values
from sigma2hive.model.versions import RuleVersion
from sigma2hive.records import dataclass
from sigma2hive.settings import KibanaSettings


@dataclass(frozen=True, slots=True)
class AlertContext:
    """What the caller knows beyond the match.

    `fields` maps a Sigma field name to the profile's fields, as `CompiledRule.fields` does, so that
    templates and rules may use either name; `lookup` knows what the profile says beyond the rule.
    `correlation` is the rule of an episode, `counted` the titles of what it counts, in the order of
    its `rules`. `data_types` are the observable types that the server has; None where nobody asked
    it. `kibana` is where events can be opened; `version_of` tells where the rule's text stands in
    Git, and is asked only where an alert says it. `notes` are what else the alert says of itself,
    plain text.
    """

    fields: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    lookup: Lookup = field(default_factory=Lookup)
    logsource: Logsource = field(default_factory=Logsource)
    correlation: CompiledCorrelation | None = None
    counted: tuple[str, ...] = ()
    data_types: frozenset[str] | None = None
    kibana: KibanaSettings = field(default_factory=KibanaSettings)
    version_of: Callable[[], RuleVersion] = RuleVersion
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """A match with what is needed to look into its events."""

    match: Match
    context: AlertContext
    owner: str = ""
    _known: dict[str, tuple[str, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def values(self, name: str) -> tuple[str, ...]:
        """Return the distinct values of a field in all events, in order.

        A grouping field has its one value, however the events write it.
        """
        events = self.match.events
        if len(events) == 1 and not self.match.group:
            found_alone = self._known.get(name)
            if found_alone is None:
                found_alone = self._known[name] = self._values_in(name, events[0].values)
            return found_alone if len(found_alone) < 2 else tuple(dict.fromkeys(found_alone))
        asked = {name, *self.paths_of(name)}
        for group_name, value in self.group:
            if asked & {group_name, *self.paths_of(group_name)}:
                return (value,)
        found: dict[str, None] = {}
        for event in self.match.events:
            found.update(dict.fromkeys(self.values_in(name, event.values)))
        return tuple(found)

    def values_in(self, name: str, values: Values) -> tuple[str, ...]:
        """Return a field's values in one event; `name` is the index's or Sigma's.

        Where the event lacks the field, what the profile's other names for it say. Addresses are in
        their one form.
        """
        if values is not self._alone:
            return self._values_in(name, values)
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._values_in(name, values)
        return found

    @property
    def _alone(self) -> Values | None:
        """The values of the one event of a match; each field of it is asked for several times."""
        events = self.match.events
        return events[0].values if len(events) == 1 else None

    def _values_in(self, name: str, values: Values) -> tuple[str, ...]:
        found = values.get(name) or self._translated(name, values)
        found = found or self.context.lookup.stand_in(name, values)
        if found and self.context.lookup.is_address(name):
            return tuple(dict.fromkeys(shown_address(text) for text in found))
        return found

    def may_be_in(self, values: Values, names: tuple[str, ...]) -> set[str]:
        """Return those of `names` that `values_in` may give something for in one event."""
        found = self.context.lookup.may_be_in(values, names)
        # What the rule itself says of a name goes before what its profile does.
        return found.union(name for name in names if name in self.context.fields)

    def paths_of(self, name: str) -> tuple[str, ...]:
        """Return the index fields that a Sigma name stands for, () where it is a path itself."""
        return tuple(candidate.path for candidate in self._fields_of(name))

    def index_fields_of(self, name: str) -> tuple[Field, ...]:
        """Return the index fields that a name stands for, its own where it is a path itself."""
        places = self.context.lookup.places
        own = tuple(place.field(name) for place in places[:1]) or (Field(name),)
        return self._fields_of(name) or own

    def _translated(self, name: str, values: Values) -> tuple[str, ...]:
        for candidate in self._fields_of(name):
            found = candidate.values_of(values)
            if found:
                return found
        return ()

    def _fields_of(self, name: str) -> tuple[Field, ...]:
        return self.context.fields.get(name) or self.context.lookup.fields_of(name)

    @property
    def group(self) -> tuple[tuple[str, str], ...]:
        """The grouping fields and their one value, addresses in their one form."""
        return self._group if self.match.group else ()

    @cached_property
    def _group(self) -> tuple[tuple[str, str], ...]:
        is_address = self.context.lookup.is_address
        return tuple(
            (name, shown_address(value) if is_address(name) else value)
            for name, value in self.match.group
        )

    @property
    def first(self) -> Event:
        """The event that happened first."""
        return self._ends[0]

    @property
    def last(self) -> Event:
        """The event that happened last."""
        return self._ends[1]

    @property
    def _ends(self) -> tuple[Event, Event]:
        events = self.match.events
        return (events[0], events[0]) if len(events) == 1 else self._ends_of_many

    @cached_property
    def _ends_of_many(self) -> tuple[Event, Event]:
        events, time_of = self.match.events, attrgetter("time_ns")
        return min(events, key=time_of), max(events, key=time_of)

    @property
    def rule_side(self) -> RuleSide:
        """What is the same in all matches of the rule."""
        return self.side_of(self.context.version_of())

    def side_of(self, version: RuleVersion) -> RuleSide:
        """Return the same with this version, where nothing is asked of the rule's own."""
        return RuleSide(self.match.rule, version, self.context.logsource, self.owner)


@dataclass(frozen=True, slots=True)
class RuleSide:
    """What alerts say of a rule itself, whatever the match; equal ones say the same."""

    rule: RuleInfo
    version: RuleVersion = field(default_factory=RuleVersion)
    logsource: Logsource = field(default_factory=Logsource)
    owner: str = ""

    def text(self, key: str) -> str:
        """Return what templates call rule.title, rule.id …; "" where the rule says nothing."""
        return _RULE_TEXTS[key](self)

    def texts(self) -> dict[str, str]:
        """Return all of these by their keys."""
        return {key: self.text(key) for key in RULE_KEYS}


_RULE_TEXTS: Mapping[str, Callable[[RuleSide], str]] = {
    "author": lambda side: side.rule.author,
    "commit": lambda side: side.version.commit if side.version.is_as_committed else "",
    "description": lambda side: side.rule.description,
    "id": lambda side: side.rule.id,
    "level": lambda side: str(side.rule.level or ""),
    "line": lambda side: str(side.rule.location.line),
    "logsource": lambda side: str(side.logsource),
    "owner": lambda side: side.owner,
    "path": lambda side: side.rule.location.path,
    "place": lambda side: str(side.rule.location),
    "status": lambda side: side.rule.status,
    "title": lambda side: side.rule.title,
}
RULE_KEYS = tuple(_RULE_TEXTS)
