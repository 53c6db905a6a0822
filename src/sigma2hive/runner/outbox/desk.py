"""What to send next to one sink: by severity, then age, and never an alert twice at once.

Takes the outbox, and what became of attempts; gives one delivery at a time to several threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from sigma2hive.clock import Clock
from sigma2hive.model.alerts import Identity
from sigma2hive.model.service import Delivery
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.records import dataclass
from sigma2hive.runner.outbox.backoff import Backoff
from sigma2hive.runner.outbox.breaker import Breaker
from sigma2hive.runner.store.interface import Outbox

#: Seconds for which what the outbox said is believed: a new critical alert waits no longer.
_FRESH_SECONDS = 1.0
#: Deliveries that are read at once at most, a thread; more than are sent in time are read in vain.
_AT_ONCE = 16
#: Alerts of which the one that was tried least becomes the probe: one that always fails keeps
#: nothing from the others.
_CHOICE = 100


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that one thread works on; a probe goes alone."""

    delivery: Delivery
    is_probe: bool = False


class Desk:
    """Gives out the deliveries of `sink`."""

    def __init__(
        self, sink: str, outbox: Outbox, clock: Clock, breaker: Breaker, workers: int
    ) -> None:
        self._sink = sink
        self._outbox = outbox
        self._clock = clock
        self._breaker = breaker
        self._workers = workers
        self._limit = workers
        self._lock = threading.Lock()
        self._waiting: deque[Delivery] = deque()
        self._fetched_ns: int | None = None
        self._has_more = False
        self._under_way: set[Identity] = set()

    def take(self) -> Taken | float:
        """Return what to send now, or the seconds to wait before asking again.

        Raises:
            Sigma2hiveError: the outbox cannot be read.
        """
        with self._lock:
            now_ns = self._clock.now_ns()
            is_probe = self._breaker.is_open
            if is_probe:
                self._waiting.clear()
                if self._under_way or self._breaker.is_waiting(now_ns):
                    wait = (self._breaker.retry_ns - now_ns) / NANOSECONDS
                    return min(wait, _FRESH_SECONDS) if wait > 0 else _FRESH_SECONDS
            delivery = self._probe(now_ns) if is_probe else self._next(now_ns)
            if delivery is None:
                return _FRESH_SECONDS
            self._under_way.add(delivery.alert.identity)
            return Taken(delivery, is_probe)

    def done(self, taken: Taken) -> None:
        """Say that what became of it is noted."""
        with self._lock:
            self._under_way.discard(taken.delivery.alert.identity)

    def arrived(self) -> bool:
        """Take note that the sink answers, and return whether it did not before."""
        with self._lock:
            was_open = self._breaker.is_open
            self._breaker.note_success()
            return was_open

    def failed(self, taken: Taken, reason: str, backoff: Backoff) -> int:
        """Take note of a failure, and return when to try this alert again."""
        with self._lock:
            now_ns = self._clock.now_ns()
            self._breaker.note_failure(reason, now_ns, is_probe=taken.is_probe)
            if self._breaker.is_open:
                return self._breaker.retry_ns
            return now_ns + backoff.ns(taken.delivery.attempts)

    def paused(self, taken: Taken, reason: str, asked_seconds: float | None) -> int:
        """Take note that the sink takes nothing, and return when to try again."""
        with self._lock:
            now_ns = self._clock.now_ns()
            self._breaker.note_pause(reason, now_ns, asked_seconds, is_probe=taken.is_probe)
            return self._breaker.retry_ns

    @property
    def trouble(self) -> str:
        """Why the sink is only probed, "" where it is not."""
        with self._lock:
            return self._breaker.reason

    def _probe(self, now_ns: int) -> Delivery | None:
        due = self._due(now_ns, _CHOICE)
        self._fetched_ns = None
        return min(due, key=lambda delivery: delivery.attempts, default=None)

    def _next(self, now_ns: int) -> Delivery | None:
        is_fresh = (
            self._fetched_ns is not None
            # Not before: a clock may be set back.
            and 0 <= now_ns - self._fetched_ns < _FRESH_SECONDS * NANOSECONDS
        )
        is_used_up = not self._waiting and self._has_more
        if not is_fresh or is_used_up:
            self._limit = self._next_limit(is_used_up=is_used_up)
            self._waiting = deque(self._due(now_ns, self._limit))
            self._fetched_ns, self._has_more = now_ns, len(self._waiting) == self._limit
        return self._waiting.popleft() if self._waiting else None

    def _next_limit(self, *, is_used_up: bool) -> int:
        """Return how many to read: twice as many where all were sent in time, else about those."""
        taken = self._limit - len(self._waiting)
        wanted = 2 * self._limit if is_used_up else taken + self._workers
        return min(max(wanted, self._workers), self._workers * _AT_ONCE)

    def _due(self, now_ns: int, limit: int) -> Sequence[Delivery]:
        found = self._outbox.due(self._sink, now_ns, limit + len(self._under_way))
        free = [one for one in found if one.alert.identity not in self._under_way]
        return free[:limit]
