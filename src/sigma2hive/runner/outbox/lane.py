"""One sink's delivery: its threads take what is due, and note what became of it.

Takes a courier and the outbox. Whatever a sink does, only its own lane waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import field
from functools import partial

from sigma2hive.clock import Clock
from sigma2hive.diagnostics import Sigma2hiveError
from sigma2hive.model.service import Receipt
from sigma2hive.records import dataclass
from sigma2hive.runner.outbox.backoff import Backoff
from sigma2hive.runner.outbox.breaker import Breaker
from sigma2hive.runner.outbox.desk import Desk, Taken
from sigma2hive.runner.outbox.receipts import Receipts
from sigma2hive.runner.store.interface import Outbox
from sigma2hive.sinks.courier import (
    Courier,
    Delivered,
    Interrupted,
    Paused,
    Postponed,
    Refused,
    Verdict,
)

#: An alert at which this program itself fails is tried so often.
_MOST_BREAKS = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """How deliveries are repeated.

    `most_failures` in a row make a sink be probed by one alert at a time. What is under way when
    the service stops has `stop_seconds` to end.
    """

    backoff: Backoff = field(default_factory=Backoff)
    most_failures: int = 5
    stop_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Broken:
    """The courier itself failed at an alert."""

    reason: str


#: Every verdict but that it arrived.
NotDelivered = Postponed | Paused | Refused | Interrupted | Broken


class Lane:
    """Delivers to one sink until it is stopped. `tell` gets a line for each change."""

    def __init__(
        self, name: str, courier: Courier, outbox: Outbox, clock: Clock, rules: Rules
    ) -> None:
        self.name = name
        self.courier = courier
        #: Whether it is paused by what does not pass by itself, as a key that is refused.
        self.needs_somebody = False
        self._outbox = outbox
        self._clock = clock
        self._rules = rules
        breaker = Breaker(rules.backoff, rules.most_failures)
        self._desk = Desk(name, outbox, clock, breaker, courier.workers)
        self._receipts = Receipts(outbox, self._desk)

    def work(self, stop: threading.Event, tell: Callable[[str], None]) -> None:
        """Deliver until `stop` is set: the work of one thread."""
        troubles = 0
        while not stop.is_set():
            try:
                taken = self._desk.take()
            except Exception as error:  # the outbox cannot be read now; later it may
                tell(f"{self.name}: the outbox cannot be read: {_words(error)}")
                self._clock.wait(self._rules.backoff.seconds(troubles), stop)
                troubles += 1
                continue
            troubles = 0
            if isinstance(taken, float):
                self._clock.wait(taken, stop)
                continue
            try:
                self._send(taken, stop, tell)
            except Exception as error:  # the lane goes on; the alert waits
                self._desk.done(taken)
                tell(f"{self.name}: {_words(error)}; report this as a mistake")
                self._clock.wait(self._rules.backoff.seconds(0), stop)

    def _send(self, taken: Taken, stop: threading.Event, tell: Callable[[str], None]) -> None:
        verdict = self._verdict(taken)

        def wait_again(error: Exception, tries: int) -> bool:
            tell(f"{self.name}: the outbox cannot be written: {_words(error)}")
            return self._clock.wait(self._rules.backoff.seconds(tries), stop)

        if isinstance(verdict, Delivered):
            receipt = Receipt(taken.delivery, self._clock.now_ns(), verdict.told)
            if not self._has_recovered(tell):
                self._receipts.add(taken, receipt, wait_again)
                return
            note = self._recovering(lambda: self._outbox.arrived([receipt]))
        else:
            note = self._noting(taken, verdict, tell)
        tries = 0
        while True:
            try:
                note()
                break
            except Exception as error:  # a full disk: what was sent waits to be noted
                if wait_again(error, tries):
                    break  # it is sent again after the next start, which changes nothing
            tries += 1
        self._desk.done(taken)

    def _verdict(self, taken: Taken) -> Verdict | Broken:
        delivery = taken.delivery
        try:
            return self.courier.deliver(delivery.alert, was_delivered=delivery.was_delivered)
        except Exception as error:  # whatever it is, it must not end the lane
            return Broken(f"sending it failed: {_words(error)}; report this as a mistake")

    def _noting(
        self, taken: Taken, verdict: NotDelivered, tell: Callable[[str], None]
    ) -> Callable[[], None]:
        """Take in why a delivery did not arrive, and return how that is noted."""
        delivery, outbox, now_ns = taken.delivery, self._outbox, self._clock.now_ns()
        match verdict:
            case Refused(reason):
                return self._refusing(taken, reason, tell)
            case Broken(reason) if delivery.attempts + 1 >= _MOST_BREAKS:
                return self._refusing(taken, reason, tell)
            case Broken(reason):
                retry_ns = now_ns + self._rules.backoff.ns(delivery.attempts)
                return lambda: outbox.postponed(delivery, retry_ns, reason)
            case Postponed(reason):
                before = self._desk.trouble
                retry_ns = self._desk.failed(taken, reason, self._rules.backoff)
                return self._postponing(taken, retry_ns, reason, before, tell)
            case Paused(reason, asked_seconds, passes):
                self.needs_somebody = not passes
                before = self._desk.trouble
                retry_ns = self._desk.paused(taken, reason, asked_seconds)
                return self._postponing(taken, retry_ns, reason, before, tell)
            case Interrupted():
                return lambda: None

    def _refusing(
        self, taken: Taken, reason: str, tell: Callable[[str], None]
    ) -> Callable[[], None]:
        alert, now_ns = taken.delivery.alert, self._clock.now_ns()
        tell(f"{self.name}: refused for good: alert {alert.source_ref} '{alert.title}': {reason}")
        note = partial(self._outbox.refused, taken.delivery, now_ns, reason)
        return self._recovering(note) if self._has_recovered(tell) else note

    def _postponing(
        self,
        taken: Taken,
        retry_ns: int,
        reason: str,
        before: str,
        tell: Callable[[str], None],
    ) -> Callable[[], None]:
        now = self._desk.trouble
        if now and now != before:
            tell(f"{self.name}: paused: {now}")

        def note() -> None:
            self._outbox.postponed(taken.delivery, retry_ns, reason)
            if now and now != before:
                self._outbox.pause(self.name, now)

        return note

    def _has_recovered(self, tell: Callable[[str], None]) -> bool:
        """Take note that the sink answers, and return whether it did not before."""
        if not self._desk.arrived():
            return False
        self.needs_somebody = False
        tell(f"{self.name}: delivers again")
        return True

    def _recovering(self, note: Callable[[], None]) -> Callable[[], None]:
        """Return what notes the same, and that the sink answers."""

        def noted() -> None:
            note()
            self._outbox.pause(self.name, "")

        return noted


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, Sigma2hiveError) else f"{type(error).__name__}: {error}"
