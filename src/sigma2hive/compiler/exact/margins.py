"""What is said of an atom, what is left unsaid, and why an atom cannot be said at all."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from sigma2hive.compiler.dsl.bounds import Reason
from sigma2hive.compiler.dsl.nodes import Node
from sigma2hive.records import dataclass


class Margin(StrEnum):
    """Unusual values of which a text says otherwise than the rule; all others are exact.

    What the index left out, no query language can find. Refusing every rule that could meet such a
    value would refuse nearly all, so each text names what it does not see.
    """

    UNINDEXED = (
        "values that the index left out (longer than ignore_above, malformed) are not seen; "
        "their documents have the field in _ignored"
    )
    SPELLING = "a number in a field of texts is found as usually spelt (4625, not 04625 or 4.6e3)"
    CASELESS = "a caseless subfield takes the Kelvin sign for k and the dotted capital I for i"
    ROUNDED = (
        "a field of whole numbers cuts fractions (4625.7 is 4625) and reads digits of any script"
    )
    EMPTY = "an empty text in a field of numbers or booleans leaves no trace, or is false"
    ADDRESS = "unusual spellings of addresses (a zone, leading zeros, IPv4 inside IPv6 as text)"
    SEVERAL = "of fields that are put together, each is taken to have one value"
    MISSING = "a field that the index does not have yet may come as of any type"


@dataclass(frozen=True, slots=True)
class Said:
    """A condition on fields of the index, true of exactly what is meant but for the margins.

    `unseen` are the paths of which the index may have left out values.
    """

    node: Node
    margins: frozenset[Margin] = field(default_factory=frozenset)
    unseen: frozenset[str] = field(default_factory=frozenset)


class Unsayable(Exception):
    """A part cannot be said exactly, for this reason. Never leaves the compiler."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def said(node: Node, *margins: Margin) -> Said:
    """Return what is said with these margins."""
    return Said(node, frozenset(margins))


def unseen(node: Node, path: str, *margins: Margin) -> Said:
    """Return what is said of a field of which the index may have left out values."""
    return Said(node, frozenset((Margin.UNINDEXED, *margins)), frozenset((path,)))
