"""What a query can say of an atom: at most this, at least that.

`upper` finds every document of which the atom is true, and maybe more; `lower` finds none of which
it is false, and maybe fewer. A rule's query takes upper bounds under an even number of NOTs and
lower bounds under an odd one, so that it never misses what the engine would find.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from sigma2hive.compiler.dsl.nodes import IGNORED, MATCH_ALL, MATCH_NONE, Kind, Leaf, Node, any_of
from sigma2hive.model.fields import Field

#: Data streams in logsdb mode do not index longer values of any field, whatever its mapping says.
#: Source: https://www.elastic.co/docs/manage-data/data-store/data-streams/logs-data-stream
IMPLICIT_LIMIT = 8191


class Reason(StrEnum):
    """Why a query cannot say a part exactly. What it finds is decided again."""

    UNINDEXED = "values that the index left out (too long, malformed) are looked at one by one"
    NUMBER_SPELLING = "a number may be spelt in other ways (4625.0, 04625, 4.625e3)"
    CASELESS = "a caseless subfield takes the Kelvin sign for k and the dotted capital I for i"
    RUNTIME = "a runtime field takes the Kelvin sign for k, the long s for s, dotless i for i"
    LETTER_CASE = "the index folds the letter case of these characters otherwise"
    TOO_COMPLEX = "the pattern is too large for Lucene and was shortened"
    REGEX = "Lucene's regular expressions cannot say this (look-around, back-reference, word edge)"
    NUMBER = "the index rounds numbers, or cannot compare them in text"
    ANALYSED = "the field is analysed text without a keyword subfield"
    MISSING = "a field that the index does not have yet may come as of any type"
    OPAQUE = "the index only tells whether the field has a value (normalized, or of several types)"
    TYPE = "the field's type does not hold the text as it came"
    DERIVED = "the field is put together from several fields of the index"
    FIELD_REFERENCE = "queries cannot compare two fields"
    TIME = "queries cannot take a time apart"
    MANY_FIELDS = "the search is over every field below a path"
    HIDDEN = "the language cannot write out a character here that a reader would not see"
    TOO_MANY_CLAUSES = "the rule has more values than one query should hold"

    # Enum's own hash, of the name, is Python.
    __hash__ = str.__hash__

    @property
    def is_rare(self) -> bool:
        """Whether only unusual values make the difference, and others are found exactly."""
        return self in _RARE


_RARE = frozenset(
    {
        Reason.UNINDEXED,
        Reason.NUMBER_SPELLING,
        Reason.CASELESS,
        Reason.RUNTIME,
        Reason.MISSING,
    }
)


class Bounds(NamedTuple):
    """Both bounds of a part; `reason` says why they differ, None where both are exact."""

    upper: Node
    lower: Node
    reason: Reason | None = None


def exactly(node: Node) -> Bounds:
    """Return bounds that meet."""
    return Bounds(node, node)


def anything(reason: Reason) -> Bounds:
    """Return bounds that say nothing."""
    return Bounds(MATCH_ALL, MATCH_NONE, reason)


def at_most(node: Node, reason: Reason) -> Bounds:
    """Return an upper bound only."""
    return Bounds(node, MATCH_NONE, reason)


def worse_of(reasons: Iterable[Reason | None]) -> Reason | None:
    """Return the first reason that is not rare, else the first, None where there is none."""
    given = list(dict.fromkeys(reason for reason in reasons if reason is not None))
    if len(given) <= 1:
        return given[0] if given else None
    return min(given, key=lambda reason: reason.is_rare)


def any_bounds(parts: Sequence[Bounds]) -> Bounds:
    """Return the bounds of "any of the parts"."""
    if len(parts) == 1:  # nearly always
        return parts[0]
    return Bounds(
        any_of([part.upper for part in parts]),
        any_of([part.lower for part in parts]),
        worse_of([part.reason for part in parts]),
    )


@lru_cache(maxsize=1024)  # each path is asked for with every value
def exists(path: str) -> Leaf:
    """Return the query for documents in which the field is indexed."""
    return Leaf(Kind.EXISTS, path)


@lru_cache(maxsize=1024)
def ignored(path: str) -> Leaf:
    """Return the query for documents of which the index left out a value of the field."""
    return Leaf(Kind.TERM, IGNORED, path)


def has_value(field: Field) -> Node:
    """Return the query for documents that have any value in the field, indexed or not."""
    return any_of((exists(field.path), ignored(field.path)))
