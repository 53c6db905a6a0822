"""Texts that an expression cannot be found without.

Takes a `Regex`; gives sets of folded texts: of each set one stands in every value that the
expression is found in, each after the one before. So a value without them is told cheaply.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from re import _constants as sre  # type: ignore[attr-defined]  # how Python itself reads expressions
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from sigma2hive.model.conditions import Regex
from sigma2hive.model.folding import fold

#: Sets with more alternatives say too little.
_MOST_ALTERNATIVES = 64

Requirements = Sequence[frozenset[str]]


def regex_flags(test: Regex) -> re.RegexFlag:
    """Return the flags that Python's `re` reads the expression with."""
    # With re.ASCII letter case is ignored for ASCII letters; of others the pattern names all cases.
    flags = re.ASCII
    flags |= re.IGNORECASE if test.ignore_case else 0
    flags |= re.MULTILINE if test.multiline else 0
    flags |= re.DOTALL if test.dotall else 0
    return flags


def parsed(test: Regex) -> Any:
    """Return the expression as Python reads it; None where it cannot."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return sre_parser.parse(test.pattern, regex_flags(test))
    except (re.error, RecursionError, OverflowError):
        return None


def requirements_of(test: Regex) -> Requirements:
    """Return what must stand in every value that the expression is found in, in this order."""
    return requirements_in(parsed(test))


def requirements_in(tree: Any) -> Requirements:
    """Return the same of an expression as Python read it, nothing of None."""
    return () if tree is None else _Required().of(tree)


def beginning_of(tree: Any) -> str:
    """Return the folded text that an expression's finds begin with; "" where it may differ."""
    return "" if tree is None else _Required().beginning(tree)


def may_be_in(value: str, requirements: Requirements) -> bool:
    """Whether a value has what an expression asks for, each text behind the one before."""
    folded = fold(value) if requirements else ""
    end = 0
    for texts in requirements:
        # Each as early as it can be, which leaves most for those that follow.
        ends = [at + len(text) for text in texts if (at := folded.find(text, end)) >= 0]
        if not ends:
            return False
        end = min(ends)
    return True


def best_of(found: Iterable[frozenset[str]]) -> frozenset[str] | None:
    """Return the requirement that fewest values meet, as far as lengths tell."""
    usable = [texts for texts in found if len(texts) <= _MOST_ALTERNATIVES]
    return max(usable, key=lambda texts: (_shortest(texts), -len(texts)), default=None)


def _shortest(texts: frozenset[str]) -> int:
    return min(map(len, texts))


class _Required:
    """Walks an expression and collects runs of characters that must follow each other."""

    def __init__(self) -> None:
        self._found: list[frozenset[str]] = []
        self._run: list[str] = []

    def of(self, tree: Iterable[tuple[Any, Any]]) -> list[frozenset[str]]:
        """Return all requirements of the tree: each a set of which one text must be there."""
        self._walk(tree)
        self._end_run()
        return self._found

    def beginning(self, tree: Iterable[tuple[Any, Any]]) -> str:
        """Return the text that all that is found begins with."""
        for operation, argument in tree:
            if not self._has_taken(operation, argument):
                break
        return "".join(self._run)

    def _has_taken(self, operation: Any, argument: Any) -> bool:
        """Take what is one letter, in any case, or no character at all; return whether it was."""
        if operation is sre.LITERAL:
            self._run.append(fold(chr(argument)))
        elif operation is sre.IN and (single := _only_letter(argument)):
            self._run.append(single)
        else:
            return operation is sre.AT
        return True

    def _walk(self, tree: Iterable[tuple[Any, Any]]) -> None:
        for operation, argument in tree:
            if self._has_taken(operation, argument):
                continue
            if operation is sre.SUBPATTERN and not argument[1] & re.UNICODE:
                self._walk(argument[3])
            else:
                self._end_run()
                self._look_into(operation, argument)

    def _look_into(self, operation: Any, argument: Any) -> None:
        if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            least, _, item = argument
            if least:
                self._walk(item)
                self._end_run()
        elif operation is sre.ATOMIC_GROUP:
            self._walk(argument)
            self._end_run()
        elif operation is sre.BRANCH:
            branches = [best_of(_Required().of(branch)) for branch in argument[1]]
            if all(branches):
                self._found.append(frozenset().union(*(texts for texts in branches if texts)))

    def _end_run(self) -> None:
        if self._run:
            self._found.append(frozenset(("".join(self._run),)))
            self._run = []


def _only_letter(members: Sequence[tuple[Any, Any]]) -> str | None:
    """Return the folded letter that a class such as [pP] means, None where it means several."""
    letters = set()
    for operation, argument in members:
        if operation is not sre.LITERAL:
            return None
        letters.add(fold(chr(argument)))
    return letters.pop() if len(letters) == 1 else None
