"""Leases: which runner reads a unit, so that several do not all do the same.

A lease keeps work from being done twice, never from being right: that is for the cursor, which
moves by compare-and-set. A runner that was paused for longer than its lease may repeat what another
has done meanwhile, and finds all of it there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Protocol

#: Others that are remembered; the rest is forgotten, and seen anew.
_MOST_SEEN = 20_000


class Leases(Protocol):
    """Gives units of work to one runner at a time."""

    def acquire(self, unit: str) -> bool:
        """Return whether the unit is ours for now: free, ours before, or left by its runner.

        What is ours is renewed with it.
        """

    def release(self, units: Collection[str]) -> None:
        """Give units back, so that others need not wait; what is not ours stays."""

    def let_go(self) -> None:
        """Give back everything that is ours: this runner reads no more."""


class AlwaysOurs:
    """The leases of a store that only one runner has."""

    def acquire(self, unit: str) -> bool:  # noqa: ARG002
        """Return that it is ours."""
        return True

    def release(self, units: Collection[str]) -> None:
        """Do nothing."""

    def let_go(self) -> None:
        """Do nothing."""


class Sightings:
    """What others hold, and how long we have seen it unchanged.

    Their clocks are not asked: whoever holds something changes it before `patience_ns` is over, by
    `ticks`, a clock of this machine in nanoseconds that is never set.
    """

    def __init__(self, ticks: Callable[[], int], patience_ns: int) -> None:
        self._ticks = ticks
        self._patience_ns = patience_ns
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[object, int]] = {}

    def is_over(self, name: str, version: object) -> bool:
        """Take note of a version, and return whether it has been the same for too long."""
        now = self._ticks()
        with self._lock:
            known = self._seen.pop(name, None)
            if known is None or known[0] != version:
                known = (version, now)
            self._seen[name] = known  # at the end: the first is what was looked at longest ago
            if len(self._seen) > _MOST_SEEN:
                del self._seen[next(iter(self._seen))]
        return now - known[1] >= self._patience_ns
