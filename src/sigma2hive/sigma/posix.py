"""What regular expressions of other kinds say that Python's would silently read otherwise."""

from __future__ import annotations

import re

from sigma2hive.sigma.problems import ValueProblem

#: POSIX class → what to write inside the brackets instead.
_POSIX = {
    "alnum": "A-Za-z0-9",
    "alpha": "A-Za-z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\s",
    "upper": "A-Z",
    "word": "\\w",
    "xdigit": "0-9A-Fa-f",
}
_OPENING = re.compile(r"\[\^?\]?")
_CLASS_NAME = re.compile(r"\[:\^?(\w+):\]")
_ALONE = re.compile(r"\[\^?:(\w+):\]")
_ELEMENT = re.compile(r"\[([.=])[^\]]+?\1\]")


def refuse_posix_classes(pattern: str) -> None:
    """Refuse `[[:alpha:]]` and its like, which Python reads as a set of those letters.

    Raises:
        ValueProblem: the expression has one.
    """
    position, inside = 0, False
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position += 2
            continue
        if character == "[":
            _refuse_at(pattern, position, inside=inside)
            if not inside:
                inside = True
                # A bracket that comes first is a character of the set.
                opening = _OPENING.match(pattern, position)
                position = opening.end() if opening else position + 1
                continue
        elif character == "]":
            inside = False
        position += 1


def _refuse_at(pattern: str, position: int, *, inside: bool) -> None:
    found = (_CLASS_NAME if inside else _ALONE).match(pattern, position)
    if found is not None and found[1] in _POSIX:
        raise ValueProblem(
            "S2H215",
            f"{found[0]} is a class of POSIX; here it would mean one of the characters in it",
            f"write {_POSIX[found[1]]} inside the brackets",
        )
    if inside and (element := _ELEMENT.match(pattern, position)):
        raise ValueProblem(
            "S2H215",
            f"{element[0]} is an element of POSIX; here it would mean one of the characters in it",
            "write the characters themselves",
        )
