"""Alerts: what a sink delivers, in TheHive's own terms and limits.

Source: TheHive 5.7 API, InputCreateAlert and InputCreateObservable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from sigma2hive.model.events import Event
from sigma2hive.records import dataclass

#: (type, source, source_ref): what an alert is known by.
Identity = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Observable:
    """One observable: data ≤ 4096 characters, TLP 0–4, PAP 0–3."""

    data_type: str
    data: str
    tlp: int
    pap: int
    message: str = ""
    tags: tuple[str, ...] = ()
    ioc: bool = False
    sighted: bool = True
    ignore_similarity: bool = False


@dataclass(frozen=True, slots=True)
class Procedure:
    """An ATT&CK technique seen; `occurred_ns` in nanoseconds since the epoch."""

    pattern_id: str
    occurred_ns: int
    tactic: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A value that did not become an observable, and why."""

    data_type: str
    data: str
    reason: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. (type, source, source_ref) is its identity in TheHive.

    title ≤ 512, type and source ≤ 32, source_ref ≤ 128, tags ≤ 128 unique; severity 1 low to 4
    critical; TLP 0 clear to 4 red; PAP 0 clear to 3 red. `date_ns` is the first event's own time.
    `assignee` is a user's login.
    `events` carry the raw logs whole.
    """

    type: str
    source: str
    source_ref: str
    rule_id: str
    rule_title: str
    title: str
    description: str
    severity: int
    date_ns: int
    tlp: int
    pap: int
    tags: tuple[str, ...] = ()
    observables: tuple[Observable, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    custom_fields: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    case_template: str = ""
    assignee: str = ""
    external_link: str = ""
    events: tuple[Event, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def identity(self) -> Identity:
        """Return what the alert is known by."""
        return self.type, self.source, self.source_ref
