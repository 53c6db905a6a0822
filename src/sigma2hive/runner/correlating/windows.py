"""Windows of groups that many events are in, so that they need not be read again at each cycle.

A cache and no more: what is kept was made of what the store has, holds for one number of the
correlation's entries, and is made again from the store where it is not there, or not of that
number. Bounded; the groups that were quiet longest go first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sigma2hive.engine import Window
from sigma2hive.engine.tallies.interface import Shown
from sigma2hive.model.service import StoredEpisode

#: A group with fewer events in its window is read again, which costs little.
LEAST_KEPT = 200
#: What all windows may hold, in events whose values a figure is made of.
_MOST_HELD = 500_000


@dataclass(slots=True)
class Kept:
    """A group's window; `episode` is the open one as it is stored, `shown` the group's values."""

    window: Window
    episode: StoredEpisode | None
    shown: Shown


@dataclass(slots=True)
class Windows:
    """The windows of all correlations of one process."""

    _held: dict[str, tuple[int, dict[str, Kept]]] = field(default_factory=dict)

    def take(self, unit: str, number: int) -> dict[str, Kept]:
        """Return a correlation's windows by group, where all entries up to this number are in them.

        They are whoever took them's, until they are kept again: work that fails leaves none.
        """
        reached, windows = self._held.pop(unit, (number, {}))
        return windows if reached == number else {}

    def keep(self, unit: str, number: int, windows: dict[str, Kept]) -> None:
        """Keep them for this number; those used last are last."""
        others = sum(_weight(held) for _, held in self._held.values())
        while windows and others + _weight(windows) > _MOST_HELD:
            del windows[next(iter(windows))]
        self._held[unit] = (number, windows)


def _weight(windows: Mapping[str, Kept]) -> int:
    return sum(kept.window.weight for kept in windows.values())
