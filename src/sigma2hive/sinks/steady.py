"""At most so many requests a second, each sent once: the pace of a service.

Takes calls from several threads; gives their results. Knows nothing of alerts. Once it has stopped,
every call raises `StoppedError`, at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sigma2hive.clients.errors import BusyError, ServerError
from sigma2hive.clock import Clock
from sigma2hive.diagnostics import Sigma2hiveError
from sigma2hive.model.times import NANOSECONDS

T = TypeVar("T")

#: It asks again after so long, whatever a server said.
_LONGEST_HOLD_NS = 3600 * NANOSECONDS
#: Threads do not queue for longer than this.
_LONGEST_QUEUE_NS = 60 * NANOSECONDS


class StoppedError(Sigma2hiveError):
    """Nothing more is sent in this run."""


class Pacing(Protocol):
    """Lets calls through, each in its turn."""

    def call(self, ask: Callable[[bool], T]) -> T:
        """Return what `ask` returns; it is told whether it is asked again, after a failure.

        Raises:
            StoppedError: nothing more is sent.
            ServerError: it failed.
        """

    def give_up(self) -> None:
        """Take note that every further call would fail."""


@dataclass(slots=True)
class SteadyPace:
    """Bounds requests to a rate, whatever becomes of them.

    While the server asks to be left alone (Retry-After), no thread asks anything.
    """

    requests_per_second: float
    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _next_turn_ns: int = 0
    _held_until_ns: int = 0

    def call(self, ask: Callable[[bool], T]) -> T:
        """Return what `ask` returns, in its turn.

        Raises:
            StoppedError: nothing more is sent.
            ServerError: it failed.
        """
        self._wait_for_turn()
        self._raise_while_held()
        try:
            return ask(False)
        except ServerError as error:
            if error.retry_after_seconds:
                with self._lock:
                    asked_ns = int(error.retry_after_seconds * NANOSECONDS)
                    self._held_until_ns = self.clock.now_ns() + min(asked_ns, _LONGEST_HOLD_NS)
            raise

    def _wait_for_turn(self) -> None:
        with self._lock:
            now = self.clock.now_ns()
            # One that is far ahead is of a clock that was set back meanwhile.
            is_near = now <= self._next_turn_ns <= now + _LONGEST_QUEUE_NS
            turn = self._next_turn_ns if is_near else now
            self._next_turn_ns = turn + int(NANOSECONDS / self.requests_per_second)
        if self.clock.wait((turn - now) / NANOSECONDS, self._stopped):
            raise StoppedError("nothing more is sent")

    def _raise_while_held(self) -> None:
        with self._lock:
            left_ns = self._held_until_ns - self.clock.now_ns()
        if 0 < left_ns <= _LONGEST_HOLD_NS:
            left = left_ns / NANOSECONDS
            raise BusyError("the server asked to wait", "it is asked again then", left)

    def give_up(self) -> None:
        """Do nothing: the outbox decides."""

    def stop(self) -> None:
        """Send nothing more, and wait for nothing more."""
        self._stopped.set()
