"""What must stand in a value for it to meet a test: the texts that are searched for first.

Takes a test on one value; gives a `Lookup` that says how the values that may meet it are found.
Almost every test names some text, so that one search for the texts of all tests leaves few values
to decide. What is found so is a superset, or exact where the `Lookup` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

from sigma2hive.engine.predicates import ValueTest
from sigma2hive.engine.requirements import best_of, requirements_of
from sigma2hive.model.conditions import Boolean, Number, Regex, Text, Wildcard
from sigma2hive.model.fields import FieldType
from sigma2hive.model.folding import fold, fold_encoded
from sigma2hive.model.scalars import address_of, number_of
from sigma2hive.records import dataclass

#: Before and after each value in what is searched; no byte of UTF-8.
EDGE = b"\xff"

#: ASCII texts of fewer bytes are in so many values that to search for them saves nothing.
_SHORTEST = 3


@dataclass(frozen=True, slots=True)
class Lookup:
    """How the values that meet a test are found.

    The folded value is `equal`, or the value is the `number`, or it has one of `needles` in it
    (bytes, with `EDGE` where the value begins or ends). None of these means that every value has to
    be decided. `is_exact`: no more has to be decided of a value that was found.
    """

    equal: str | None = None
    number: Decimal | None = None
    needles: tuple[bytes, ...] = ()
    is_exact: bool = False


EVERY_VALUE = Lookup()


def lookup_of(test: ValueTest, field_type: FieldType) -> Lookup:
    """Return how values of a field of this type that meet the test are found."""
    match test:
        case Text():
            return _text(test, field_type)
        case Regex():
            return _needles(best_of(requirements_of(test)))
        case Boolean(boolean):
            return Lookup(equal="true" if boolean else "false", is_exact=True)
        case Number(number):
            return Lookup(number=Decimal(str(number)), is_exact=True)
    return EVERY_VALUE


@lru_cache(maxsize=4096)
def needed_characters(test: ValueTest) -> frozenset[str]:
    """Return characters of which one stands in every value that meets the test; none: unknown.

    They have no letter case, so that the value can be asked for them as it is. An expression may
    take time that grows with the square of a value's length to find that it is not there.
    """
    if not isinstance(test, Regex):
        return frozenset()
    texts = best_of(requirements_of(test)) or frozenset()
    each = [next(filter(_has_no_case, text), None) for text in texts]
    return frozenset() if None in each else frozenset(filter(None, each))


def _has_no_case(character: str) -> bool:
    return character.isascii() and not character.isalpha()


def _text(test: Text, field_type: FieldType) -> Lookup:
    literal = test.literal
    if field_type is FieldType.IP and (literal is None or address_of(literal) is not None):
        return EVERY_VALUE
    if literal is not None:
        if field_type.is_numeric and (number := number_of(literal, hexadecimal=True)) is not None:
            return Lookup(number=number, is_exact=True)
        return Lookup(equal=fold(literal), is_exact=not test.cased)
    pieces = list(_pieces(test))
    if not pieces:
        return EVERY_VALUE
    longest = max(pieces, key=len)
    is_whole = len(test.pattern) - sum(part is Wildcard.ANY for part in test.pattern) == 1
    if not _is_rare(longest):
        return EVERY_VALUE
    return Lookup(needles=(longest,), is_exact=is_whole and not test.cased)


def _pieces(test: Text) -> Iterator[bytes]:
    """Yield what stands between the wildcards, with the edges where none is there."""
    parts = _joined(test.pattern)
    for position, part in enumerate(parts):
        if isinstance(part, str):
            start = EDGE if position == 0 else b""
            end = EDGE if position == len(parts) - 1 else b""
            yield start + fold_encoded(part) + end


def _joined(pattern: Sequence[str | Wildcard]) -> list[str | Wildcard]:
    parts: list[str | Wildcard] = []
    for part in pattern:
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    return parts


def _needles(alternatives: Iterable[str] | None) -> Lookup:
    if alternatives is None:
        return EVERY_VALUE
    needles = tuple({fold_encoded(text): None for text in alternatives})
    return Lookup(needles=needles) if all(map(_is_rare, needles)) else EVERY_VALUE


def _is_rare(needle: bytes) -> bool:
    return len(needle) >= _SHORTEST or not needle.removeprefix(EDGE).removesuffix(EDGE).isascii()
