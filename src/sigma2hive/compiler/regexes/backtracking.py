r"""Whether an expression can make a backtracking engine try exponentially many ways.

Takes a `Regex`; gives whether some texts take time that doubles with each character more. That is
so where a loop can take one text in two ways, and what comes after the loop can fail: `(a+)+$`,
`(\w+\s*)*x`, `(a|aa)*b`. Loops are read from the places of the expression that take a character,
and from the ways that lead from one to the next.

Source: Weber and Seidl, On the degree of ambiguity of finite automata (1991), criterion EDA
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import lru_cache
from itertools import product
from typing import TypeVar

from sigma2hive.compiler.regexes.charsets import LAST, CharSet, intersection
from sigma2hive.compiler.regexes.parsing import Unsupported, parse_regex
from sigma2hive.compiler.regexes.trees import EMPTY, Alt, Anchor, Chars, Repeat, Seq, Tree
from sigma2hive.model.conditions import Regex
from sigma2hive.records import dataclass

#: A loop of so many rounds is as good as an endless one; fewer are written out.
_MANY = 4
# Reaching from every place to every other takes time with its third power.
_MAX_PLACES = 200
#: Larger loops are not looked into.
_MAX_LOOP = 40
#: What an anchor that can fail stands for: a character that no text has.
_BEYOND: CharSet = ((LAST + 1, LAST + 1),)
_HARMLESS = (Anchor.START, Anchor.LINE_START)

_Pair = tuple[int, int]
_Node = TypeVar("_Node")


class _TooLarge(Exception):
    pass


@lru_cache(maxsize=4096)
def may_explode(regex: Regex) -> bool:
    """Whether some texts make the expression take exponential time, as far as it can be read."""
    try:
        parsed = parse_regex(regex, wide=True)
        if not parsed.exact or not _loops_over_choice(parsed.tree):
            return False
        places = _Places()
        ends = places.add(parsed.tree)
        return any(map(_is_ambiguous, _loops(places, ends.last)))
    except (Unsupported, _TooLarge, RecursionError):
        return False


def _loops_over_choice(tree: Tree) -> bool:
    """Whether any endless loop holds another choice: without one it goes one way only."""
    if isinstance(tree, Repeat):
        return (_is_endless(tree) and _has_choice(tree.item)) or _loops_over_choice(tree.item)
    return any(map(_loops_over_choice, _children(tree)))


def _has_choice(tree: Tree) -> bool:
    if isinstance(tree, Repeat):
        return tree.least != tree.most or _has_choice(tree.item)
    return isinstance(tree, Alt) or any(map(_has_choice, _children(tree)))


def _children(tree: Tree) -> tuple[Tree, ...]:
    match tree:
        case Seq(items):
            return items
        case Alt(options):
            return options
        case Repeat(item):
            return (item,)
    return ()


def _is_endless(tree: Repeat) -> bool:
    return tree.most is None or tree.most > _MANY


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where a part begins and ends, with the number of ways, and in how many ways it is empty."""

    first: Counter[int]
    last: Counter[int]
    empty: int


@dataclass(slots=True)
class _Places:
    """The places that take a character, and in how many ways each is followed by another."""

    chars: list[CharSet] = field(default_factory=list)
    ways: Counter[_Pair] = field(default_factory=Counter)

    def add(self, tree: Tree) -> _Ends:
        match tree:
            case Chars(chars):
                return self._place(chars)
            case Anchor():
                return self.add(EMPTY) if tree in _HARMLESS else self._place(_BEYOND)
            case Seq(items):
                return self._joined([self.add(item) for item in items])
            case Alt(options):
                parts = [self.add(option) for option in options]
                return _Ends(
                    sum((part.first for part in parts), Counter()),
                    sum((part.last for part in parts), Counter()),
                    sum(part.empty for part in parts),
                )
            case Repeat():
                return self._repeated(tree)

    def _place(self, chars: CharSet) -> _Ends:
        if len(self.chars) >= _MAX_PLACES:
            raise _TooLarge
        self.chars.append(chars)
        at = Counter({len(self.chars) - 1: 1})
        return _Ends(at, at.copy(), 0)

    def _repeated(self, tree: Repeat) -> _Ends:
        if not _is_endless(tree):
            most = tree.most or 0
            parts = [self.add(tree.item) for _ in range(most)]
            optional = [_Ends(part.first, part.last, 1) for part in parts[tree.least :]]
            return self._joined([*parts[: tree.least], *optional])
        part = self.add(tree.item)
        self._follow(part.last, part.first)
        return _Ends(part.first, part.last, max(part.empty, int(tree.least == 0)))

    def _joined(self, parts: list[_Ends]) -> _Ends:
        joined = _Ends(Counter(), Counter(), 1)
        for part in parts:
            self._follow(joined.last, part.first)
            joined = _Ends(
                joined.first + part.first if joined.empty else joined.first,
                part.last + joined.last if part.empty else part.last,
                min(joined.empty, part.empty),
            )
        return joined

    def _follow(self, last: Counter[int], first: Counter[int]) -> None:
        for (before, many), (after, more) in product(last.items(), first.items()):
            self.ways[before, after] += many * more


@dataclass(frozen=True, slots=True)
class _Loop:
    """Places that lead to each other."""

    members: frozenset[int]
    chars: tuple[CharSet, ...]
    ways: Counter[_Pair]


def _loops(places: _Places, last: Counter[int]) -> Iterator[_Loop]:
    """Yield each loop behind which the expression can still fail."""
    after: dict[int, set[int]] = {}
    for (before, following), _ in places.ways.items():
        after.setdefault(before, set()).add(following)
    seen: set[int] = set()
    for start in after:
        if start in seen:
            continue
        ahead = _reached(after, start)
        members = {place for place in ahead if start in _reached(after, place)}
        seen |= members
        # Where it may end at every place of the loop, it ends with the first way that it tries.
        if members and not members <= last.keys():
            if len(members) > _MAX_LOOP:
                raise _TooLarge
            yield _Loop(frozenset(members), tuple(places.chars), places.ways)


def _reached(after: Mapping[_Node, Iterable[_Node]], start: _Node) -> set[_Node]:
    found: set[_Node] = set()
    waiting = [start]
    while waiting:
        for following in after.get(waiting.pop(), ()):
            if following not in found:
                found.add(following)
                waiting.append(following)
    return found


def _is_ambiguous(loop: _Loop) -> bool:
    """Whether two ways through the loop take the same text and come back to where they began."""
    steps: dict[int, list[int]] = {place: [] for place in loop.members}
    for (before, following), ways in loop.ways.items():
        if before in loop.members and following in loop.members:
            if ways > 1:
                return True
            steps[before].append(following)
    together: dict[_Pair, list[_Pair]] = {}
    before_it: dict[_Pair, list[_Pair]] = {}
    for one, other in product(loop.members, loop.members):
        together[one, other] = [
            (first, second)
            for first, second in product(steps[one], steps[other])
            if intersection(loop.chars[first], loop.chars[second])
        ]
        for reached in together[one, other]:
            before_it.setdefault(reached, []).append((one, other))
    # In a loop this is so at every place or at none.
    place = min(loop.members)
    origin: _Pair = (place, place)
    ahead, behind = _reached(together, origin), _reached(before_it, origin)
    return any(first != second for first, second in ahead & behind)
