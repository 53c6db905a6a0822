"""What became of slices and cycles."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import Diagnostic, Sigma2hiveError
from sigma2hive.model.matches import Suppression
from sigma2hive.model.service import Searched
from sigma2hive.runner.reading.interface import Slice

#: An error may quote an event, which may be of any length.
_MOST_QUOTED = 300


class BrokenError(Sigma2hiveError):
    """This program itself failed at something; everything else goes on. `why` is what failed."""

    def __init__(self, at: str, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
        # What is stored has no lone surrogates.
        quoted = str(error)[:_MOST_QUOTED].encode("utf-8", "backslashreplace").decode("utf-8")
        self.why = f"{type(error).__name__}: {quoted}{where}"
        self.message = f"{at}: {self.why}; report this as a mistake"
        super().__init__(self.message)


@dataclass(slots=True)
class SliceOutcome:
    """What came of a slice; `error` is why it has to be read again, `suppressed` what filters took
    away, `way` how it was looked at.

    `put_aside` counts documents that are no events, `aside` tells of those at which this program
    itself fails, and `undecided` of expressions that were given up on a value.
    """

    part: Slice
    events: int = 0
    matches: int = 0
    alerts: int = 0
    put_aside: int = 0
    way: str = ""
    error: ServerError | BrokenError | None = None
    suppressed: Counter[Suppression] = field(default_factory=Counter)
    aside: list[Diagnostic] = field(default_factory=list)
    undecided: list[Diagnostic] = field(default_factory=list)

    def add(self, other: SliceOutcome) -> None:
        """Take in what came of a part of the slice."""
        self.events += other.events
        self.matches += other.matches
        self.alerts += other.alerts
        self.put_aside += other.put_aside
        self.way = other.way or self.way
        self.suppressed += other.suppressed
        self.undecided += other.undecided


@dataclass(slots=True)
class CycleOutcome:
    """What a cycle did.

    `error` is why nothing could be planned; `is_held` says that too much waits to be delivered, so
    that nothing was read. `left` are slices that other runners read: of each unit the first.
    `again` are slices that were read for rules alone that had missed them, `lost` is what will
    never be read.
    """

    began_ns: int
    slices: list[SliceOutcome] = field(default_factory=list)
    again: list[SliceOutcome] = field(default_factory=list)
    lost: list[Searched] = field(default_factory=list)
    episodes: int = 0
    error: ServerError | None = None
    left: list[Slice] = field(default_factory=list)
    is_held: bool = False

    @property
    def events(self) -> int:
        """How many events were read."""
        return sum(done.events for done in self.slices)

    @property
    def message(self) -> str:
        """What failed first, of the whole cycle before single slices; "" where nothing did."""
        if self.error is not None:
            return self.error.message
        every = (*self.slices, *self.again)
        return next((done.error.message for done in every if done.error is not None), "")

    @property
    def matches(self) -> int:
        """How many matches were recorded, those of correlations left out."""
        return sum(done.matches for done in (*self.slices, *self.again))

    @property
    def alerts(self) -> int:
        """How many alerts were made or have grown."""
        return sum(done.alerts for done in (*self.slices, *self.again)) + self.episodes

    @property
    def aside(self) -> list[Diagnostic]:
        """What is told of documents at which this program itself fails."""
        return [finding for done in (*self.slices, *self.again) for finding in done.aside]

    @property
    def undecided(self) -> list[Diagnostic]:
        """What is told of expressions that were given up on a value, once of each place."""
        every = (finding for done in (*self.slices, *self.again) for finding in done.undecided)
        return list({finding.location: finding for finding in every}.values())

    @property
    def failed(self) -> list[SliceOutcome]:
        """The slices that have to be read again."""
        return [entry for entry in self.slices if entry.error is not None]
