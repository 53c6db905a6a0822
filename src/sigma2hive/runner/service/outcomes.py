"""What became of slices and cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sigma2hive.clients.errors import ServerError
from sigma2hive.model.matches import Suppression
from sigma2hive.runner.reading.interface import Slice


@dataclass(slots=True)
class SliceOutcome:
    """What came of a slice; `error` is why it has to be read again."""

    part: Slice
    events: int = 0
    matches: int = 0
    alerts: int = 0
    put_aside: int = 0
    error: ServerError | None = None
    suppressed: Mapping[Suppression, int] = field(default_factory=dict)


@dataclass(slots=True)
class CycleOutcome:
    """What a cycle did. `error` is why nothing could be planned; `is_held` says that too much waits
    to be delivered, so that nothing was read. `left` are slices that other runners read: of each
    unit the first."""

    began_ns: int
    slices: list[SliceOutcome] = field(default_factory=list)
    episodes: int = 0
    error: ServerError | None = None
    left: list[Slice] = field(default_factory=list)
    is_held: bool = False

    @property
    def failed(self) -> list[SliceOutcome]:
        """The slices that have to be read again."""
        return [entry for entry in self.slices if entry.error is not None]
