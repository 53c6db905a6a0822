"""Sigma's wildcard patterns on folded text, in time linear in the value for any pattern.

Takes a `Text` test; gives a predicate on a value. No backtracking: between two `*` the leftmost
place is always as good as any other, so hostile values cost no more than others.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sigma2hive.model.conditions import Text, Wildcard
from sigma2hive.model.folding import fold
from sigma2hive.records import dataclass

Predicate = Callable[[str], bool]


def text_predicate(test: Text) -> Predicate:
    """Return the function that tells whether a whole value is `test`'s pattern."""
    segments = _segments(test)
    folded: Predicate = (
        _whole(segments[0]) if len(segments) == 1 else _Starred(tuple(segments)).holds
    )
    if test.cased:
        return folded
    return lambda value: folded(fold(value))


@dataclass(frozen=True, slots=True)
class _Segment:
    """What stands between two `*`: literal text, or with `?` a fixed-length expression."""

    literal: str
    expression: re.Pattern[str] | None
    length: int

    def at(self, value: str, position: int) -> bool:
        if self.expression is None:
            return value.startswith(self.literal, position)
        return self.expression.match(value, position) is not None

    def find(self, value: str, start: int, end: int) -> int:
        if self.expression is None:
            return value.find(self.literal, start, end)
        found = self.expression.search(value, start, end)
        return found.start() if found else -1


def _segments(test: Text) -> list[_Segment]:
    segments: list[list[str | Wildcard]] = [[]]
    for part in test.pattern:
        if part is Wildcard.ANY:
            segments.append([])
        else:
            segments[-1].append(part if isinstance(part, Wildcard) or test.cased else fold(part))
    return [_segment(parts) for parts in segments]


def _segment(parts: list[str | Wildcard]) -> _Segment:
    literal = "".join(part for part in parts if not isinstance(part, Wildcard))
    length = sum(1 if isinstance(part, Wildcard) else len(part) for part in parts)
    if length == len(literal):
        return _Segment(literal, None, length)
    source = "".join("." if isinstance(part, Wildcard) else re.escape(part) for part in parts)
    return _Segment(literal, re.compile(source, re.DOTALL), length)


def _whole(segment: _Segment) -> Predicate:
    return lambda value: len(value) == segment.length and segment.at(value, 0)


@dataclass(frozen=True, slots=True)
class _Starred:
    segments: tuple[_Segment, ...]

    def holds(self, value: str) -> bool:
        first, *middle, last = self.segments
        start, end = first.length, len(value) - last.length
        if start > end or not first.at(value, 0) or not last.at(value, end):
            return False
        for segment in middle:
            position = segment.find(value, start, end)
            if position < 0:
                return False
            start = position + segment.length
        return True
