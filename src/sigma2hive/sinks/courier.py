"""How a service delivers: an alert at a time, and what became of it as a value.

One protocol for every kind of sink. A courier decides nothing about when to try again: it says what
the sink said, and the runner's outbox decides.
"""

from __future__ import annotations

from typing import Protocol

from sigma2hive.clients.errors import MissingError, RequestRefusedError, ServerError
from sigma2hive.model.alerts import Alert
from sigma2hive.records import dataclass
from sigma2hive.sinks.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Delivered:
    """The alert is there, or is not wanted there any more; `told` is what is to be known of it."""

    told: str = ""
    outcome: Outcome = Outcome.STORED


@dataclass(frozen=True, slots=True)
class Postponed:
    """It did not get there; it may later, and other alerts may now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Paused:
    """Nothing gets there now. `after_seconds` is when the sink asks to be tried again.

    What does not pass by itself (`passes`) needs somebody to change a key or a setting.
    """

    reason: str
    after_seconds: float | None = None
    passes: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """The sink will not take this alert, however often it comes."""

    reason: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """It was given up because the service stops; nobody knows how far it got."""


Verdict = Delivered | Postponed | Paused | Refused | Interrupted


class Courier(Protocol):
    """Delivers to one sink, in as many threads as `workers` says.

    Delivering an alert again is harmless: its identity is (type, source, source_ref).
    """

    @property
    def workers(self) -> int:
        """How many alerts may be under way at once."""

    def deliver(self, alert: Alert, *, was_delivered: bool) -> Verdict:
        """Deliver the alert; never raises for what the sink does.

        One that `was_delivered` before and is gone there was deleted, and is not made again.
        """

    def stop(self) -> None:
        """Let what is under way end soon; what it has not done is not done."""

    def close(self) -> None:
        """Let go of the sink; nothing is under way any more."""


def verdict_of(error: ServerError) -> Paused | Postponed | Refused:
    """Return what an error of a server means for the alert, and for those after it."""
    if isinstance(error, RequestRefusedError):
        return Refused(str(error))
    if error.is_for_all or error.retry_after_seconds is not None:
        return Paused(str(error), error.retry_after_seconds)
    # What does not pass by itself (a key, a privilege, a certificate) is the same for each alert.
    if not error.passes and not isinstance(error, MissingError):
        return Paused(str(error), passes=False)
    return Postponed(str(error))
