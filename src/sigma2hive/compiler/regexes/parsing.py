r"""Reads a regular expression as Python's `re` does with re.ASCII; gives a tree.

What a tree cannot say (look-arounds, references to groups, atomic groups) is read so that the tree
takes more texts (`wide`) or fewer than the expression, and `exact` tells. The pattern is known to
compile, so mistakes are not looked for.

Source: https://docs.python.org/3/library/re.html#regular-expression-syntax
"""

from __future__ import annotations

import string
import unicodedata
from dataclasses import replace

from sigma2hive.compiler.regexes.charsets import (
    DIGITS,
    EVERY,
    NEWLINE,
    NONE,
    SPACES,
    WORDS,
    CharSet,
    complement,
    union,
    with_ascii_case,
)
from sigma2hive.compiler.regexes.trees import (
    ANYTHING,
    EMPTY,
    NOTHING,
    Anchor,
    Chars,
    Repeat,
    Tree,
    alt,
    seq,
)
from sigma2hive.model.conditions import Regex
from sigma2hive.records import dataclass

_CATEGORIES = {
    "d": DIGITS,
    "D": complement(DIGITS),
    "w": WORDS,
    "W": complement(WORDS),
    "s": SPACES,
    "S": complement(SPACES),
}
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HEX_LENGTHS = {"x": 2, "u": 4, "U": 8}
_MAX_DEPTH = 60


class Unsupported(ValueError):
    """The expression uses what this parser does not read."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A tree, and whether it takes exactly the expression's texts."""

    tree: Tree
    exact: bool


@dataclass(frozen=True, slots=True)
class _Flags:
    ignore_case: bool
    multiline: bool
    dotall: bool


def parse_regex(regex: Regex, wide: bool) -> Parsed:
    """Return the expression as a tree with anchors.

    Raises:
        Unsupported: it uses what is not read here (verbose mode, Unicode or locale classes).
    """
    parser = _Parser(regex, wide)
    tree = parser.alternatives(_Flags(regex.ignore_case, regex.multiline, regex.dotall), 0)
    if parser.position != len(regex.pattern):
        raise Unsupported(regex.pattern[parser.position :])
    return Parsed(tree, parser.exact)


