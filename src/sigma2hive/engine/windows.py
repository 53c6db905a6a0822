"""The window of one group as it stands, to be gone on with as events come: what it costs are the
events that come into it and those that leave it, however many are in between.

Takes members in order of (time, key); says of each whether the condition held there, and whether
it belongs to the episode that was open. What `correlations` says of windows is so here too; an
episode that begins is left to that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from sigma2hive.engine.tallies import CORRELATIONS, Member
from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.rules import CompiledCorrelation
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Followed:
    """An event that came: whether the open episode has it, and whether the condition held there."""

    member: Member
    belongs: bool
    is_met: bool


class Window:
    """The figure of a group's last time span up to `at_ns`, and whether an episode is open.

    Of the events in it only their times are kept, and what the tally makes of them: whoever lets
    events leave reads them again.
    """

    def __init__(
        self,
        correlation: CompiledCorrelation,
        members: Sequence[Member],
        at_ns: int,
        held_until_ns: int | None,
    ) -> None:
        """Begin with what is in the window, at least one event.

        `held_until_ns` is until when the open episode's condition held; None where none is open.
        """
        self._bounds, self._span_ns = correlation.bounds, correlation.timespan_ns
        self._tally = CORRELATIONS[correlation.kind](correlation)
        self._times: deque[int] = deque()
        for member in members:
            self._add(member)
        self.at_ns = at_ns
        self.last: tuple[int, EventKey] = (members[-1].event.time_ns, members[-1].event.key)
        self.is_open = held_until_ns is not None
        self._holds_until_ns = None if self._is_met() else held_until_ns
        self.weight = len(members) if correlation.kind.reads_values else 1

    @property
    def held_until_ns(self) -> int:
        """Until when the condition of the episode that is or was open is known to have held."""
        return self.at_ns if self._holds_until_ns is None else self._holds_until_ns

    def follow(
        self,
        new: Sequence[Member],
        leaving: Sequence[Member],
        until_ns: int,
        begins: Callable[[Event], bool],
    ) -> Sequence[Followed] | None:
        """Go on until a time, and return what came of each new event.

        `new` come after all that was there, `leaving` are those that leave the window until then.
        None where an episode begins, or where those that leave are not those that came: the window
        is of no use then, and the events are to be looked at again.
        """
        waiting = deque(leaving)
        followed: list[Followed] = []
        for member in new:
            time_ns = member.event.time_ns
            if not self._leave_until(time_ns, waiting):
                return None
            self.is_open = self.is_open and not self._is_over(time_ns)
            self._add(member)
            is_met = self._is_met()
            if is_met and not self.is_open and begins(member.event):
                return None
            self._hold(time_ns)
            followed.append(Followed(member, self.is_open, is_met and self.is_open))
        if not self._leave_until(until_ns, waiting) or waiting:
            return None
        self.at_ns = until_ns
        self.last = (new[-1].event.time_ns, new[-1].event.key)
        return followed

    def _add(self, member: Member) -> None:
        self._tally.add(member)
        self._times.append(member.event.time_ns)

    def _leave_until(self, time_ns: int, waiting: deque[Member]) -> bool:
        """Let events leave, all of one moment at once; False where they are not the ones."""
        while self._times and self._times[0] + self._span_ns <= time_ns:
            came_ns = self._times[0]
            while self._times and self._times[0] == came_ns:
                if not waiting or waiting[0].event.time_ns != came_ns:
                    return False
                self._tally.remove(waiting.popleft())
                self._times.popleft()
            self._hold(came_ns + self._span_ns)
        return True

    def _hold(self, time_ns: int) -> None:
        """Keep in mind until when the condition of the open episode holds."""
        if not self.is_open or self._is_over(time_ns):
            return
        if self._is_met():
            self._holds_until_ns = None
        elif self._holds_until_ns is None:
            self._holds_until_ns = time_ns

    def _is_met(self) -> bool:
        if not self._times:
            return False
        figure = self._tally.figure
        return all(bound.admits(figure) for bound in self._bounds)

    def _is_over(self, time_ns: int) -> bool:
        until_ns = self._holds_until_ns
        return until_ns is not None and time_ns >= until_ns + self._span_ns
