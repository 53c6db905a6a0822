"""How fast TheHive is asked, how long it is waited for, and when to stop.

Takes calls from several threads; gives their results. Knows nothing of alerts. Once it has stopped,
every call raises `StoppedError`, at once. This is a run's pace, which repeats what fails for a
while; a service has a `SteadyPace`, since its outbox repeats.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sigma2hive.clients.errors import MissingError, RequestRefusedError, ServerError
from sigma2hive.sinks.steady import StoppedError

T = TypeVar("T")

#: How often one thing is asked for, and the first wait between; it doubles.
_ATTEMPTS = 4
_FIRST_WAIT_SECONDS = 0.25


@dataclass(slots=True)
class Pace:
    """Bounds requests to a rate, and repeats what passes by itself.

    `patience_seconds` is how long it goes on while nothing gets through.
    """

    requests_per_second: int
    patience_seconds: float
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _next_turn: float = 0.0
    _held_until: float = 0.0
    _trouble_since: float | None = None
    _last_success: float = 0.0

    def call(self, ask: Callable[[bool], T]) -> T:
        """Return what `ask` returns; it is told whether it is asked again, after a failure.

        Raises:
            StoppedError: nothing more is sent.
            ServerError: what does not pass, or did not pass in time. Where nothing got through
                since the first attempt, this stops everything else too.
        """
        began = time.monotonic()
        for attempt in range(_ATTEMPTS):
            self._wait_for_turn()
            asked = time.monotonic()
            try:
                answer = ask(attempt > 0)
            except ServerError as error:
                if isinstance(error, (RequestRefusedError, MissingError)):
                    self._note_success()  # it answers, and well
                if not error.passes:
                    raise
                self._note_trouble(asked)
                wait = _wait_of(error, attempt)
                if attempt + 1 == _ATTEMPTS or not self._has_patience_for(wait):
                    if self._last_success < began:
                        self.stop()
                    raise
                self._hold(error, wait)
            else:
                self._note_success()
                return answer
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    def stop(self) -> None:
        """Send nothing more, and wait for nothing more."""
        self._stopped.set()

    def give_up(self) -> None:
        """Stop: a run does not outlast what nobody mends meanwhile."""
        self.stop()

    @property
    def has_stopped(self) -> bool:
        """Whether nothing more is sent."""
        return self._stopped.is_set()

    def _wait_for_turn(self) -> None:
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next_turn, self._held_until)
            self._next_turn = turn + 1 / self.requests_per_second
        if self._stopped.wait(turn - now):
            raise StoppedError("nothing more is sent")

    def _hold(self, error: ServerError, seconds: float) -> None:
        """Let this thread wait, and all the others too where the server asks for it."""
        if error.retry_after_seconds:
            with self._lock:
                self._held_until = max(self._held_until, time.monotonic() + seconds)
        else:
            self._stopped.wait(seconds)

    def _note_success(self) -> None:
        with self._lock:
            self._last_success, self._trouble_since = time.monotonic(), None

    def _note_trouble(self, asked: float) -> None:
        with self._lock:
            if self._trouble_since is None:
                self._trouble_since = asked

    def _has_patience_for(self, seconds: float) -> bool:
        with self._lock:
            since = self._trouble_since
        now = time.monotonic()
        return now + seconds - (now if since is None else since) <= self.patience_seconds


def _wait_of(error: ServerError, attempt: int) -> float:
    if error.retry_after_seconds is not None:
        return error.retry_after_seconds
    return float(_FIRST_WAIT_SECONDS * 2**attempt)
