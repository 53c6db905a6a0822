r"""Regular expressions without letter case, by our folding table.

Takes a pattern of Python's `re`; gives one in which every letter beyond ASCII stands for all its
cases, as a class: under `i`, "É" and "\xc9" become "[Éé]", and "[À-ß]" takes its small letters too.
With re.ASCII Python passes over the case of ASCII letters only, so that the result means with it
exactly what the folding table says, on values as they are. Flags of groups are followed.

The pattern is known to compile. Source: https://docs.python.org/3/library/re.html
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import cache

from sigma2hive.model.folding import folding_table
from sigma2hive.records import dataclass

_CATEGORIES = "dDsSwW"
#: Categories that hold characters beyond ASCII.
_WIDE_CATEGORIES = "DSW"
_CONTROLS = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_LAST_OF_BMP = 0xFFFF

#: Inclusive code points.
_Range = tuple[int, int]


class NotFoldable(ValueError):
    """The expression asks for what the table cannot do; `hint` says what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class _Flags:
    ignore_case: bool
    verbose: bool = False


@dataclass(slots=True)
class _Group:
    """An open group: its number (0 captures nothing), and the flags around it."""

    number: int
    outer: _Flags


def without_case(pattern: str, ignore_case: bool) -> str:
    """Return the pattern with the letters beyond ASCII named in all cases, where `i` asks for it.

    Raises:
        NotFoldable: the flag u, or a reference to letters beyond ASCII whose case is to be ignored.
    """
    return _Writer(pattern, _Flags(ignore_case)).write()


