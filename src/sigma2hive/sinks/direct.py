"""A sink of one run over what a service delivers with: each alert goes out when it is pushed.

Takes a courier; tries again for a while where the other side does not take an alert, and then sends
nothing more in this run.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sigma2hive.clock import Clock, WallClock
from sigma2hive.diagnostics import Diagnostic, Location, Severity, SinkError
from sigma2hive.model.alerts import Alert
from sigma2hive.sinks.courier import Courier, Delivered, Paused, Postponed, Refused, Verdict
from sigma2hive.sinks.interface import Closing
from sigma2hive.sinks.outcomes import Outcome

_ATTEMPTS = 4
_FIRST_WAIT_SECONDS = 0.25
#: A run does not wait longer than this, even where it is asked to.
_PATIENCE_SECONDS = 60.0
#: Alerts whose reason is named; more are counted.
_MOST_NAMED = 50


@dataclass(slots=True)
class DirectSink:
    """Delivers each alert before `push` returns."""

    name: str
    courier: Courier
    clock: Clock = field(default_factory=WallClock)
    _findings: list[Diagnostic] = field(default_factory=list)
    _reason: str = ""
    _passes: bool = False
    _sent: int = 0
    _undelivered: int = 0
    _has_stopped: bool = False
    _never: threading.Event = field(default_factory=threading.Event)

    def push(self, alert: Alert) -> Outcome:
        """Deliver the alert, and say what became of it."""
        if self._has_stopped:
            self._undelivered += 1
            return Outcome.NOT_DELIVERED
        match self._delivered(alert):
            case Delivered(told, outcome):
                self._note(alert, told)
                self._sent += outcome in (Outcome.STORED, Outcome.UPDATED)
                return outcome
            case Refused(reason):
                self._fail(f"'{alert.title}': {reason}", passes=False)
            case Postponed(reason):
                self._fail(reason, passes=True)
                self._has_stopped = True
            case Paused(reason, _, passes):
                self._fail(reason, passes=passes)
                self._has_stopped = True
            case _:
                self._undelivered += 1
        return Outcome.NOT_DELIVERED

    def close(self) -> Closing:
        """Let go of it, and say what did not arrive."""
        self.courier.close()
        failure = None
        if self._undelivered:
            text = f"{self.name}: not delivered: {self._undelivered:,}; {self._reason}"
            failure = SinkError(text, code="S2H507", passes=self._passes)
        return Closing(failure=failure, findings=tuple(self._findings), sent=self._sent)

    def discard(self) -> None:
        """Let go of it; what was delivered stays."""
        self.courier.close()

    def _delivered(self, alert: Alert) -> Verdict:
        waited = 0.0
        for attempt in range(_ATTEMPTS):
            verdict = self.courier.deliver(alert, was_delivered=False)
            if not isinstance(verdict, (Postponed, Paused)):
                break
            wait = _FIRST_WAIT_SECONDS * 2**attempt
            if isinstance(verdict, Paused):
                if verdict.after_seconds is None:
                    break
                wait = max(wait, verdict.after_seconds)
            waited += wait
            if attempt + 1 == _ATTEMPTS or waited > _PATIENCE_SECONDS:
                break
            self.clock.wait(wait, self._never)
        return verdict

    def _fail(self, reason: str, *, passes: bool) -> None:
        # What does not pass comes first: somebody has to mend it.
        if not self._reason or (self._passes and not passes):
            self._reason, self._passes = reason, passes
        self._undelivered += 1

    def _note(self, alert: Alert, told: str) -> None:
        if told and len(self._findings) < _MOST_NAMED:
            message = f"alert {alert.source_ref}: {told}"
            place = Location(self.name)
            self._findings.append(Diagnostic("S2H507", Severity.WARNING, place, message))


class HeldBack:
    """Takes alerts and sends none: sending was not asked for. `where` is what would get them."""

    def __init__(self, name: str, where: str) -> None:
        self.name = name
        self._where = where

    def push(self, _alert: Alert) -> Outcome:
        """Say that it would have been sent."""
        return Outcome.WOULD_BE_SENT

    def close(self) -> Closing:
        """Say where to."""
        return Closing(would_send_to=self._where)

    def discard(self) -> None:
        """Do nothing."""
