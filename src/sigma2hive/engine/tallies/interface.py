"""What a window holds, and what a tally of it is.

A tally is told which event comes into the window and which leaves it, and gives the figure of what
is in it. It never looks at time: the window is `sigma2hive.engine.correlations`' part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sigma2hive.model.events import Event
from sigma2hive.model.identity import GroupKey
from sigma2hive.model.rules import Figure
from sigma2hive.records import dataclass

#: (field name, value as it was seen), in the order of the correlation's group-by.
Shown = tuple[tuple[str, str], ...]
#: One value that is counted: folded texts of value_count's fields, or an exact number.
Value = tuple[str, ...] | Figure
#: An episode of a counted correlation: its id, the episode's group, and its position there.
Unit = tuple[str, GroupKey, int]


@dataclass(frozen=True, slots=True)
class Run:
    """The events by which a counted correlation's condition was met: those from `first` to `last`.

    `members` are all of its group, in order.
    """

    members: Sequence[Member]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Member:
    """An event in a group.

    `shown` is how it spells the group's values; `met` are the positions, in the correlation's
    `rules`, of those that it meets, in rising order; `leaves` the detection rules by which it was
    found, by id. `values` are what counts of it. Where it made the condition of a counted
    correlation hold, `units` are the episodes it did that for and `runs` the events it did that
    with; `is_direct` where it is there for itself too.
    """

    event: Event
    shown: Shown
    met: tuple[int, ...] = (0,)
    leaves: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()
    units: tuple[Unit, ...] = ()
    runs: tuple[Run, ...] = ()
    is_direct: bool = True


class Tally(Protocol):
    """The figure of a window; made empty, of the correlation that it is for."""

    def add(self, member: Member) -> None:
        """Take in the next event, in order of (time, key)."""
        ...

    def remove(self, member: Member) -> None:
        """Let go of the oldest event."""
        ...

    @property
    def figure(self) -> Figure:
        """The figure of what is in the window, which has at least one event."""
        ...
