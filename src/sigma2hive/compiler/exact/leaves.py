"""Leaves on texts, taken apart: as literals and wildcards, or as a regular expression of Lucene's.

Takes a leaf whose value is a text; gives what a language writes. Letter case is spelt out in the
expression (`[aA]`), since query languages fold it each in their own way.
"""

from __future__ import annotations

from sigma2hive.compiler.dsl.bounds import Reason
from sigma2hive.compiler.dsl.nodes import Kind, Leaf
from sigma2hive.compiler.exact.margins import Unsayable
from sigma2hive.compiler.regexes import spelt_out
from sigma2hive.compiler.regexes.lucene import MAX_LENGTH
from sigma2hive.compiler.utf16 import utf16_length
from sigma2hive.model.conditions import Wildcard

_WILDCARDS = {Wildcard.ANY: ".*", Wildcard.ONE: "."}


def units_of(leaf: Leaf) -> tuple[str | Wildcard, ...]:
    """Return the literals and wildcards of a leaf that is no expression."""
    value = str(leaf.value)
    match leaf.kind:
        case Kind.TERM:
            return (value,)
        case Kind.PREFIX:
            return (value, Wildcard.ANY)
        case Kind.CONTAINS:
            return (Wildcard.ANY, value, Wildcard.ANY)
        case Kind.ENDS:
            return (Wildcard.ANY, value)
        case Kind.WILDCARD:
            return _wildcards(value)
    raise ValueError(f"a leaf of the kind {leaf.kind} has no literals")


def expression_of(leaf: Leaf) -> str:
    """Return the regular expression that whole texts are, in Lucene's syntax.

    Raises:
        Unsayable: Elasticsearch would not take it.
    """
    if leaf.kind is Kind.REGEXP:
        expression = str(leaf.value)
        if utf16_length(expression) > MAX_LENGTH:
            raise Unsayable(Reason.TOO_COMPLEX)
        return expression
    # What `dsl.texts` made a leaf of is cheap enough for Lucene; only the length can be too much.
    expression = "".join(
        _WILDCARDS[unit] if isinstance(unit, Wildcard) else spelt_out(unit, leaf.folded)
        for unit in units_of(leaf)
    )
    if utf16_length(expression) > MAX_LENGTH:
        raise Unsayable(Reason.TOO_COMPLEX)
    return expression


def _wildcards(escaped: str) -> tuple[str | Wildcard, ...]:
    """Read a pattern as `escape_wildcards` wrote its literals."""
    units: list[str | Wildcard] = []
    literal, is_escaped = "", False
    for char in escaped:
        if not is_escaped and char == "\\":
            is_escaped = True
        elif not is_escaped and char in "*?":
            units += [literal, Wildcard(char)] if literal else [Wildcard(char)]
            literal = ""
        else:
            literal, is_escaped = literal + char, False
    return (*units, literal) if literal else tuple(units)
