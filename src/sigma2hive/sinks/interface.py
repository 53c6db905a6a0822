"""What a sink is: a place that takes alerts, each at most once."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from sigma2hive.model.alerts import Alert


class Outcome(StrEnum):
    """What became of a pushed alert."""

    STORED = "stored"
    UPDATED = "updated"
    ALREADY_THERE = "already there"


class Sink(Protocol):
    """A place for alerts. An alert's identity is (type, source, source_ref).

    Pushing an alert again is no mistake: new events and observables are joined to what is there.
    After an error, `discard` instead of `close` leaves nothing half-written.
    """

    @property
    def name(self) -> str:
        """The sink as a person asked for it: "inbox", "jsonl:alerts.jsonl"."""

    def push(self, alert: Alert) -> Outcome:
        """Take one alert.

        Raises:
            SinkError: it cannot be written.
        """

    def close(self) -> None:
        """Finish: what was pushed is there once this returns.

        Raises:
            SinkError: it cannot be written.
        """

    def discard(self) -> None:
        """Let go without finishing; never raises. What a sink has already promised stays."""
