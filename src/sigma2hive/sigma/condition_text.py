"""The condition language of Sigma rules: text to a tree of names.

Takes the text of `detection.condition`; gives nested `Named`, `Selector`, `Negation` and
`Junction`. Never looks at selections: resolving names is `sigma2hive.sigma.detections`' part.
pySigma has a grammar too, but it reads `notable` as `not able` and tells no column.

Source: https://sigmahq.io/docs/basics/conditions.html
"""

from __future__ import annotations

import re
from functools import lru_cache

from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """One selection by its name."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Selector:
    """`1 of pattern`, `all of pattern`, `1 of them`; `every` is true for "all"."""

    pattern: str
    every: bool
    offset: int


@dataclass(frozen=True, slots=True)
class Negation:
    """`not x`."""

    operand: Parsed


@dataclass(frozen=True, slots=True)
class Junction:
    """`x and y and …` (`every`) or `x or y or …`."""

    operands: tuple[Parsed, ...]
    every: bool


Parsed = Named | Selector | Negation | Junction


class ConditionError(ValueError):
    """The text is no condition; `offset` counts characters from its start."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.offset, self.hint = offset, hint


_TOKEN = re.compile(r"\s*(?:(?P<paren>[()])|(?P<word>[\w*?.-]+)|(?P<other>\S))")
_KEYWORDS = frozenset({"and", "or", "not", "of"})
_QUANTIFIERS = {"1": False, "any": False, "all": True}
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    offset: int
    is_word: bool


@lru_cache(maxsize=4096)
def parse_condition(text: str) -> Parsed:
    """Return the tree of a condition; `not` binds before `and`, `and` before `or`.

    Raises:
        ConditionError: what is wrong, and at which character.
    """
    if not text.strip():
        raise ConditionError("the condition is empty", 0, "name the selections to look for")
    parser = _Parser(_tokens(text), len(text))
    parsed = parser.disjunction(0)
    parser.expect_end()
    return parsed


def _tokens(text: str) -> list[_Token]:
    tokens = []
    for found in _TOKEN.finditer(text):
        if found["other"]:
            offset = found.start("other")
            if found["other"] == "|":
                raise ConditionError(
                    "aggregations after '|' are no longer part of Sigma",
                    offset,
                    "write a Sigma correlation instead (type: event_count, …)",
                )
            raise ConditionError(f"unexpected character {found['other']!r}", offset)
        group = "paren" if found["paren"] else "word"
        tokens.append(_Token(found[group], found.start(group), group == "word"))
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens, self._position, self._end = tokens, 0, end

    def disjunction(self, depth: int) -> Parsed:
        return self._junction("or", depth)

    def _junction(self, word: str, depth: int) -> Parsed:
        operands = [self._operand_of(word, depth)]
        while self._peek_is(word):
            self._position += 1
            operands.append(self._operand_of(word, depth))
        return operands[0] if len(operands) == 1 else Junction(tuple(operands), word == "and")

    def _operand_of(self, word: str, depth: int) -> Parsed:
        return self._junction("and", depth) if word == "or" else self._negation(depth)

    def _negation(self, depth: int) -> Parsed:
        negations = 0
        while self._peek_is("not"):
            self._position += 1
            negations += 1
        operand = self._operand(depth)
        return Negation(operand) if negations % 2 else operand

    def _operand(self, depth: int) -> Parsed:
        token = self._take("a selection name")
        if token.text == "(":
            if depth >= MAX_DEPTH:
                raise ConditionError("the parentheses are nested too deeply", token.offset)
            inner = self.disjunction(depth + 1)
            closing = self._take("')'")
            if closing.text != ")":
                raise ConditionError(f"expected ')', not {closing.text!r}", closing.offset)
            return inner
        if not token.is_word or token.text in _KEYWORDS:
            raise ConditionError(f"expected a selection name, not {token.text!r}", token.offset)
        if self._peek_is("of"):
            return self._selector(token)
        if token.text.lower() in _KEYWORDS:
            raise ConditionError(
                f"{token.text!r} is no operator", token.offset, "write operators in lower case"
            )
        return Named(token.text, token.offset)

    def _selector(self, quantifier: _Token) -> Selector:
        if quantifier.text not in _QUANTIFIERS:
            raise ConditionError(
                f"{quantifier.text!r} is no quantifier",
                quantifier.offset,
                "Sigma knows '1 of', 'any of' and 'all of'",
            )
        self._position += 1
        pattern = self._take("a pattern")
        if not pattern.is_word or pattern.text in _KEYWORDS:
            raise ConditionError(f"expected a pattern, not {pattern.text!r}", pattern.offset)
        return Selector(pattern.text, _QUANTIFIERS[quantifier.text], quantifier.offset)

    def expect_end(self) -> None:
        if self._position < len(self._tokens):
            token = self._tokens[self._position]
            hint = ""
            if token.text.lower() in _KEYWORDS and token.text not in _KEYWORDS:
                hint = "write operators in lower case"
            raise ConditionError(
                f"expected 'and', 'or' or the end, not {token.text!r}", token.offset, hint
            )

    def _peek_is(self, word: str) -> bool:
        return self._position < len(self._tokens) and self._tokens[self._position].text == word

    def _take(self, wanted: str) -> _Token:
        if self._position >= len(self._tokens):
            raise ConditionError(f"the condition ends where {wanted} should follow", self._end)
        token = self._tokens[self._position]
        self._position += 1
        return token
