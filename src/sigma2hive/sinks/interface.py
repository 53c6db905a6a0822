"""What a sink is: a place that takes alerts, each at most once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from sigma2hive.diagnostics import Location
from sigma2hive.model.alerts import Alert
from sigma2hive.storage import STATE_FOLDER


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


@dataclass(frozen=True, slots=True)
class SinkRequest:
    """A sink as someone asked for it: `spec` is "inbox", "inbox:FILE", "jsonl:FILE" or "jsonl:-".

    Relative paths are seen from `folder`; a sink without a target keeps its files in `state`, also
    seen from there. `place` is where the spec was written.
    """

    spec: str
    folder: Path
    state: Path = STATE_FOLDER
    place: Location = field(default=Location("--sink"), compare=False)

    @property
    def kind(self) -> str:
        """The name of the sink, a key of `SINKS`."""
        return self.spec.partition(":")[0]

    @property
    def target(self) -> str:
        """The text after the colon, "" where there is none."""
        return self.spec.partition(":")[2]


@dataclass(frozen=True, slots=True)
class SinkKind:
    """What `SINKS` says of one kind of sink.

    `open` and `check` raise SinkError where it cannot be written; `check` changes nothing, so that
    a dry run can ask.
    """

    open: Callable[[SinkRequest], Sink]
    check: Callable[[SinkRequest], None]
    needs_target: bool = False
