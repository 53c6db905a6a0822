"""Time as what waits sees it: it asks a clock, so that tests can let hours pass."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, date, datetime
from typing import Protocol

from sigma2hive.model.times import NANOSECONDS

#: A time with more digits is none that `datetime` holds.
_MAX_DIGITS = 11


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


def today() -> date:
    """Return the day in UTC; that of `SOURCE_DATE_EPOCH` (seconds) where the environment has it.

    With it what was made of rules on another day can be made again, as it was.

    Source: https://reproducible-builds.org/specs/source-date-epoch/
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else time.time()
    return datetime.fromtimestamp(seconds, UTC).date()
