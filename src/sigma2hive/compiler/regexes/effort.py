"""What it costs Lucene to make an expression deterministic, counted before it is sent.

Takes a tree without anchors; gives whether the cost stays within a bound. Lucene refuses a query
that needs more than ten times `max_determinized_states` (10,000) steps, which fails the search.

Source: org.apache.lucene.util.automaton.Operations.determinize
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sigma2hive.compiler.regexes.charsets import LAST, CharSet
from sigma2hive.compiler.regexes.trees import Alt, Anchor, Chars, Repeat, Seq, Tree

#: A fifth of Lucene's limit, since its automaton has other states than the one counted here.
_MAX_EFFORT = 20_000
_MAX_POSITIONS = 1_200


class _TooLarge(Exception):
    pass


def is_affordable(tree: Tree) -> bool:
    """Whether Lucene makes the expression deterministic well within its default limit."""
    try:
        positions = _Positions()
        first, _, _ = positions.add(tree)
        return _determinized(positions, first) <= _MAX_EFFORT
    except _TooLarge:
        return False


@dataclass(slots=True)
class _Positions:
    """Glushkov's automaton: a state for each place in the expression that takes a character."""

    chars: list[CharSet] = field(default_factory=list)
    follows: list[int] = field(default_factory=list)

    def add(self, tree: Tree) -> tuple[int, int, bool]:
        """Return (states to begin in, states to end in, may be empty), states as bits."""
        match tree:
            case Chars(chars):
                if len(self.chars) >= _MAX_POSITIONS:
                    raise _TooLarge
                self.chars.append(chars)
                self.follows.append(0)
                bit = 1 << (len(self.chars) - 1)
                return bit, bit, False
            case Seq(items):
                return self._joined([self.add(item) for item in items])
            case Alt(options):
                first = last = 0
                empty = False
                for option in options:
                    begins, ends, nullable = self.add(option)
                    first, last, empty = first | begins, last | ends, empty or nullable
                return first, last, empty
            case Repeat():
                return self._repeated(tree)
            case Anchor():
                raise ValueError("an anchor has no place in a whole text")

    def _repeated(self, tree: Repeat) -> tuple[int, int, bool]:
        parts = [self.add(tree.item) for _ in range(min(tree.least, _MAX_POSITIONS))]
        if tree.most is None:
            begins, ends, _ = self.add(tree.item)
            self._follow(ends, begins)
            parts.append((begins, ends, True))
        elif tree.most > tree.least:
            parts.append(self._at_most(tree.item, min(tree.most - tree.least, _MAX_POSITIONS)))
        return self._joined(parts)

    def _at_most(self, item: Tree, times: int) -> tuple[int, int, bool]:
        """Add item(item(item…)?)?, as Lucene does: one place to begin, and many to end."""
        first, last, previous, reachable = 0, 0, 0, True
        for count in range(times):
            begins, ends, nullable = self.add(item)
            if count:
                self._follow(previous, begins)
            first |= begins if reachable else 0
            previous = ends | (previous if nullable else 0)
            last |= ends
            reachable = reachable and nullable
        return first, last, True

    def _joined(self, parts: list[tuple[int, int, bool]]) -> tuple[int, int, bool]:
        first = last = 0
        empty = True
        for begins, ends, nullable in parts:
            self._follow(last, begins)
            first |= begins if empty else 0
            last = ends | (last if nullable else 0)
            empty = empty and nullable
        return first, last, empty

    def _follow(self, states: int, after: int) -> None:
        for state in _bits(states):
            self.follows[state] |= after


def _determinized(positions: _Positions, first: int) -> int:
    symbols, follows = _symbols(positions.chars), positions.follows
    waiting = list({first & takes for takes in symbols} - {0})
    seen, effort = set(waiting), 1
    followed: set[int] = set()
    while waiting and effort <= _MAX_EFFORT:
        states = waiting.pop()
        effort += states.bit_count() + 1
        after = 0
        while states:  # as `_bits`, of which there are very many
            lowest = states & -states
            after |= follows[lowest.bit_length() - 1]
            states ^= lowest
        if after in followed:
            continue
        followed.add(after)
        for reached in {after & takes for takes in symbols} - {0} - seen:
            seen.add(reached)
            waiting.append(reached)
    return effort


def _symbols(sets: list[CharSet]) -> list[int]:
    """Return, for every kind of character that the sets tell apart, the states that take it."""
    distinct: dict[CharSet, int] = {}
    for state, chars in enumerate(sets):
        distinct[chars] = distinct.get(chars, 0) | 1 << state
    edges = {0, LAST + 1}
    for chars in distinct:
        for low, high in chars:
            edges.update((low, high + 1))
    kinds: dict[int, None] = {}
    for point in sorted(edges)[:-1]:
        takes = 0
        for chars, states in distinct.items():
            if any(low <= point <= high for low, high in chars):
                takes |= states
        kinds[takes] = None
    return [takes for takes in kinds if takes]


def _bits(states: int) -> list[int]:
    found = []
    while states:
        lowest = states & -states
        found.append(lowest.bit_length() - 1)
        states ^= lowest
    return found
