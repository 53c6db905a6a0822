"""event_count and value_count: how many there are, and how many different ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

from sigma2hive.engine.tallies.interface import Member
from sigma2hive.model.rules import CompiledCorrelation


class Distinct:
    """A multiset that knows how many different things it holds."""

    def __init__(self) -> None:
        self._counts: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, things: Iterable[Hashable]) -> None:
        """Take them in."""
        self._counts.update(things)

    def remove(self, things: Iterable[Hashable]) -> None:
        """Let go of each once."""
        for thing in things:
            self._counts[thing] -= 1
            if not self._counts[thing]:
                del self._counts[thing]


class EventCount:
    """How many events there are. Of a counted correlation each episode is one, however long."""

    def __init__(self, correlation: CompiledCorrelation) -> None:
        del correlation
        self._events = 0
        self._episodes = Distinct()

    def add(self, member: Member) -> None:
        """Count it."""
        self._events += member.is_direct
        self._episodes.add(member.units)

    def remove(self, member: Member) -> None:
        """Count it no longer."""
        self._events -= member.is_direct
        self._episodes.remove(member.units)

    @property
    def figure(self) -> int:
        """The number of events and of episodes."""
        return self._events + len(self._episodes)


class ValueCount:
    """How many different values, or combinations of values, the events have in letters folded."""

    def __init__(self, correlation: CompiledCorrelation) -> None:
        del correlation
        self._values = Distinct()

    def add(self, member: Member) -> None:
        """Count its values."""
        self._values.add(member.values)

    def remove(self, member: Member) -> None:
        """Count them no longer."""
        self._values.remove(member.values)

    @property
    def figure(self) -> int:
        """The number of different values."""
        return len(self._values)
