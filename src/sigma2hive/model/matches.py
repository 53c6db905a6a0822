"""Matches: a rule met by an event, or an episode of a correlation."""

from __future__ import annotations

from enum import StrEnum

from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.conditions import Atom
from sigma2hive.model.events import Event
from sigma2hive.model.rules import Figure, RuleInfo
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """A rule and the events that met it.

    A single-event match has one event and no group. An episode has its events in order of
    (time, key), `group` as (field name, value as first seen), `epoch` of its correlation and
    `identity`: the canonical JSON value that the alert's sourceRef is made from.
    `reasons` are the atoms that were met, for "why it matched"; `figure` is what a correlation
    counted, summed or worked out when it fired.
    """

    rule: RuleInfo
    events: tuple[Event, ...]
    identity: JsonValue
    group: tuple[tuple[str, str], ...] = ()
    epoch: str = ""
    reasons: tuple[Atom, ...] = ()
    figure: Figure = 0

    @property
    def is_episode(self) -> bool:
        """Whether a correlation made it."""
        return bool(self.epoch)

    @property
    def fired_with(self) -> Event:
        """The event that its identity is made of; where it is not there, the last."""
        key = self.identity[-1] if isinstance(self.identity, list) else None
        found = (event for event in self.events if event.key.as_json() == key)
        return next(found, self.events[-1])


class Lack(StrEnum):
    """Why a correlation could not count a match."""

    NO_GROUP = "no value to group by"
    NO_VALUE = "no value to count"
    NO_NUMBER = "no number"


@dataclass(frozen=True, slots=True)
class Ungrouped:
    """Matches of what a correlation counts that it could not count, and what they lack.

    `field` is the field's name in the correlation, `count` are different events. `example` is a
    value that is no number, as the first of the events has it.
    """

    correlation_id: str
    rule_id: str
    field: str
    count: int
    lack: Lack = Lack.NO_GROUP
    example: str = ""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A filter that kept events which meet a rule from being matches of it.

    `rule_id` is the rule, or the correlation that would have counted them.
    """

    filter_id: str
    filter_title: str
    rule_id: str
