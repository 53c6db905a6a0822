"""Fields that a profile puts together from others: what their parts must hold.

Takes a test on a derived field; gives an upper bound on its parts. There is no lower bound, since
only the first value of a part counts, which a query cannot ask for.

A literal of the pattern is cut at every character of the separator; each piece then lies within one
part. So `IMPHASH=abc` in Sysmon's Hashes is a process.pe.imphash that starts with abc.
"""

from __future__ import annotations

from functools import lru_cache

from sigma2hive.compiler.dsl.bounds import (
    IMPLICIT_LIMIT,
    Bounds,
    Reason,
    at_most,
    ignored,
)
from sigma2hive.compiler.dsl.existence import existence, some_part
from sigma2hive.compiler.dsl.nodes import Kind, Leaf, Node, all_of, any_of
from sigma2hive.compiler.dsl.texts import Slot, meets, text_bounds
from sigma2hive.model.conditions import Boolean, Test, Text, Wildcard
from sigma2hive.model.fields import Derived, Field, FieldType, Part

#: A pattern on more parts than these costs more than it saves.
_MAX_PARTS = 4
#: At most so many pieces of one pattern are asked for.
_MAX_PIECES = 2
_KEYWORDS = (FieldType.KEYWORD, FieldType.WILDCARD)
_STAR = Wildcard.ANY
_HEX = frozenset("0123456789abcdefABCDEF")
#: A text that is no hash: putting it into upper case could change more than the letter case.
_NO_HASH = ".*[^0-9A-Fa-f].*"


def derived_bounds(test: Test, field: Field, derived: Derived) -> Bounds:
    """Return the bounds of a test, other than of existence, on a derived field."""
    if isinstance(test, Boolean):
        test = Text(("true" if test.boolean else "false",))
    if not isinstance(test, Text) or len(derived.parts) > _MAX_PARTS:
        return at_most(some_part(field), Reason.DERIVED)
    parts = tuple(zip(derived.parts, field.parts, strict=True))
    if not derived.is_joined or len(parts) == 1:
        upper = any_of([_part_meets(test, part, source) for part, source in parts])
    else:
        pieces = _pieces(test, derived.separator)
        held = [any_of([_holds(piece, *pair) for pair in parts]) for piece in pieces]
        upper = all_of(held) if pieces else some_part(field)
    return at_most(upper, Reason.DERIVED)


def _pieces(test: Text, separator: str) -> list[str]:
    """Return literals that each lie within one part, longest first."""
    if not separator:
        return []
    edges = {*separator, *separator.lower(), *separator.upper()}
    found: set[str] = set()
    for literal in test.pattern:
        if not isinstance(literal, Wildcard):
            piece = "".join("\0" if char in edges else char for char in literal)
            found.update(piece.split("\0"))
    return sorted(found - {""}, key=lambda piece: (-len(piece), piece))[:_MAX_PIECES]


def _part_meets(test: Text, part: Part, source: Field) -> Node:
    """Return where prefix, value and suffix of a part together are the pattern."""
    if part.replace:
        return _replaced(test, part, source)
    if not part.prefix and not part.suffix:
        return _value_meets(test, part, source)
    literals = [part for part in test.pattern if not isinstance(part, Wildcard)]
    longest = sorted(literals, key=len, reverse=True)[:_MAX_PIECES]
    return all_of(
        [existence(source).upper, *(_holds(literal, part, source) for literal in longest)]
    )


def _holds(piece: str, part: Part, source: Field) -> Node:
    """Return where prefix, value and suffix of a part together hold the piece, in any case."""
    if part.replace:
        return _replaced(Text((_STAR, piece, _STAR)), part, source)
    wanted, prefix, suffix = piece.lower(), part.prefix.lower(), part.suffix.lower()
    is_ascii = wanted.isascii() and prefix.isascii() and suffix.isascii()
    if not is_ascii or wanted in prefix or wanted in suffix:
        return existence(source).upper
    within = Text((_STAR, piece, _STAR))
    befores, afters = _overlaps(prefix, wanted), _overlaps(wanted, suffix)
    if not befores and not afters:  # mostly
        return _value_meets(within, part, source)
    patterns = [within]
    for before in (0, *befores):
        for after in (0, *afters):
            if (before or after) and before + after <= len(piece):
                rest = piece[before : len(piece) - after]
                start = () if before else (_STAR,)
                end = () if after else (_STAR,)
                patterns.append(Text((*start, rest, *end) if rest else (*start, *end)))
    return any_of(_value_meets(pattern, part, source) for pattern in patterns)


def _overlaps(left: str, right: str) -> list[int]:
    """Return every length at which the end of `left` is the start of `right`, rising."""
    found: list[int] = []
    start = left.rfind(right[0]) if right else -1
    while start >= 0:
        if right.startswith(left[start:]):
            found.append(len(left) - start)
        start = left.rfind(right[0], 0, start)
    return found


def _replaced(test: Text, part: Part, source: Field) -> Node:
    texts = [part.prefix + text + part.suffix for text in part.replace.values()]
    if part.upper or not _holds_texts(source) or not all(map(str.isascii, texts)):
        return existence(source).upper
    given = zip(part.replace, texts, strict=True)
    keys = [key for key, text in given if meets(test, text)]
    return any_of(Leaf(Kind.TERM, source.path, key) for key in keys)


def _value_meets(test: Text, part: Part, source: Field) -> Node:
    """Return where the value, put into upper case or hexadecimal as the part says, is the pattern.

    An upper bound: more values are fine.
    """
    if part.hex_digits:
        return _in_hexadecimal(test, part, source)
    if not _holds_texts(source):
        return existence(source).upper
    limit = source.ignore_above or IMPLICIT_LIMIT
    slot = Slot(source.path, limit, lower_cased=source.caseless == source.path)
    if not part.upper:
        return text_bounds(test, slot).upper
    for literal in test.pattern:
        if not isinstance(literal, Wildcard) and not _HEX.issuperset(literal):
            return _no_hash(source.path)
    return any_of((text_bounds(Text(test.pattern), slot).upper, _no_hash(source.path)))


@lru_cache(maxsize=256)  # every hash of every rule is asked with it
def _no_hash(path: str) -> Node:
    return any_of((Leaf(Kind.REGEXP, path, _NO_HASH), ignored(path)))


def _holds_texts(source: Field) -> bool:
    return source.type in _KEYWORDS and not source.opaque


def _in_hexadecimal(test: Text, part: Part, source: Field) -> Node:
    if not test.literal:
        return existence(source).upper
    literal = test.literal.lower()
    if not set(literal) <= _HEX or len(literal) > 17:
        return any_of(())
    number = int(literal, 16)
    if f"{number:0{part.hex_digits}x}" != literal:
        return any_of(())
    if source.type is FieldType.LONG:
        return any_of((Leaf(Kind.TERM, source.path, number), ignored(source.path)))
    if not _holds_texts(source):
        return existence(source).upper
    return any_of((Leaf(Kind.SPELLING, source.path, str(number)), ignored(source.path)))
