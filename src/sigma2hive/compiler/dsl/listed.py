"""Texts that a rule lists for the same fields: what `atoms` says of each, in a fifth of the steps.

Takes texts one after the other; puts the parts of "any of them" into a list. Only for keyword
fields that documents have, which are nearly all that rules list texts for; `atoms` decides what it
means, and both must say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from sigma2hive.compiler.dsl.atoms import has_caseless_form
from sigma2hive.compiler.dsl.bounds import IMPLICIT_LIMIT, Reason, ignored, worse_of
from sigma2hive.compiler.dsl.nodes import Node
from sigma2hive.compiler.dsl.texts import FoundText, at_path, found_text
from sigma2hive.model.conditions import Text, Wildcard
from sigma2hive.model.fields import Field, FieldType

_ANY_TEXT = (Wildcard.ANY,)
_KEYWORDS = (FieldType.KEYWORD, FieldType.WILDCARD)


class Spot(NamedTuple):
    """A keyword field: its path, the longest text in UTF-16 units that is indexed.

    `lower_cased` where a normalizer put everything into lower case; `caseless` is the path of the
    subfield that has it so, "" where there is none. `dynamic` where no mapping names the field.
    """

    path: str
    limit: int
    lower_cased: bool
    caseless: str
    dynamic: bool


@lru_cache(maxsize=4096)
def spots_of(fields: tuple[Field, ...]) -> tuple[Spot, ...]:
    """Return the fields as spots; () where one of them is asked in another way."""
    if not all(map(_is_usual, fields)):
        return ()
    return tuple(
        Spot(
            field.path,
            field.ignore_above or IMPLICIT_LIMIT,
            field.caseless == field.path,
            field.caseless if field.caseless != field.path else "",
            field.dynamic,
        )
        for field in fields
    )


def _is_usual(field: Field) -> bool:
    is_whole = field.derived is None and field.below is None
    return is_whole and not field.opaque and not field.is_runtime and field.type in _KEYWORDS


def usual_text(test: Text) -> FoundText | None:
    """Return what can be said of a text whatever the path; None where more has to be asked."""
    if test.pattern == _ANY_TEXT:
        return None
    found = found_text(test, False)
    return None if found.is_numeric else found


def add_text(
    test: Text, found: FoundText, spots: Iterable[Spot], wide: bool, into: list[Node]
) -> Reason | None:
    """Add what finds a text in any of the fields, and return why that is not exact.

    `found` is what `usual_text` gives. What is added finds all (`wide`), or only what meets it.
    """
    worst: Reason | None = None
    for path, limit, lower_cased, caseless, dynamic in spots:
        bounds = found_text(test, True).bounds if lower_cased else found.bounds
        left_out = Reason.UNINDEXED if found.longest > limit else None
        reason = bounds.reason or left_out
        asked, upper = path, bounds.upper
        if caseless and has_caseless_form(test):
            asked, (upper, _, other) = caseless, found_text(test, True).bounds
            reason = worse_of((other or left_out, reason))
        if wide:
            into.append(at_path(asked, upper))
            if left_out:
                into.append(ignored(asked))
            if dynamic:
                into.append(ignored(path))
        else:
            into.append(at_path(path, bounds.lower))
        if dynamic:
            reason = reason or Reason.UNINDEXED
        if reason is not worst:
            worst = worse_of((worst, reason))
    return worst
