"""What became of an alert, in one word."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a pushed alert, the weightier the later: an alert that comes twice is one."""

    PENDING = "on its way"
    WOULD_BE_SENT = "would have been sent"
    ALREADY_THERE = "already there"
    UPDATED = "updated"
    STORED = "stored"
    NOT_DELIVERED = "not delivered"

    def joined(self, other: Outcome | None) -> Outcome:
        """Return the weightier of the two."""
        order = list(Outcome)
        return self if other is None or order.index(self) >= order.index(other) else other
