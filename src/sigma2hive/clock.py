"""Time as what waits sees it: it asks a clock, so that tests can let hours pass."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from sigma2hive.model.times import NANOSECONDS


class Clock(Protocol):
    """Tells the time, and waits."""

    def now_ns(self) -> int:
        """Return nanoseconds since the Unix epoch, UTC."""

    def wait(self, seconds: float, until: threading.Event) -> bool:
        """Wait so long, or until the event is set; return whether it is."""


class WallClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        """Return nanoseconds since the Unix epoch, UTC."""
        return time.time_ns()

    def wait(self, seconds: float, until: threading.Event) -> bool:
        """Wait so long, or until the event is set; return whether it is."""
        return until.wait(max(seconds, 0.0))


class FrozenClock:
    """A clock that is moved by hand, and by whoever waits on it: waiting takes no time."""

    def __init__(self, now_ns: int) -> None:
        self._now_ns = now_ns
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        """Return where it stands."""
        with self._lock:
            return self._now_ns

    def wait(self, seconds: float, until: threading.Event) -> bool:
        """Move on by so much, at once; return whether the event is set."""
        self.advance(seconds)
        return until.is_set()

    def advance(self, seconds: float) -> None:
        """Move on."""
        with self._lock:
            self._now_ns += int(max(seconds, 0.0) * NANOSECONDS)
