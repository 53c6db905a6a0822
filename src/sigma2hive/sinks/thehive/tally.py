"""What became of all alerts of a run: outcomes, what was left out, and why the rest failed.

Takes a `Delivery` for each alert, from several threads; gives a `Closing`.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from sigma2hive.clients.errors import RequestRefusedError, ServerError
from sigma2hive.diagnostics import Diagnostic, Location, Severity, SinkError
from sigma2hive.model.alerts import Alert, Identity
from sigma2hive.sinks.interface import Closing
from sigma2hive.sinks.outcomes import Outcome
from sigma2hive.sinks.thehive.completion import Delivery

#: Different parts that are named; more are counted.
_MOST_NAMED = 50


@dataclass(slots=True)
class Tally:
    """Counts for the sink `name`."""

    name: str
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _outcomes: dict[Identity, Outcome] = field(default_factory=dict)
    _left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    _failures: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    _incomplete: int = 0

    def count(self, alert: Alert, delivery: Delivery) -> None:
        """Take in what became of an alert."""
        with self._lock:
            self._note(alert, delivery.outcome)
            # An alert that is not there lacks no part.
            is_there = delivery.outcome is not Outcome.NOT_DELIVERED
            for part, reason in dict.fromkeys(delivery.left_out if is_there else ()):
                known = (part, reason) in self._left_out or len(self._left_out) < _MOST_NAMED
                self._left_out[(part, reason) if known else ("other parts", "")] += 1
            if delivery.error is not None:
                self._incomplete += is_there
                self._note_failure(alert, delivery.error)

    def count_unsent(self, alert: Alert) -> None:
        """Take in an alert that was not tried."""
        with self._lock:
            self._note(alert, Outcome.NOT_DELIVERED)

    def count_broken(self, alert: Alert, error: Exception) -> None:
        """Take in an alert at which this program itself failed."""
        with self._lock:
            self._note(alert, Outcome.NOT_DELIVERED)
            message = f"delivering alert {alert.source_ref} failed: {type(error).__name__}: {error}"
            self._failures[message, "report this as a mistake", False] += 1

    def closing(self) -> Closing:
        """Return the end of it."""
        sent = sum(one in (Outcome.STORED, Outcome.UPDATED) for one in self._outcomes.values())
        return Closing(
            outcomes=self._outcomes,
            failure=self._failure(),
            findings=tuple(self._findings()),
            sent=sent,
        )

    def _note(self, alert: Alert, outcome: Outcome) -> None:
        self._outcomes[alert.identity] = outcome.joined(self._outcomes.get(alert.identity))

    def _note_failure(self, alert: Alert, error: Exception) -> None:
        if not isinstance(error, ServerError):
            return  # stopped because of another alert's error
        message = error.message
        if isinstance(error, RequestRefusedError):
            message = f"'{alert.title}': {message}"
        if len(self._failures) < _MOST_NAMED:
            self._failures[message, error.hint, error.passes] += 1

    def _failure(self) -> SinkError | None:
        """Return why some alerts did not arrive, or not whole; what does not pass comes first."""
        if not self._failures:
            return None
        message, hint, passes = min(self._failures, key=lambda failure: failure[2])
        unsent = sum(one is Outcome.NOT_DELIVERED for one in self._outcomes.values())
        counts = [f"not delivered: {unsent:,}"] if unsent else []
        counts += [f"not whole: {self._incomplete:,}"] if self._incomplete else []
        text = f"{self.name}: {', '.join(counts)}; {message}"
        return SinkError(text, hint, code="S2H507", passes=passes)

    def _findings(self) -> list[Diagnostic]:
        return [
            Diagnostic(
                "S2H507",
                Severity.WARNING,
                Location(self.name),
                f"{part} left out of {count:,} {'alert' if count == 1 else 'alerts'}"
                + (f": {reason}" if reason else ""),
                "add it in TheHive, let the API key's user add it, or take it out of mappings/ or "
                "the rule",
                count,
            )
            for (part, reason), count in self._left_out.items()
        ]
