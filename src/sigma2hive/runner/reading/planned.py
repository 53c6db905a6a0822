"""What a cursor plans for one of its units."""

from __future__ import annotations

from dataclasses import dataclass

from sigma2hive.runner.reading.interface import Slice


@dataclass(frozen=True, slots=True)
class Planned:
    """Slices of one unit, by how urgent they are: `news`, what is `behind`, `sweeps` for late ones.

    All that was taken before `shown_s` has been read when all of them are; `is_more` says that
    something older is left then.
    """

    unit: str
    targets: tuple[str, ...]
    shown_s: int
    news: tuple[Slice, ...] = ()
    behind: tuple[Slice, ...] = ()
    sweeps: tuple[Slice, ...] = ()
    is_more: bool = False

    @property
    def slices(self) -> tuple[Slice, ...]:
        """All of them."""
        return (*self.news, *self.behind, *self.sweeps)
