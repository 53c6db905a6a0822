"""What templates and the description's sections may ask of a match.

Takes a match and its context; gives field values, times and the rule's own texts, as they are:
nothing here is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sigma2hive.model.events import Event
from sigma2hive.model.fields import Field
from sigma2hive.model.matches import Match
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.times import moment_of
from sigma2hive.model.values import Values


@dataclass(frozen=True, slots=True)
class AlertContext:
    """What the caller knows beyond the match.

    `fields` maps a Sigma field name to the profile's fields, as `CompiledRule.fields` does, so that
    templates and rules may use either name. `data_types` are the observable types that the server
    has; None where nobody asked it.
    """

    fields: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    logsource: Logsource = field(default_factory=Logsource)
    data_types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A match with what is needed to look into its events."""

    match: Match
    context: AlertContext
    owner: str = ""

    def values(self, name: str) -> tuple[str, ...]:
        """Return the distinct values of a field in all events, in order.

        A grouping field has its one value, however the events write it.
        """
        for group_name, value in self.match.group:
            paths = {candidate.path for candidate in self.context.fields.get(group_name, ())}
            if name == group_name or name in paths:
                return (value,)
        found: dict[str, None] = {}
        for event in self.match.events:
            found.update(dict.fromkeys(self.values_in(name, event.values)))
        return tuple(found)

    def values_in(self, name: str, values: Values) -> tuple[str, ...]:
        """Return a field's values in one event; `name` is the index's or Sigma's."""
        direct = values.get(name)
        if direct is not None:
            return direct
        for candidate in self.context.fields.get(name, ()):
            found = candidate.values_of(values)
            if found:
                return found
        return ()

    @property
    def first(self) -> Event:
        """The event that happened first."""
        return min(self.match.events, key=lambda event: event.time_ns)

    @property
    def last(self) -> Event:
        """The event that happened last."""
        return max(self.match.events, key=lambda event: event.time_ns)

    def rule_texts(self) -> dict[str, str]:
        """Return what templates call rule.title, rule.id …; "" where the rule says nothing."""
        rule = self.match.rule
        return {
            "id": rule.id,
            "title": rule.title,
            "level": str(rule.level or ""),
            "status": rule.status,
            "description": rule.description,
            "author": rule.author,
            "owner": self.owner,
            "path": rule.location.path,
            "line": str(rule.location.line),
            "place": str(rule.location),
            "logsource": str(self.context.logsource),
        }


RULE_KEYS = (
    "author",
    "description",
    "id",
    "level",
    "line",
    "logsource",
    "owner",
    "path",
    "place",
    "status",
    "title",
)


def shown_time(time_ns: int) -> str:
    """Return the time as people read it: 2026-11-24 21:55:01 UTC."""
    try:
        return f"{moment_of(time_ns):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):
        return f"{time_ns} ns since 1970"
