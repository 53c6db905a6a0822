"""Expressions that Python alone can decide, given up where they take too long.

Takes a search and a value; tells whether it finds anything. A look-around or a back reference is
said by no automaton, and trying one way after another may take longer than a log lasts. Python's
`re` looks at signals while it searches, so that a timer of the processor's time ends it. What was
given up counts as not found, and is told: whoever decides asks `take_undecided` afterwards.

Source: https://docs.python.org/3/library/signal.html#signal.setitimer
"""

from __future__ import annotations

import signal
import threading
from collections import Counter, deque
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple

from sigma2hive.model.conditions import Regex

#: Seconds of the processor's time for the first value on which an expression takes so long; the
#: next one is given half of it, down to the least: hostile values may come in any number.
_FIRST_SECONDS, _LEAST_SECONDS = 2.0, 0.02
_MOST_TOLD = 20
_QUOTED = 60


class Undecided(NamedTuple):
    """An expression that was given up on a value of so many characters, which begins so."""

    test: Regex
    size: int
    start: str


class _Expired(BaseException):
    """The time is over. No `Exception`, since nothing on the way may take it for its own."""


_undecided: deque[Undecided] = deque(maxlen=_MOST_TOLD)
_times_given_up: Counter[Regex] = Counter()
_is_waiting = False


def is_found(test: Regex, search: Callable[[str], object], value: str) -> bool:
    """Return whether a search finds anything in a value, within its time.

    Only in the main thread there is a bound: signals come nowhere else.
    """
    if threading.current_thread() is not threading.main_thread():
        return search(value) is not None
    seconds = max(_FIRST_SECONDS / 2 ** _times_given_up[test], _LEAST_SECONDS)
    try:
        return _within(seconds, search, value)
    except _Expired:
        _times_given_up[test] += 1
        _undecided.append(Undecided(test, len(value), value[:_QUOTED]))
        return False


def take_undecided() -> tuple[Undecided, ...]:
    """Return what was given up since it was asked for last, the last of it where it was much."""
    taken = tuple(_undecided)
    _undecided.clear()
    return taken


def _within(seconds: float, search: Callable[[str], object], value: str) -> bool:
    global _is_waiting  # noqa: PLW0603 - a signal's handler knows nothing else
    earlier = signal.signal(signal.SIGVTALRM, _expire)
    _is_waiting = True
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        return search(value) is not None
    finally:
        _is_waiting = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, earlier)


def _expire(_number: int, _frame: FrameType | None) -> None:
    if _is_waiting:
        raise _Expired
