"""Queries as a small algebra, kept simple while they are built, and rendered once.

Takes leaves (one test on one index field) and joins them; gives Elasticsearch's Query DSL as JSON
values. Knows nothing of Sigma. Everything is meant for filter context: nothing is scored.

Source: https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-bool-query
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeGuard

from sigma2hive.compiler.regexes import joined_literals
from sigma2hive.records import dataclass

#: Query DSL, as parsed JSON.
Json = dict[str, Any]

IGNORED = "_ignored"
#: `index.max_regex_length`.
_MAX_REGEXP = 1000
_ESCAPES = {ord(sign): f"\\{sign}" for sign in "\\*?"}


class Kind(StrEnum):
    """The kinds of leaf: queries of that name, but for those that say otherwise."""

    TERM = "term"
    PREFIX = "prefix"
    WILDCARD = "wildcard"
    REGEXP = "regexp"
    EXISTS = "exists"
    AT_LEAST = "gte"
    AT_MOST = "lte"
    #: Texts that hold, or end with, the literal `value`.
    CONTAINS = "contains"
    ENDS = "ends"
    #: Every text that could be a way to write the decimal number `value`.
    SPELLING = "spelling"

    # Enum's own hash, of the name, is Python.
    __hash__ = str.__hash__


#: So few nodes are compared sooner than hashed, since a hash walks all that is below a node.
_FEW = 6
#: By itself, since it is asked for of every leaf.
_EXISTS = Kind.EXISTS


class Leaf(NamedTuple):
    """One test on one field of the index. `folded` looks away from the letter case of ASCII.

    A tuple, since of thousands of rules very many are made and put into dictionaries.
    """

    kind: Kind
    path: str
    value: str | int | float | bool = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class All:
    """All of the parts; of none it is every document."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any of the parts; of none it is no document."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Never:
    """Every document that the part does not find."""

    part: Node


Node = Leaf | All | Either | Never

MATCH_ALL = All(())
MATCH_NONE = Either(())


def all_of(parts: Iterable[Node]) -> Node:
    """Return what all parts find; simple where it can be."""
    flat: list[Node] = []
    for part in parts:
        if isinstance(part, Leaf):  # mostly
            flat.append(part)
        elif isinstance(part, All):
            flat.extend(part.parts)
        elif isinstance(part, Either) and not part.parts:
            return MATCH_NONE
        else:
            flat.append(part)
    kept = _once(flat)
    return kept[0] if len(kept) == 1 else All(kept)


def any_of(parts: Iterable[Node]) -> Node:
    """Return what any part finds; simple where it can be."""
    flat: list[Node] = []
    for part in parts:
        if isinstance(part, Leaf):  # mostly
            flat.append(part)
        elif isinstance(part, Either):
            flat += part.parts
        elif isinstance(part, All) and not part.parts:
            return MATCH_ALL
        else:
            flat.append(part)
    if len(flat) == 1:
        return flat[0]
    kept = _without_implied(_once(flat))
    return kept[0] if len(kept) == 1 else Either(kept)


def either_of(first: Node, second: Leaf) -> Node:
    """Return what any of two finds, as `any_of` does; with fewer steps where it is two leaves."""
    if isinstance(first, Leaf) and _EXISTS not in (first.kind, second.kind) and first != second:
        return Either((first, second))
    return any_of((first, second))


def _once(parts: Sequence[Node]) -> tuple[Node, ...]:
    """Return each part once, in their order."""
    if len(parts) > _FEW:
        return tuple(dict.fromkeys(parts))
    kept: list[Node] = []
    for part in parts:
        if part not in kept:
            kept.append(part)
    return tuple(kept)


def never(part: Node) -> Node:
    """Return every document that the part does not find."""
    if part == MATCH_ALL:
        return MATCH_NONE
    if part == MATCH_NONE:
        return MATCH_ALL
    return part.part if isinstance(part, Never) else Never(part)


def leaves_of(node: Node) -> list[Leaf]:
    """Return every leaf, each as often as it stands there."""
    match node:
        case Leaf():
            return [node]
        case Never(part):
            return leaves_of(part)
        case All(parts) | Either(parts):
            return [leaf for part in parts for leaf in leaves_of(part)]


def size_of(node: Node) -> int:
    """Return how many leaves there are, each as often as it stands there."""
    match node:
        case Leaf():
            return 1
        case Never(part):
            return size_of(part)
        case All(parts) | Either(parts):
            return sum([1 if isinstance(part, Leaf) else size_of(part) for part in parts])


def depth_of(node: Node) -> int:
    """Return how many levels of `bool` the rendered query has."""
    match node:
        case Leaf():
            return 0
        case Never(part):
            return 1 + depth_of(part)
        case All(parts) | Either(parts):
            inner = [depth_of(part) for part in parts if not isinstance(part, Leaf)]
            return 1 + max(inner, default=0)


def _without_implied(parts: tuple[Node, ...]) -> tuple[Node, ...]:
    """Leave out what a leaf that only asks for the field finds anyway."""
    paths = [part.path for part in parts if isinstance(part, Leaf) and part.kind is _EXISTS]
    if not paths:  # mostly
        return parts
    return tuple(
        part
        for part in parts
        if not isinstance(part, Leaf) or part.kind is _EXISTS or part.path not in paths
    )


