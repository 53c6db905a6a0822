"""temporal and temporal_ordered: how many different rules are met, in any order or in theirs."""

from __future__ import annotations

from sigma2hive.engine.tallies.counts import Distinct
from sigma2hive.engine.tallies.interface import Member
from sigma2hive.model.rules import CompiledCorrelation

_NEVER = -1


class RulesMet:
    """How many different rules the events meet; one event may meet several."""

    def __init__(self, correlation: CompiledCorrelation) -> None:
        del correlation
        self._rules = Distinct()

    def add(self, member: Member) -> None:
        """Count its rules."""
        self._rules.add(member.met)

    def remove(self, member: Member) -> None:
        """Count them no longer."""
        self._rules.remove(member.met)

    @property
    def figure(self) -> int:
        """The number of different rules."""
        return len(self._rules)


class RulesInOrder:
    """How many different rules are met one after the other in the correlation's order.

    The longest such row counts, and it may leave rules out. One event stands for one rule of a row,
    since nothing comes after itself. For each length and last rule it is enough to know the row
    that began last: it is the one that stays in the window longest.
    """

    def __init__(self, correlation: CompiledCorrelation) -> None:
        #: By length - 1 and last rule: the number of the event that the row began with.
        self._began = [[_NEVER] * len(correlation.rules) for _ in correlation.rules]
        self._added = self._removed = 0

    def add(self, member: Member) -> None:
        """Let each row that one of its rules follows grow by it."""
        # The longest first, and of the rules the last: what it made is not to be gone on with.
        for rule in reversed(member.met):
            for length in range(rule, 0, -1):
                began = max(self._began[length - 1][:rule])
                self._began[length][rule] = max(self._began[length][rule], began)
            self._began[0][rule] = self._added
        self._added += 1

    def remove(self, member: Member) -> None:
        """Forget the rows that began with it."""
        del member
        self._removed += 1

    @property
    def figure(self) -> int:
        """The number of rules in the longest row."""
        for length in range(len(self._began), 0, -1):
            if max(self._began[length - 1]) >= self._removed:
                return length
        return 0