class _Parser:
    def __init__(self, regex: Regex, wide: bool) -> None:
        self.pattern, self.position, self.exact = regex.pattern, 0, True
        self._wide = wide

    def alternatives(self, flags: _Flags, depth: int) -> Tree:
        if depth > _MAX_DEPTH:
            raise Unsupported("nested too deeply")
        options: list[Tree] = []
        while True:
            items: list[Tree] = []
            while not self._ahead("|") and not self._ahead(")") and not self._at_end():
                flags, item = self._item(flags, depth)
                items.append(item)
            options.append(seq(items))
            if not self._take("|"):
                return alt(options)

    def _item(self, flags: _Flags, depth: int) -> tuple[_Flags, Tree]:
        flags, atom = self._atom(flags, depth)
        while (limits := self._quantifier()) is not None:
            least, most = limits
            if self._take("+"):
                # Possessive: it gives nothing back, so fewer texts are found.
                atom = self._inexact(_repeated(atom, least, most))
            else:
                self._take("?")
                atom = _repeated(atom, least, most)
        return flags, atom

    def _quantifier(self) -> tuple[int, int | None] | None:
        for sign, limits in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return limits
        start = self.position
        if self._take("{"):
            low = self._digits()
            high = self._digits() if (comma := self._take(",")) else low
            if (low or comma) and self._take("}"):
                return int(low or 0), int(high) if high else None
            self.position = start
        return None

    def _atom(self, flags: _Flags, depth: int) -> tuple[_Flags, Tree]:
        char = self._next()
        match char:
            case "(":
                return self._group(flags, depth)
            case "[":
                return flags, self._class(flags)
            case ".":
                return flags, Chars(EVERY if flags.dotall else complement(NEWLINE))
            case "^":
                return flags, Anchor.LINE_START if flags.multiline else Anchor.START
            case "$":
                return flags, Anchor.LINE_END if flags.multiline else Anchor.LAST_LINE_END
            case "\\":
                return flags, self._escape(flags)
        return flags, _one_of(_letter(char, flags))

    def _group(self, flags: _Flags, depth: int) -> tuple[_Flags, Tree]:
        if not self._take("?"):
            return flags, self._closed(flags, depth)
        if self._take("#"):
            self.position = self.pattern.index(")", self.position) + 1
            return flags, EMPTY
        for look in ("<=", "<!", "=", "!"):
            if self._take(look):
                self._closed(flags, depth)
                return flags, self._inexact(EMPTY)
        if self._take("P="):
            self.position = self.pattern.index(")", self.position) + 1
            return flags, self._inexact(ANYTHING)
        if self._take(">"):
            return flags, self._inexact(self._closed(flags, depth))
        if self._take("("):
            return flags, self._conditional(flags, depth)
        if self._take("P<"):
            self.position = self.pattern.index(">", self.position) + 1
            return flags, self._closed(flags, depth)
        return self._flagged(flags, depth)

    def _conditional(self, flags: _Flags, depth: int) -> Tree:
        self.position = self.pattern.index(")", self.position) + 1
        # Without its "no" branch it may also be empty, which the wide reading allows.
        branches = self._closed(flags, depth)
        return self._inexact(alt([branches, EMPTY]))

    def _flagged(self, flags: _Flags, depth: int) -> tuple[_Flags, Tree]:
        new, on = flags, True
        while not self._ahead(":") and not self._ahead(")"):
            letter = self._next()
            if letter == "-":
                on = False
            elif letter == "i":
                new = replace(new, ignore_case=on)
            elif letter == "m":
                new = replace(new, multiline=on)
            elif letter == "s":
                new = replace(new, dotall=on)
            elif letter != "a":
                raise Unsupported(f"the flag {letter}")
        if self._take(":"):
            return flags, self._closed(new, depth)
        self._next()
        return new, EMPTY

    def _closed(self, flags: _Flags, depth: int) -> Tree:
        tree = self.alternatives(flags, depth + 1)
        if not self._take(")"):
            raise Unsupported("an open group")
        return tree

    def _escape(self, flags: _Flags) -> Tree:
        char = self._next()
        if char in _CATEGORIES:
            return Chars(_CATEGORIES[char])
        anchors = {
            "A": Anchor.START,
            "Z": Anchor.END,
            "z": Anchor.END,
            "b": Anchor.WORD_EDGE,
            "B": Anchor.NO_WORD_EDGE,
        }
        if char in anchors:
            return anchors[char]
        if char in "123456789":
            return self._numbered(char, flags)
        return _one_of(_letter(self._escaped(char), flags))

    def _numbered(self, first: str, flags: _Flags) -> Tree:
        following = self.pattern[self.position : self.position + 2]
        octal = first + following
        if (
            len(octal) == 3
            and first in "0123"
            and all(digit in string.octdigits for digit in octal)
        ):
            self.position += 2
            return _one_of(_letter(chr(int(octal, 8)), flags))
        if following[:1] and following[0] in string.digits:
            self.position += 1
        return self._inexact(ANYTHING)

    def _escaped(self, char: str) -> str:
        """Return the character that a backslash and `char` stand for."""
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char in _HEX_LENGTHS:
            digits = self.pattern[self.position : self.position + _HEX_LENGTHS[char]]
            self.position += len(digits)
            return chr(int(digits, 16))
        if char == "N":
            end = self.pattern.index("}", self.position)
            name = self.pattern[self.position + 1 : end]
            self.position = end + 1
            return unicodedata.lookup(name)
        if char in string.octdigits:
            digits = char
            while len(digits) < 3 and not self._at_end() and self._peek() in string.octdigits:
                digits += self._next()
            return chr(int(digits, 8))
        return char

    def _class(self, flags: _Flags) -> Tree:
        negated = self._take("^")
        chars: CharSet = NONE
        first = True
        while first or not self._ahead("]"):
            first = False
            low = self._class_item()
            if isinstance(low, str) and self._ahead("-") and not self._ahead("-]"):
                self._next()
                high = self._class_item()
                if not isinstance(high, str):
                    raise Unsupported("a range up to a class")
                chars = union(chars, _range(low, high, flags))
            elif isinstance(low, str):
                chars = union(chars, _letter(low, flags))
            else:
                chars = union(chars, low)
        self._next()
        return _one_of(complement(chars) if negated else chars)

    def _class_item(self) -> str | CharSet:
        char = self._next()
        if char != "\\":
            return char
        char = self._next()
        if char in _CATEGORIES:
            return _CATEGORIES[char]
        return "\b" if char == "b" else self._escaped(char)

    def _inexact(self, widened: Tree) -> Tree:
        self.exact = False
        return widened if self._wide else NOTHING

    def _at_end(self) -> bool:
        return self.position >= len(self.pattern)

    def _peek(self) -> str:
        return self.pattern[self.position]

    def _next(self) -> str:
        if self._at_end():
            raise Unsupported("an unfinished expression")
        self.position += 1
        return self.pattern[self.position - 1]

    def _ahead(self, text: str) -> bool:
        return self.pattern.startswith(text, self.position)

    def _take(self, text: str) -> bool:
        if not self._ahead(text):
            return False
        self.position += len(text)
        return True

    def _digits(self) -> str:
        start = self.position
        while not self._at_end() and self._peek() in string.digits:
            self.position += 1
        return self.pattern[start : self.position]


def _letter(char: str, flags: _Flags) -> CharSet:
    return _range(char, char, flags)


def _range(low: str, high: str, flags: _Flags) -> CharSet:
    # Letters beyond ASCII stand for themselves: the pattern names all their cases.
    chars: CharSet = ((ord(low), ord(high)),)
    return with_ascii_case(chars) if flags.ignore_case else chars


def _one_of(chars: CharSet) -> Tree:
    return Chars(chars) if chars else NOTHING


def _repeated(item: Tree, least: int, most: int | None) -> Tree:
    if item == NOTHING:
        return EMPTY if least == 0 else NOTHING
    return item if (least, most) == (1, 1) else Repeat(item, least, most)
