"""Text patterns on fields that hold a text as one term: keyword, wildcard, constant_keyword.

Takes a pattern and where it is searched; gives bounds. `case_insensitive` folds ASCII only, which
is the folding table for patterns in ASCII; a pattern with other letters becomes a regular
expression that spells out their cases.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from sigma2hive.compiler.dsl.bounds import Bounds, Reason, exists, ignored
from sigma2hive.compiler.dsl.nodes import (
    MATCH_NONE,
    Either,
    Kind,
    Leaf,
    Node,
    all_of,
    any_of,
    either_of,
    escape_wildcards,
    never,
)
from sigma2hive.compiler.regexes import Language, language_of
from sigma2hive.compiler.regexes.charsets import same_letters, single, with_ascii_case
from sigma2hive.compiler.regexes.trees import ANY, ANYTHING, Chars, Tree, seq
from sigma2hive.compiler.utf16 import utf16_length, utf16_start
from sigma2hive.model.conditions import Text, Wildcard

Pattern = tuple[str | Wildcard, ...]

#: Runs of one character, and literals, are cut to so many characters where a `*` stands before
#: them: Lucene's cost grows with the square of a run.
_MAX_RUN = 8
_MAX_LITERAL = 200
_LONG_RUN = re.compile(rf"(.)\1{{{_MAX_RUN},}}", re.DOTALL)
_LETTER = re.compile(r"[A-Za-z]")
#: UTF-8 has no surrogates: the index holds U+FFFD in their place.
_SURROGATE = re.compile(r"[\ud800-\udfff]")
#: No character of Unicode's text: it stands where a run was cut.
_CUT = "\ufdd0"
_MAX_SINGLE_WILDCARDS = 4
_MAX_SEGMENTS = 10
#: `index.max_regex_length` limits prefixes too, in UTF-16 units.
_MAX_PREFIX = 1000
_MAX_TERM_BYTES = 32_766
_NUMERIC = frozenset("0123456789+-.eE")
#: Texts that may be a JSON number which is spelt otherwise where it is decided.
_FLOATS = r"\-?[0-9]+(\.[0-9]+([eE][+\-]?[0-9]+)?|[eE][+\-]?[0-9]+)"


class Slot(NamedTuple):
    """Where whole texts are indexed: the path, and the longest text in UTF-16 units that is.

    `lower_cased` where a normalizer put everything into lower case.
    """

    path: str
    limit: int
    lower_cased: bool = False


def text_bounds(test: Text, slot: Slot) -> Bounds:
    """Return the bounds of a pattern on whole texts."""
    if test.pattern == (Wildcard.ANY,):
        return with_unindexed(Bounds(exists(slot.path), exists(slot.path)), slot)
    found = _on_no_path(test, slot.lower_cased)
    bounds = _at(slot.path, found.bounds)
    if found.is_numeric:
        bounds = _numbers_too(test, bounds, slot)
    return with_unindexed(bounds, slot) if found.longest > slot.limit else bounds


def with_unindexed(bounds: Bounds, slot: Slot) -> Bounds:
    """Add the documents of which the index left out a value."""
    upper, left_out = bounds.upper, ignored(slot.path)
    # Of a field that may go unmapped this is said twice.
    if not (isinstance(upper, Either) and left_out in upper.parts):
        upper = either_of(upper, left_out)
    return Bounds(upper, bounds.lower, bounds.reason or Reason.UNINDEXED)


def can_exceed(test: Text, limit: int) -> bool:
    """Whether a text longer than `limit` UTF-16 units can meet the pattern."""
    return _longest(test) > limit


def _longest(test: Text) -> float:
    if Wildcard.ANY in test.pattern:
        return math.inf
    length = sum(1 if isinstance(part, Wildcard) else len(part) for part in test.pattern)
    # A character beyond the basic plane counts twice.
    return 2 * length


def meets(test: Text, text: str) -> bool:
    """Whether a whole ASCII text is the pattern; for texts that a profile lists."""
    return _matches(list(_units(test)), text if test.cased else text.lower())


def language_on(slot: Slot, wide: Language, narrow: Language) -> Bounds:
    """Return the bounds of a regular expression on whole texts."""
    reason = None if wide.exact and narrow.exact else Reason.REGEX
    if wide.pattern is None:
        upper = _holding(slot, wide.required)
        reason = Reason.TOO_COMPLEX
    else:
        upper = _regexp(slot, wide)
    bounds = Bounds(upper, _regexp(slot, narrow), reason)
    if wide.numeric:
        bounds = _floats_too(bounds, slot)
    return with_unindexed(bounds, slot)


def _holding(slot: Slot, literal: str) -> Node:
    if len(literal) < 3 or not literal.isascii():
        return exists(slot.path)
    pattern = (Wildcard.ANY, literal, Wildcard.ANY)
    return indexed_bounds(Text(pattern), slot).upper


def _regexp(slot: Slot, language: Language) -> Node:
    if language.pattern is None or language.is_nothing:
        return MATCH_NONE
    if language.is_any_text:
        return exists(slot.path)
    return Leaf(Kind.REGEXP, slot.path, language.pattern)


def indexed_bounds(test: Text, slot: Slot) -> Bounds:
    """Return the bounds on texts that are indexed, as they are spelt there."""
    return _at(slot.path, _on_no_path(test, slot.lower_cased).bounds)


def _at(path: str, bounds: Bounds) -> Bounds:
    upper, lower, reason = bounds
    placed = _leaf_at(path, upper)
    return Bounds(placed, placed if lower is upper else _leaf_at(path, lower), reason)


def _leaf_at(path: str, node: Node) -> Node:
    return Leaf(node.kind, path, node.value, node.folded) if isinstance(node, Leaf) else node


class _Found(NamedTuple):
    """What can be said of a pattern whatever the path: `bounds` are leaves that only lack theirs.

    `longest` is how many UTF-16 units a text may have that meets it.
    """

    bounds: Bounds
    is_numeric: bool
    longest: float


@lru_cache(maxsize=16384)  # each value is asked of several fields, for several targets, by rules
def _on_no_path(test: Text, is_lower_cased: bool) -> _Found:
    return _Found(_bounds_of(test, Slot("", 0, is_lower_cased)), is_numeric(test), _longest(test))


def _bounds_of(test: Text, slot: Slot) -> Bounds:
    literals = "".join([part for part in test.pattern if not isinstance(part, Wildcard)])
    eased = _eased(test.pattern)
    if slot.lower_cased:
        bounds = _on_lower_case(replace(test, pattern=eased), slot)
        is_same = eased == test.pattern and _is_indexable(eased)
        return bounds if is_same else Bounds(bounds.upper, MATCH_NONE, Reason.TOO_COMPLEX)
    if not test.cased and not literals.isascii() and any(map(_has_other_case, literals)):
        return _spelt_out(replace(test, pattern=eased), slot, eased == test.pattern)
    upper = _written(eased, slot.path, not test.cased)
    if not literals.isascii() and _SURROGATE.search(literals):
        return Bounds(upper, MATCH_NONE, Reason.LETTER_CASE)
    if eased != test.pattern or not _is_indexable(test.pattern):
        return Bounds(upper, MATCH_NONE, Reason.TOO_COMPLEX)
    return Bounds(upper, upper)


def _on_lower_case(test: Text, slot: Slot) -> Bounds:
    """Look for the pattern in lower case, as a normalizer made every value.

    Java's lower case of two characters beyond ASCII is an ASCII letter: K (Kelvin) and İ.
    """
    literals = "".join(part for part in test.pattern if not isinstance(part, Wildcard))
    if not literals.isascii():
        return Bounds(exists(slot.path), MATCH_NONE, Reason.LETTER_CASE)
    pattern = tuple(p if isinstance(p, Wildcard) else p.lower() for p in test.pattern)
    upper = _written(pattern, slot.path, False)
    if test.cased:
        return Bounds(upper, MATCH_NONE, Reason.LETTER_CASE)
    if not {"k", "i"}.isdisjoint(literals.lower()):
        return Bounds(upper, MATCH_NONE, Reason.CASELESS)
    return Bounds(upper, upper)


def _spelt_out(test: Text, slot: Slot, whole: bool) -> Bounds:
    """Spell out the cases of letters beyond ASCII, which `case_insensitive` leaves as they are."""
    tree = seq([_tree(unit) for unit in _units(test)])
    wide, narrow = language_of(tree, whole, True), language_of(tree, whole, False)
    if wide.pattern is not None:
        lower = _regexp(slot, narrow) if whole else MATCH_NONE
        return Bounds(_regexp(slot, wide), lower, None if wide.exact else Reason.TOO_COMPLEX)
    pattern = _joined(
        [
            Wildcard.ONE if not isinstance(unit, Wildcard) and _has_other_case(unit) else unit
            for unit in _units(test)
        ]
    )
    return Bounds(_written(_eased(pattern), slot.path, True), MATCH_NONE, Reason.LETTER_CASE)


def _tree(unit: str | Wildcard) -> Tree:
    if unit is Wildcard.ANY:
        return ANYTHING
    if unit is Wildcard.ONE:
        return ANY
    code = ord(unit)
    return Chars(with_ascii_case(((code, code),)) if code < 128 else same_letters(unit))


def _has_other_case(char: str) -> bool:
    return not char.isascii() and single(same_letters(char)) is None


def _units(test: Text) -> list[str | Wildcard]:
    """Return wildcards and single characters."""
    units: list[str | Wildcard] = []
    for part in test.pattern:
        if isinstance(part, Wildcard):
            units.append(part)
        else:
            units.extend(part if test.cased else (_lower(char) for char in part))
    return units


def _lower(char: str) -> str:
    return char.lower() if char.isascii() else char


def _joined(units: Sequence[str | Wildcard]) -> Pattern:
    joined: list[str | Wildcard] = []
    for unit in units:
        if not isinstance(unit, Wildcard) and joined and not isinstance(joined[-1], Wildcard):
            joined[-1] += unit
        else:
            joined.append(unit)
    return tuple(joined)


def _eased(pattern: Pattern) -> Pattern:
    """Return a pattern that takes at least the same texts and that Lucene can afford."""
    if _is_easy(pattern):  # nearly always
        return pattern
    eased: list[str | Wildcard] = []
    anywhere, singles, segments = False, 0, 0
    for part in pattern:
        if part is Wildcard.ANY:
            anywhere, segments = True, segments + 1
            _add(eased, (part,))
            if segments >= _MAX_SEGMENTS:
                return tuple(eased)
        elif part is Wildcard.ONE:
            singles += anywhere
            _add(eased, (part if singles <= _MAX_SINGLE_WILDCARDS else Wildcard.ANY,))
        else:
            _add(eased, _shortened(part) if anywhere else (part,))
    return tuple(eased)


def _is_easy(pattern: Pattern) -> bool:
    """Whether it is one short literal, with or without a `*` on either side of it."""
    literals = [part for part in pattern if part is not Wildcard.ANY]
    if len(literals) != 1 or len(pattern) > 3:
        return not pattern
    (literal,) = literals
    if isinstance(literal, Wildcard):
        return len(pattern) == 1
    is_apart = len(pattern) < 3 or pattern[1] is literal
    return is_apart and len(literal) <= _MAX_LITERAL and not _LONG_RUN.search(literal)


def _add(eased: list[str | Wildcard], parts: Sequence[str | Wildcard]) -> None:
    for part in parts:
        if part is not Wildcard.ANY or eased[-1:] != [Wildcard.ANY]:
            eased.append(part)


def _shortened(literal: str) -> Pattern:
    """Cut long runs of one character, and what is long altogether, with a `*` in their place."""
    if len(literal) > _MAX_LITERAL:
        return (*_shortened(literal[:_MAX_LITERAL]), Wildcard.ANY)
    if not _LONG_RUN.search(literal):  # nearly always
        return (literal,)
    pieces = _LONG_RUN.sub(lambda run: run.group()[:_MAX_RUN] + _CUT, literal).split(_CUT)
    parts: list[str | Wildcard] = []
    for position, piece in enumerate(pieces):
        parts.extend([Wildcard.ANY] if position else [])
        parts.extend([piece] if piece else [])
    return tuple(parts)


def _is_indexable(pattern: Pattern) -> bool:
    prefix = pattern[0] if pattern and not isinstance(pattern[0], Wildcard) else ""
    return utf16_length(prefix) <= _MAX_PREFIX


def _written(pattern: Pattern, path: str, folded: bool) -> Node:
    """Return the query for a pattern whose letters need no more than ASCII folding."""
    texts = [part for part in pattern if not isinstance(part, Wildcard)]
    folded = folded and _LETTER.search("".join(texts)) is not None
    literal = "".join(texts) if len(texts) == len(pattern) else None
    if literal is not None:
        if len(literal.encode("utf-8", "surrogatepass")) > _MAX_TERM_BYTES:
            return MATCH_NONE
        if utf16_length(literal) > _MAX_PREFIX and folded:
            return Leaf(Kind.PREFIX, path, _start(literal), folded)
        if _storable(literal) == literal:
            return Leaf(Kind.TERM, path, literal, folded)
    head = pattern[0]
    if not isinstance(head, Wildcard) and utf16_length(head) > _MAX_PREFIX:
        return Leaf(Kind.PREFIX, path, _start(head), folded)
    is_prefix = len(pattern) == 2 and pattern[1] is Wildcard.ANY
    if is_prefix and not isinstance(head, Wildcard) and _storable(head) == head:
        return Leaf(Kind.PREFIX, path, head, folded)
    if len(pattern) in (2, 3) and head is Wildcard.ANY and pattern[-1] in (pattern[1], head):
        # A `*`, a literal, and maybe another `*`.
        middle = pattern[1]
        if not isinstance(middle, Wildcard) and _storable(middle) == middle:
            kind = Kind.CONTAINS if len(pattern) == 3 else Kind.ENDS
            return Leaf(kind, path, middle, folded)
    return Leaf(Kind.WILDCARD, path, "".join(map(_escaped, pattern)), folded)


def _start(literal: str) -> str:
    return _storable(utf16_start(literal, _MAX_PREFIX))


def _storable(literal: str) -> str:
    """Cut a literal before its first surrogate, for which the index has another character."""
    found = None if literal.isascii() else _SURROGATE.search(literal)
    return literal[: found.start()] if found else literal


def _escaped(part: str | Wildcard) -> str:
    if isinstance(part, Wildcard):
        return part.value
    return _SURROGATE.sub("?", escape_wildcards(part))


def _numbers_too(test: Text, bounds: Bounds, slot: Slot) -> Bounds:
    """Allow for JSON numbers, which a keyword field holds as they were spelt.

    The pattern is one that numbers may meet.

    A float without fraction is the same value as the whole number to us, but Python and Java write
    it as 4625.0, and from ten million on Java writes 1.2345678E7.
    """
    if len(test.pattern) > 1 or test.literal is None:
        return _floats_too(bounds, slot)
    spellings = _as_floats(test.literal)
    if not spellings:
        # What reads like a float may be a whole number that was written so.
        return Bounds(bounds.upper, MATCH_NONE, bounds.reason or Reason.NUMBER_SPELLING)
    more = (Leaf(Kind.TERM, slot.path, spelling) for spelling in spellings)
    upper = any_of((bounds.upper, *more))
    return Bounds(upper, bounds.lower, bounds.reason or Reason.NUMBER_SPELLING)


def is_numeric(test: Text) -> bool:
    """Whether the pattern may be met by a number that is spelt otherwise where it is decided."""
    literals = [part for part in test.pattern if not isinstance(part, Wildcard)]
    if not all(map(_NUMERIC.issuperset, literals)):
        return False
    return bool(literals) or _asks_for_length(test)


def _asks_for_length(test: Text) -> bool:
    """Whether wildcards ask for more than that there is a character or none."""
    singles = test.pattern.count(Wildcard.ONE)
    return singles > 1 or (singles == 1 and Wildcard.ANY not in test.pattern)


def _floats_too(bounds: Bounds, slot: Slot) -> Bounds:
    """Leave open what is true of texts that may be JSON numbers in another spelling."""
    floats = Leaf(Kind.REGEXP, slot.path, _FLOATS)
    lower = MATCH_NONE if bounds.lower == MATCH_NONE else all_of((bounds.lower, never(floats)))
    upper = any_of((bounds.upper, floats))
    return Bounds(upper, lower, bounds.reason or Reason.NUMBER_SPELLING)


def _as_floats(literal: str) -> list[str]:
    digits = literal.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or (digits[0] == "0" and literal != "0"):
        return []
    sign = "-" if digits != literal else ""
    spellings = [f"{literal}.0", *(["-0.0"] if literal == "0" else [])]
    if 8 <= len(digits) <= 400:
        mantissa = digits.rstrip("0")
        spellings.append(f"{sign}{mantissa[0]}.{mantissa[1:] or '0'}E{len(digits) - 1}")
    return spellings


def _matches(units: list[str | Wildcard], text: str) -> bool:
    """Walk both from the left; `reached` are the places in the pattern that may be met so far."""
    reached = _past_stars(units, {0})
    for char in text:
        following = set()
        for place in reached:
            if place < len(units):
                unit = units[place]
                if unit is Wildcard.ANY:
                    following.add(place)
                elif unit is Wildcard.ONE or unit == char:
                    following.add(place + 1)
        reached = _past_stars(units, following)
    return len(units) in reached


def _past_stars(units: list[str | Wildcard], places: set[int]) -> set[int]:
    reached = set(places)
    for place in sorted(places):
        while place < len(units) and units[place] is Wildcard.ANY:
            place += 1  # noqa: PLW2901
            reached.add(place)
    return reached
