"""Tests of rules, as a repository has them: a rule, events, and what is to come of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from sigma2hive.diagnostics import Location
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """Where events of a test come from: a file, or `inline` as written.

    `origin` is how a person finds it; of an inline event the place of it in the test's file.
    `place` is one event of the file, by line (":7") or by record ("#8123"), "" for all of them.
    """

    origin: str
    path: Path | None = None
    place: str = ""
    inline: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Count:
    """How many matches are wanted; `most` None is any number above."""

    least: int
    most: int | None

    def __str__(self) -> str:
        if self.most is None:
            return f"at least {self.least:,}"
        return f"{self.least:,}" if self.least == self.most else f"{self.least:,} to {self.most:,}"

    def allows(self, count: int) -> bool:
        """Whether so many are as wanted."""
        return self.least <= count and (self.most is None or count <= self.most)


@dataclass(frozen=True, slots=True)
class WantedAlert:
    """What an alert must say; what is None or empty is not looked at.

    Texts and numbers must be equal; of `tags`, `techniques`, `observables` ((type, data)) and
    `custom_fields` each must be in the alert, which may have more. `contains` are parts of the
    description. `location` is where it is written.
    """

    location: Location
    title: str | None = None
    severity: int | None = None
    tlp: int | None = None
    pap: int | None = None
    case_template: str | None = None
    assignee: str | None = None
    events: int | None = None
    contains: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    observables: tuple[tuple[str, str], ...] = ()
    no_observables: tuple[str, ...] = ()
    custom_fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test of one rule.

    `is_every`: each single event must be a match. Else `count` says how many alerts are wanted: 0
    is a test of what must not match. `each_alert` holds of every alert; `alerts`, where there are
    any, are as many as there must be, in the order of their time. `unusable` says why the test
    cannot be run here (an event format that is not read).
    """

    rule_id: str
    name: str
    location: Location
    samples: tuple[Sample, ...]
    is_every: bool = False
    count: Count = Count(0, 0)
    each_alert: WantedAlert | None = None
    alerts: tuple[WantedAlert, ...] = ()
    unusable: str = ""

    @property
    def is_positive(self) -> bool:
        """Whether something must match."""
        return self.is_every or self.count.least > 0

    @property
    def wanted(self) -> str:
        """What is wanted, in words."""
        return "every event" if self.is_every else str(self.count)
