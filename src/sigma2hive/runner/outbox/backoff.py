"""How long to wait before something is tried again: longer each time, and never all at once."""

from __future__ import annotations

import random
from collections.abc import Callable

from sigma2hive.model.times import NANOSECONDS
from sigma2hive.records import dataclass

#: A server that asks to be left alone for longer (Retry-After) is tried all the same.
_LONGEST_ASKED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `first_seconds` to `longest_seconds`, each cut by up to a half.

    `chance` gives numbers in [0, 1): what fails together is not tried again together.
    """

    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    chance: Callable[[], float] = random.random

    @property
    def longest_ns(self) -> int:
        """The longest that is ever waited, in nanoseconds."""
        return int(max(self.longest_seconds, _LONGEST_ASKED_SECONDS) * NANOSECONDS)

    def seconds(self, tries: int) -> float:
        """Return how long to wait after so many further attempts in vain."""
        full = min(self.first_seconds * 2.0 ** min(tries, 30), self.longest_seconds)
        return full * (1 - self.chance() / 2)

    def ns(self, tries: int, asked_seconds: float | None = None) -> int:
        """Return the same in nanoseconds, and no less than the other side asks for."""
        asked = min(asked_seconds or 0.0, _LONGEST_ASKED_SECONDS)
        return int(max(self.seconds(tries), asked) * NANOSECONDS)