@dataclass(slots=True)
class _Writer:
    pattern: str
    flags: _Flags
    position: int = 0
    written: list[str] = field(default_factory=list)
    open: list[_Group] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    count: int = 0
    #: Numbers of the groups that may hold a character beyond ASCII.
    wide: set[int] = field(default_factory=set)

    def write(self) -> str:
        while self.position < len(self.pattern):
            start = self.position
            match self._next():
                case "\\":
                    self._escape(start)
                case "[":
                    self._class(start)
                case "(":
                    self._group(start)
                case ")":
                    self.flags = self.open.pop().outer
                    self._copy(start)
                case ".":
                    self._mark_wide()
                    self._copy(start)
                case "#" if self.flags.verbose:
                    self._skip_to("\n")
                    self._copy(start)
                case char:
                    self._letter(ord(char), start)
        return "".join(self.written)

    def _next(self) -> str:
        self.position += 1
        return self.pattern[self.position - 1]

    def _take(self, text: str) -> bool:
        if not self.pattern.startswith(text, self.position):
            return False
        self.position += len(text)
        return True

    def _skip_to(self, text: str) -> None:
        end = self.pattern.find(text, self.position)
        self.position = len(self.pattern) if end < 0 else end + len(text)

    def _copy(self, start: int) -> None:
        self.written.append(self.pattern[start : self.position])

    def _mark_wide(self) -> None:
        self.wide.update(group.number for group in self.open)

    def _letter(self, code: int, start: int) -> None:
        if code > 127:
            self._mark_wide()
            letters = _letters().get(code, ())
            if letters and self.flags.ignore_case:
                self.written.append(f"[{''.join(map(chr, letters))}]")
                return
        self._copy(start)

    def _escape(self, start: int) -> None:
        char = self._next()
        if char in string.digits and (number := self._referred(char)):
            self._reference(number, start)
        elif char in _CATEGORIES:
            if char in _WIDE_CATEGORIES:
                self._mark_wide()
            self._copy(start)
        else:
            # Anchors are letters of ASCII, and so copied as well.
            self._letter(self._code(char), start)

    def _referred(self, first: str) -> int:
        """Return the number of the group that an escaped digit refers to; 0 is an octal number."""
        following = self.pattern[self.position : self.position + 2]
        if first == "0" or re.fullmatch("[0-3][0-7][0-7]", first + following):
            return 0
        if following[:1] and following[0] in string.digits:
            self.position += 1
            return int(first + following[0])
        return int(first)

    def _reference(self, number: int, start: int) -> None:
        if number in self.wide:
            if self.flags.ignore_case:
                reference = self.pattern[start : self.position]
                raise NotFoldable(
                    f"{reference} refers to what may be letters beyond ASCII, and their case "
                    "cannot be ignored there",
                    f"write (?-i:{reference}) to ask for the same letters in the same case",
                )
            self._mark_wide()
        self._copy(start)

    def _code(self, char: str) -> int:
        """Return the code point that a backslash and `char` stand for."""
        if char in _HEX_DIGITS:
            start, self.position = self.position, self.position + _HEX_DIGITS[char]
            return int(self.pattern[start : self.position], 16)
        if char == "N":
            start = self.position + 1
            self._skip_to("}")
            return ord(unicodedata.lookup(self.pattern[start : self.position - 1]))
        if char in string.octdigits:
            start = self.position - 1
            while (
                self.position < min(start + 3, len(self.pattern))
                and self.pattern[self.position] in string.octdigits
            ):
                self.position += 1
            return int(self.pattern[start : self.position], 8)
        return _CONTROLS.get(char, ord(char))

    def _group(self, start: int) -> None:
        group = _Group(0, self.flags)
        if not self._take("?"):
            group.number = self._numbered("")
        elif self._take("#"):
            self._skip_to(")")
            self._copy(start)
            return
        elif self._take("P="):
            name = self._name(")")
            self._reference(self.numbers[name], start)
            return
        elif self._take("P<"):
            group.number = self._numbered(self._name(">"))
        elif self._take("("):
            self._skip_to(")")
        elif not any(map(self._take, (":", "=", "!", "<=", "<!", ">"))) and not self._flagged():
            self._copy(start)
            return
        self.open.append(group)
        self._copy(start)

    def _numbered(self, name: str) -> int:
        self.count += 1
        if name:
            self.numbers[name] = self.count
        return self.count

    def _name(self, end: str) -> str:
        start = self.position
        self._skip_to(end)
        return self.pattern[start : self.position - 1]

    def _flagged(self) -> bool:
        """Read flags; whether a group begins with them, which they hold for."""
        on = True
        while (letter := self._next()) not in ":)":
            if letter == "-":
                on = False
            elif letter == "i":
                self.flags = replace(self.flags, ignore_case=on)
            elif letter == "x":
                self.flags = replace(self.flags, verbose=on)
            elif letter == "u":
                raise NotFoldable(
                    "the flag u is not supported: \\w, \\d, \\s and \\b are ASCII in Sigma",
                    "remove it, and name the letters that are meant",
                )
        return letter == ":"

    def _class(self, start: int) -> None:
        negated = self._take("^")
        categories, ranges = self._class_items()
        beyond = [span for span in ranges if span[1] > 127]
        if beyond or negated or any(name in _WIDE_CATEGORIES for name in categories):
            self._mark_wide()
        if not self.flags.ignore_case or not _has_cases(beyond):
            self._copy(start)
            return
        spans = "".join(map(_span, _in_all_cases(ranges)))
        names = "".join(f"\\{name}" for name in categories)
        text = f"[{'^' * negated}{names}{spans}]"
        # Beyond the first plane Python looks at the case of ranges once more, by its own table.
        is_high = any(high > _LAST_OF_BMP for _, high in beyond)
        self.written.append(f"(?-i:{text})" if is_high else text)

    def _class_items(self) -> tuple[list[str], list[_Range]]:
        """Read up to the bracket that closes the class: its categories, and its characters."""
        categories: list[str] = []
        ranges: list[_Range] = []
        is_first = True
        while is_first or not self._take("]"):
            is_first = False
            low = self._class_item()
            if isinstance(low, str):
                categories.append(low)
                continue
            high: str | int = low
            if self.pattern[self.position] == "-" and self.pattern[self.position + 1] != "]":
                self.position += 1
                high = self._class_item()
            if isinstance(high, int):
                ranges.append((low, high))
        return categories, ranges

    def _class_item(self) -> str | int:
        char = self._next()
        if char != "\\":
            return ord(char)
        char = self._next()
        return char if char in _CATEGORIES else self._code(char)


def _span(span: _Range) -> str:
    low, high = map(_class_text, span)
    return low if low == high else f"{low}-{high}"


def _class_text(code: int) -> str:
    char = chr(code)
    return char if code > 127 or char.isalnum() else f"\\x{code:02x}"


def _has_cases(ranges: Sequence[_Range]) -> bool:
    return any(low <= code <= high for code in _letters() for low, high in ranges)


def _in_all_cases(ranges: Iterable[_Range]) -> list[_Range]:
    """Return the ranges with every letter whose other case is in them, joined and in order."""
    spans = list(ranges)
    ascii_letters = {ord(char): (ord(char.swapcase()),) for char in string.ascii_letters}
    others = [
        (other, other)
        for code, cases in {**ascii_letters, **_letters()}.items()
        if any(low <= code <= high for low, high in spans)
        for other in cases
    ]
    joined: list[_Range] = []
    for low, high in sorted([*spans, *others]):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


@cache
def _letters() -> Mapping[int, tuple[int, ...]]:
    """Return each letter beyond ASCII that has cases → all its cases, itself among them."""
    by_target: dict[int, set[int]] = {}
    for source, target in folding_table().items():
        if target > 127:
            by_target.setdefault(target, {target}).add(source)
    return {code: tuple(sorted(codes)) for codes in by_target.values() for code in codes}
