"""What is decided of a match: whether an alert of its own tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sigma2hive.model.alerts import Identity
from sigma2hive.model.matches import Match
from sigma2hive.model.service import Fate, QueuedAlert
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of a match: its fate, and what it is counted under ("" for all of a rule).

    With Fate.ALERT and without `told_by` it makes an alert of its own, which says `notes` of
    itself, plain text. Otherwise `told_by` is the alert that tells of it, where one does: an open
    one that it joins, or a summary. `summaries` has it.
    """

    fate: Fate
    grouped_by: str = ""
    told_by: Identity | None = None
    notes: tuple[str, ...] = ()
    muted_by: int | None = None


class Judge(Protocol):
    """Decides about matches in the order in which they are found.

    What it decided counts once it is committed: after a failure, `discard` takes back what it
    counted since the last `keep`.
    """

    def judge(self, match: Match, severity: int, now_ns: int) -> Judged:
        """Return what becomes of a match; `severity` is the alert's, 1 to 4."""

    def summaries(self, now_ns: int) -> Sequence[QueuedAlert]:
        """Return the alerts that tell of matches without one of their own, and were not told yet.

        They are summaries, and open alerts that matches have joined; both are joined by identity.
        """

    def keep(self) -> None:
        """Take what was decided as done."""

    def discard(self) -> None:
        """Take back what was decided since `keep`."""


class Unbounded:
    """A judge that lets everything through."""

    def judge(self, match: Match, severity: int, now_ns: int) -> Judged:  # noqa: ARG002
        """Return an alert for each."""
        return Judged(Fate.ALERT)

    def summaries(self, now_ns: int) -> Sequence[QueuedAlert]:  # noqa: ARG002
        """Return nothing."""
        return ()

    def keep(self) -> None:
        """Do nothing."""

    def discard(self) -> None:
        """Do nothing."""
