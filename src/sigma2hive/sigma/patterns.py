r"""Sigma strings as patterns of literals and wildcards, and what modifiers make of patterns.

Takes texts as rules have them, and patterns; gives patterns. `\*` and `\?` are the characters, `\\`
is one backslash, any other backslash is itself. Two `*` in a row are one, and two literals are one.

Source: https://sigmahq.io/docs/basics/modifiers.html; Sigma 2.1, Modifiers Appendix (windash)
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from itertools import product

from sigma2hive.model.conditions import Wildcard

Pattern = tuple[str | Wildcard, ...]

#: Of fewer bytes, no digit of base64 is the same whatever stands before and after.
LEAST_BYTES = 2

_SPECIAL = re.compile(r"\\([\\*?])|([*?])")
#: What introduces an option on Windows, each as good as the others. pySigma knows the first two.
DASHES = "-/\u2013\u2014\u2015"
_DASH = re.compile(rf"\B[{DASHES}]\b")
_PLACEHOLDER = re.compile(r"(?<!\\)%([^%]+)%")
#: How much of a text's base64, shifted by so many bytes, depends on what stands before …
_STARTS = (0, 2, 3)
#: … and after it, by the bytes beyond the last whole three.
_ENDS = (None, -3, -2)


def pattern_of(text: str) -> Pattern:
    """Return what a text says that may have wildcards."""
    if "*" not in text and "?" not in text:
        return literal_of(text.replace("\\\\", "\\"))
    parts: list[str | Wildcard] = []
    end = 0
    for found in _SPECIAL.finditer(text):
        escaped, wildcard = found.groups()
        parts += (text[end : found.start()], escaped or Wildcard(wildcard))
        end = found.end()
    return joined((*parts, text[end:]))


def literal_of(text: str) -> Pattern:
    """Return the pattern of this text and no other."""
    return (text,) if text else ()


def joined(parts: Iterable[str | Wildcard]) -> Pattern:
    """Return the one pattern that says the same as these parts in a row."""
    made: list[str | Wildcard] = []
    for part in parts:
        last = made[-1] if made else Wildcard.ANY
        if isinstance(part, str) and isinstance(last, str):
            made[-1] = last + part
        elif part and (part is not Wildcard.ANY or not made or last is not Wildcard.ANY):
            made.append(part)
    return tuple(made)


def open_at_start(pattern: Pattern) -> Pattern:
    """Return the pattern for values that end with it: `|endswith`."""
    return pattern if pattern and pattern[0] is Wildcard.ANY else (Wildcard.ANY, *pattern)


def open_at_end(pattern: Pattern) -> Pattern:
    """Return the pattern for values that start with it: `|startswith`."""
    return pattern if pattern and pattern[-1] is Wildcard.ANY else (*pattern, Wildcard.ANY)


def open_at_both(pattern: Pattern) -> Pattern:
    """Return the pattern for values that have it anywhere: `|contains`."""
    return open_at_end(open_at_start(pattern))


def base64_of(data: bytes) -> Pattern:
    """Return the pattern of the bytes in base64: `|base64`."""
    return literal_of(b64encode(data).decode("ascii"))


def base64_anywhere(data: bytes) -> list[Pattern]:
    """Return what the base64 of more than these bytes has of them at each of three offsets.

    That is `|base64offset`; `data` are at least `LEAST_BYTES`.
    """
    return [
        literal_of(
            b64encode(offset * b" " + data)[
                _STARTS[offset] : _ENDS[(len(data) + offset) % 3]
            ].decode("ascii")
        )
        for offset in range(3)
    ]


def dashes_in(pattern: Pattern) -> int:
    """Return how many dashes stand before words, each of which is one of `DASHES`."""
    return sum(len(_DASH.findall(part)) for part in pattern if isinstance(part, str))


def in_all_dashes(pattern: Pattern) -> list[Pattern]:
    """Return the pattern with each dash before a word written in all ways: `|windash`."""
    return _in_all_ways(pattern, _DASH, lambda _: [(dash,) for dash in DASHES])


def placeholders_in(pattern: Pattern) -> list[str]:
    """Return the names of what `with_placeholders` replaces, in their order."""
    return [
        name for part in pattern if isinstance(part, str) for name in _PLACEHOLDER.findall(part)
    ]


def with_placeholders(pattern: Pattern, values_of: Callable[[str], Sequence[str]]) -> list[Pattern]:
    """Return the pattern with each value of its placeholders put in: `|expand`."""
    return _in_all_ways(
        pattern, _PLACEHOLDER, lambda found: [pattern_of(text) for text in values_of(found[1])]
    )


def _in_all_ways(
    pattern: Pattern, what: re.Pattern[str], ways: Callable[[re.Match[str]], Sequence[Pattern]]
) -> list[Pattern]:
    """Return the pattern with what fits `what` written in all ways; the last one changes first."""
    parts: list[Sequence[Pattern]] = []
    for part in pattern:
        end = 0
        for found in what.finditer(part) if isinstance(part, str) else ():
            parts += ([(found.string[end : found.start()],)], ways(found))
            end = found.end()
        parts.append([(part[end:] if isinstance(part, str) else part,)])
    return [joined(piece for way in chosen for piece in way) for chosen in product(*parts)]
