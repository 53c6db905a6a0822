r"""Conditions in Elastic's Event Query Language.

Takes leaves and nodes; gives text. Every field is optional (`?field`), so that an index without it
finds nothing there instead of refusing the query. `:` and `like` read `*` and `?` as wildcards and
know no escape, and `:` folds ASCII: where that is not what is meant, `regex` spells it out. A
comparison with a missing field is null, and so is its `not`: under a negation each is asked
together with whether the field is there.

Source: https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeGuard

from sigma2hive.compiler.dsl.nodes import (
    MATCH_ALL,
    MATCH_NONE,
    All,
    Either,
    Kind,
    Leaf,
    Never,
    Node,
)
from sigma2hive.compiler.exact.addresses import Address
from sigma2hive.compiler.exact.leaves import expression_of, units_of
from sigma2hive.compiler.exact.rules import Statement
from sigma2hive.model.conditions import Wildcard
from sigma2hive.model.visible import is_hidden, visible

_PLAIN_NAME = re.compile(r"[A-Za-z_@][A-Za-z0-9_@]*(\.[A-Za-z_@][A-Za-z0-9_@]*)*")
#: Words of the language, which as a name need quotes.
_WORDS = frozenset(
    [
        "and",
        "any",
        "by",
        "false",
        "in",
        "in~",
        "join",
        "like",
        "like~",
        "maxspan",
        "not",
        "null",
        "of",
        "or",
        "regex",
        "regex~",
        "sample",
        "sequence",
        "tail",
        "head",
        "true",
        "until",
        "where",
        "with",
        "untilwhere",
    ]
)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
#: Spaces that a reader takes for the usual one.
_SPACES = "\xa0\u2028\u2029"


def write_query(statement: Statement) -> str:
    """Return the whole query."""
    parts = [part for part in (statement.gate, statement.condition) if part != MATCH_ALL]
    node = parts[0] if len(parts) == 1 else All(tuple(parts))
    return f"any where {_written(node, False, outermost=True)}"


def write_leaf(leaf: Leaf, guarded: bool) -> str:
    """Return a leaf as a comparison, together with that the field is there where `guarded`.

    Raises:
        Unsayable: an expression would be longer than Elasticsearch takes.
    """
    field = _field(leaf.path)
    if leaf.kind is Kind.EXISTS:
        return f"{field} != null"
    return _guarded(field, _comparison(field, leaf), guarded)


def _guarded(field: str, comparison: str, guarded: bool) -> str:
    return f"({field} != null and {comparison})" if guarded else comparison


def _comparison(field: str, leaf: Leaf) -> str:
    value = leaf.value
    if isinstance(leaf, Address) and "/" in str(value):
        return f"cidrMatch({field}, {_quoted(str(value))})"
    if isinstance(value, bool):
        return f"{field} == {'true' if value else 'false'}"
    match leaf.kind:
        case Kind.AT_LEAST:
            return f"{field} >= {value}"
        case Kind.AT_MOST:
            return f"{field} <= {value}"
    if not isinstance(value, str):
        return f"{field} == {value}"
    operator, text = _text(leaf)
    return f"{field} {operator} {text}"


@lru_cache(maxsize=4096)  # it is checked, then written, and by several rules
def _text(leaf: Leaf) -> tuple[str, str]:
    """Return the operator and the text that a leaf on texts is compared with."""
    if leaf.kind is Kind.REGEXP:
        return "regex", _expression(leaf)
    if leaf.kind is Kind.TERM and not leaf.folded:
        return "==", _quoted(str(leaf.value))
    units = units_of(leaf)
    literals = "".join(unit for unit in units if not isinstance(unit, Wildcard))
    if "*" in literals or "?" in literals:
        return "regex", _expression(leaf)
    text = "".join(unit.value if isinstance(unit, Wildcard) else unit for unit in units)
    return (":" if leaf.folded else "like"), _quoted(text)


def _expression(leaf: Leaf) -> str:
    expression = expression_of(leaf)
    # Between three quotes a backslash is itself; there is no line break, and no quote at the end.
    is_seen = expression.isprintable() and visible(expression) == expression
    is_raw = is_seen and '"""' not in expression and expression[-1:] != '"'
    return f'"""{expression}"""' if is_raw and expression else _quoted(expression)


def _written(node: Node, guarded: bool, outermost: bool = False) -> str:
    if node == MATCH_ALL:
        return "true"
    if node == MATCH_NONE:
        return "false"
    match node:
        case Leaf():
            return write_leaf(node, guarded)
        case Never(Leaf() as leaf) if leaf.kind is Kind.EXISTS:
            return f"{_field(leaf.path)} == null"
        case Never(part):
            text = _written(part, True)
            return f"not {text}" if text.startswith("(") else f"not ({text})"
        case Either(parts):
            return _joined(list(_alternatives(parts, guarded)), "or", outermost)
        case All(parts):
            return _joined([_written(part, guarded) for part in parts], "and", outermost)


def _joined(clauses: Sequence[str], word: str, outermost: bool) -> str:
    if len(clauses) == 1:
        return clauses[0]
    text = f" {word} ".join(clauses)
    return text if outermost else f"({text})"


def _alternatives(parts: Sequence[Node], guarded: bool) -> Iterator[str]:
    """Yield alternatives, texts that one field is compared with alike in one list."""
    lists: dict[tuple[str, str], list[str]] = {}
    for part in parts:
        if _is_text(part):
            operator, text = _text(part)
            lists.setdefault((part.path, operator), []).append(text)
    for part in parts:
        if not _is_text(part):
            yield _written(part, guarded)
            continue
        operator, _ = _text(part)
        texts = lists.pop((part.path, operator), [])
        field = _field(part.path)
        if len(texts) == 1:
            yield _guarded(field, f"{field} {operator} {texts[0]}", guarded)
        elif texts:
            word = "in" if operator == "==" else operator
            yield _guarded(field, f"{field} {word} ({', '.join(texts)})", guarded)


def _is_text(part: Node) -> TypeGuard[Leaf]:
    return (
        isinstance(part, Leaf)
        and not isinstance(part, Address)
        and isinstance(part.value, str)
        and part.kind is not Kind.EXISTS
    )


@lru_cache(maxsize=1024)
def _field(path: str) -> str:
    is_plain = _PLAIN_NAME.fullmatch(path) and _WORDS.isdisjoint(path.split("."))
    return f"?{path}" if is_plain else f"?`{path.replace('`', '``')}`"


def _quoted(text: str) -> str:
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return f"\\u{{{ord(char):x}}}" if char in _SPACES or is_hidden(char) else char
