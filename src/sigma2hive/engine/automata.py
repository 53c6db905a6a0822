"""Expressions as automata: each character of a value is read once, whatever the expression.

Takes an expression as Python's own parser read it; tells whether it is found in a value. What one
character or one anchor means is asked of `re` itself, so that both mean the same. States are sets
of places, made when a value leads there and kept for the next.

Source: Thompson, Regular Expression Search Algorithm (1968)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from re import _compiler as sre_compiler  # type: ignore[attr-defined]
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

#: Places of an expression; repetitions of up to so many times are written out.
_MOST_PLACES = 2_000
#: Places of all states that are kept: some ten megabytes, whatever a value leads to.
_MOST_KEPT = 200_000
#: What a step takes beside the places that it leads to, in places.
_AS_PLACES = 8

_CHARACTERS = (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY)
_TYPES = re.ASCII | re.LOCALE | re.UNICODE

_Match = Callable[..., re.Match[str] | None]
_NO_ANCHORS: frozenset[int] = frozenset()
#: The next character, with the anchors that hold before it where there are any.
_Step = str | tuple[frozenset[int], str]


class _State(dict[_Step, "_State | None"]):
    """Places that a value led to, and the steps from there that were made; None is the end.

    A dictionary itself, for a step is looked up for each character of each value.
    """

    __slots__ = ("places",)

    def __init__(self, places: frozenset[int]) -> None:
        super().__init__()
        self.places = places


class UnsupportedError(Exception):
    """It looks around, refers to what it found, forgets ways, or is too large."""


class Automaton:
    """One expression, of which `tree` is what Python's parser made with `flags`.

    Raises:
        UnsupportedError: no automaton says the same.
    """

    def __init__(self, tree: Any, flags: int) -> None:
        if tree is None:
            raise UnsupportedError
        #: Of each place the character that it takes or the anchor that it is, by its number.
        self._takes: list[int | None] = []
        self._asks: list[int | None] = []
        self._next: list[list[int]] = []
        self._characters: dict[Any, int] = {}
        self._anchors: dict[Any, int] = {}
        self._matches: list[_Match] = []
        self._end = self._place()
        self._start = self._sequence(tree, self._end, flags | tree.state.flags)
        self._anchors_at = [(number, self._matches[number]) for number in self._anchors.values()]
        self._states: dict[frozenset[int], _State] = {}
        self._kept_places = 0

    def is_in(self, value: str) -> bool:
        """Whether the expression is found anywhere in the value."""
        # After the last character nothing follows: only the end can be there.
        characters = chain(value, ("",))
        steps = self._with_anchors(value, characters) if self._anchors_at else characters
        state = self._state_of(frozenset((self._start,)))
        for step in steps:
            try:
                following = state[step]
            except KeyError:
                following = self._made(state, step)
            if following is None:
                return True
            state = following
        return False

    def _with_anchors(self, value: str, characters: Iterable[str]) -> Iterator[_Step]:
        anchors = self._anchors_at
        for position, character in enumerate(characters):
            yield (
                frozenset(number for number, match in anchors if match(value, position)),
                character,
            )

    def _made(self, state: _State, step: _Step) -> _State | None:
        """Make a step from a state, and keep it."""
        holding, character = (_NO_ANCHORS, step) if isinstance(step, str) else step
        places = self._step(state.places, holding, character)
        if self._kept_places >= _MOST_KEPT:
            for known in self._states.values():
                known.clear()
            self._states.clear()
            self._kept_places = 0
        self._kept_places += len(places or ()) + _AS_PLACES
        state[step] = following = None if places is None else self._state_of(places)
        return following

    def _state_of(self, places: frozenset[int]) -> _State:
        return self._states.setdefault(places, _State(places))

    def _step(
        self, places: Iterable[int], holding: frozenset[int], character: str
    ) -> frozenset[int] | None:
        """Return the places after a character; None where the end is reached before it."""
        reached: set[int] = set()
        waiting = list(places)
        following = {self._start}
        takes: dict[int, bool] = {}
        while waiting:
            place = waiting.pop()
            if place in reached:
                continue
            reached.add(place)
            if place == self._end:
                return None
            taken, asked = self._takes[place], self._asks[place]
            if taken is not None:
                if taken not in takes:
                    takes[taken] = character != "" and self._matches[taken](character) is not None
                if takes[taken]:
                    following.update(self._next[place])
            elif asked is None or asked in holding:
                waiting.extend(self._next[place])
        return frozenset(following)

    def _place(self, *following: int, takes: int | None = None, asks: int | None = None) -> int:
        if len(self._next) >= _MOST_PLACES:
            raise UnsupportedError
        self._takes.append(takes)
        self._asks.append(asks)
        self._next.append(list(following))
        return len(self._next) - 1

    def _sequence(self, items: Iterable[tuple[Any, Any]], after: int, flags: int) -> int:
        """Return the place where a sequence begins that goes on at `after`."""
        for operation, argument in reversed(list(items)):
            after = self._item(operation, argument, after, flags)
        return after

    def _item(self, operation: Any, argument: Any, after: int, flags: int) -> int:
        if operation in _CHARACTERS:
            return self._place(after, takes=self._one(self._characters, operation, argument, flags))
        if operation is sre.AT:
            return self._place(after, asks=self._one(self._anchors, operation, argument, flags))
        if operation is sre.BRANCH:
            return self._place(*(self._sequence(part, after, flags) for part in argument[1]))
        if operation is sre.SUBPATTERN:
            _, added, removed, inner = argument
            if added & _TYPES:
                flags &= ~_TYPES
            return self._sequence(inner, after, (flags | added) & ~removed)
        if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, inner = argument
            return self._repeated(least, most, inner, after, flags)
        raise UnsupportedError

    def _repeated(self, least: int, most: int, item: Any, after: int, flags: int) -> int:
        if most == sre.MAXREPEAT:
            start = self._place(after)
            self._next[start].append(self._sequence(item, start, flags))
        else:
            start = after
            for _ in range(most - least):
                start = self._place(after, self._sequence(item, start, flags))
        for _ in range(least):
            start = self._sequence(item, start, flags)
        return start

    def _one(self, known: dict[Any, int], operation: Any, argument: Any, flags: int) -> int:
        """Return the number of a character or anchor, as `re` understands it."""
        key = (operation, repr(argument), int(flags))
        if key not in known:
            # On its own: flags of the whole expression would come back that hold no more here.
            one = sre_parser.SubPattern(sre_parser.State(), [(operation, argument)])
            known[key] = len(self._matches)
            self._matches.append(sre_compiler.compile(one, int(flags)).match)
        return known[key]