def render(node: Node) -> Json:
    """Return the Query DSL of a node."""
    match node:
        case Leaf():
            return _leaf(node)
        case Never():
            return {"bool": {"must_not": _clauses(node.part)}}
        case Either(parts):
            clauses = _alternatives(parts)
            if not clauses:
                return {"match_none": {}}
            # Of a bool with nothing but `should`, one clause must be met.
            return clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses}}
        case All(parts):
            return render_filter(parts) if parts else {"match_all": {}}


def render_filter(parts: Sequence[Node]) -> Json:
    """Return a `bool` that filters by all parts, in their order."""
    filters = [render(part) for part in parts if not isinstance(part, Never)]
    excluded = [
        clause for part in parts if isinstance(part, Never) for clause in _clauses(part.part)
    ]
    content: Json = {"filter": filters} if filters else {}
    if excluded:
        content["must_not"] = excluded
    return {"bool": content}


def _clauses(node: Node) -> list[Json]:
    return _alternatives(node.parts) if isinstance(node, Either) else [render(node)]


def _alternatives(parts: Sequence[Node]) -> list[Json]:
    """Render alternatives, what can be looked for at once in one clause."""
    clauses: list[Json] = []
    grouped: dict[tuple[Kind, str, bool], list[str]] = {}
    for part in parts:
        if _is_joinable(part):
            kind, path, value, folded = part
            grouped.setdefault((kind, path, folded), []).append(str(value))
        else:
            clauses.append(render(part))
    for (kind, path, folded), texts in grouped.items():
        if kind is Kind.SPELLING:
            clauses.extend(_regexp(path, pattern) for pattern in _spellings(texts))
        elif len(texts) == 1:
            clauses.append(_leaf(Leaf(kind, path, texts[0], folded)))
        elif kind is Kind.TERM:
            clauses.append({"terms": {path: texts}})
        else:
            patterns = joined_literals(texts, folded, kind is Kind.CONTAINS)
            clauses.extend(_regexp(path, pattern) for pattern in patterns)
    return clauses


def _is_joinable(part: Node) -> TypeGuard[Leaf]:
    if not isinstance(part, Leaf) or not isinstance(part.value, str):
        return False
    return part.kind in _JOINED or (part.kind is Kind.TERM and not part.folded)


_JOINED = frozenset({Kind.SPELLING, Kind.CONTAINS, Kind.ENDS})


def _leaf(leaf: Leaf) -> Json:
    kind, path, value, folded = leaf
    if kind in _OTHERWISE:
        return _other_leaf(leaf)
    if kind in (Kind.CONTAINS, Kind.ENDS):
        after = "*" if kind is Kind.CONTAINS else ""
        kind, value = Kind.WILDCARD, f"*{escape_wildcards(str(value))}{after}"
    content: Json = {"value": value}
    if folded:
        content["case_insensitive"] = True
    return {kind.value: {path: content}}


#: Kinds of which the value stands otherwise.
_OTHERWISE = frozenset({Kind.EXISTS, Kind.AT_LEAST, Kind.AT_MOST, Kind.SPELLING, Kind.REGEXP})


def _other_leaf(leaf: Leaf) -> Json:
    match leaf.kind:
        case Kind.EXISTS:
            return {"exists": {"field": leaf.path}}
        case Kind.SPELLING:
            (pattern,) = _spellings([str(leaf.value)])
            return _regexp(leaf.path, pattern)
        case Kind.REGEXP:
            return _regexp(leaf.path, str(leaf.value))
        case kind:
            return {"range": {leaf.path: {kind.value: leaf.value}}}


def escape_wildcards(literal: str) -> str:
    """Return the literal as a `wildcard` query takes it."""
    return literal.translate(_ESCAPES)


def _regexp(path: str, pattern: str) -> Json:
    return {"regexp": {path: {"value": pattern, "flags": "NONE"}}}


#: What no finite list of numbers can say: digits with an exponent.
_EXPONENTS = r"[+\-]?[0-9.]+[eE][+\-]?[0-9]+"


def _spellings(numbers: Sequence[str]) -> list[str]:
    """Return patterns that take every way to write the numbers, each within Lucene's limit."""
    patterns: list[str] = []
    for number in numbers:
        spelling = _spelling(number)
        if patterns and len(patterns[-1]) + len(spelling) + 1 <= _MAX_REGEXP:
            patterns[-1] += f"|{spelling}"
        else:
            patterns.append(f"{_EXPONENTS}|{spelling}")
    return patterns


def _spelling(number: str) -> str:
    sign = r"\-" if number.startswith("-") else r"\+?"
    whole, _, fraction = number.removeprefix("-").partition(".")
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if not whole and not fraction:
        return r"[+\-]?(0+(\.0*)?|\.0+)"
    return rf"{sign}0*{whole}" + (rf"\.{fraction}0*" if fraction else r"(\.0*)?")
