r"""Conditions in the syntax of `query_string`, Lucene's classic query parser.

Takes leaves and nodes; gives text. Every reserved character is escaped; a literal is quoted, so
that blanks, slashes and AND, OR and NOT as words mean nothing; letter case is spelt out in a
regular expression, where each sign is escaped, `@ & # ~ < >` among them.

Source: https://github.com/apache/lucene, QueryParser.jj of lucene/queryparser/classic
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

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
from sigma2hive.compiler.exact.leaves import expression_of, units_of
from sigma2hive.compiler.exact.rules import Statement
from sigma2hive.model.conditions import Wildcard

_EVERYTHING = "*:*"
#: Everything but letters, digits, "_" and ".": escaped, a character is itself.
_RESERVED = re.compile(r"[^\w.]")
_WORDS = ("AND", "OR", "NOT")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff]")
_FREE_IN_QUOTES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def write_query(statement: Statement) -> str:
    """Return the whole query."""
    parts = [part for part in (statement.gate, statement.condition) if part != MATCH_ALL]
    if not parts:
        return _EVERYTHING
    node = parts[0] if len(parts) == 1 else All(tuple(parts))
    return _written(node, outermost=True)


def write_leaf(leaf: Leaf) -> str:
    """Return a leaf as a clause.

    Raises:
        Unsayable: an expression would be longer than Elasticsearch takes.
    """
    if leaf.kind is Kind.EXISTS:
        return f"_exists_:{_field(leaf.path)}"
    return f"{_field(leaf.path)}:{_value(leaf)}"


def _written(node: Node, outermost: bool = False) -> str:
    if node == MATCH_ALL:
        return _EVERYTHING
    if node == MATCH_NONE:
        return f"({_EVERYTHING} AND NOT {_EVERYTHING})"
    match node:
        case Leaf():
            return write_leaf(node)
        case Never(part):
            return _grouped([_EVERYTHING, f"NOT {_written(part)}"], "AND", outermost)
        case Either(parts):
            return _grouped(list(_alternatives(parts)), "OR", outermost)
        case All(parts):
            positive = [_written(part) for part in parts if not isinstance(part, Never)]
            negative = [f"NOT {_written(part.part)}" for part in parts if isinstance(part, Never)]
            # A clause of nothing but NOT finds nothing by itself.
            return _grouped([*(positive or [_EVERYTHING]), *negative], "AND", outermost)


def _grouped(clauses: Sequence[str], word: str, outermost: bool) -> str:
    text = f" {word} ".join(clauses)
    return text if outermost or len(clauses) == 1 else f"({text})"


def _alternatives(parts: Iterable[Node]) -> Iterable[str]:
    """Yield alternatives, values of one field behind its name."""
    by_field: dict[str, list[str]] = {}
    for part in parts:
        if isinstance(part, Leaf) and part.kind is not Kind.EXISTS:
            by_field.setdefault(part.path, []).append(_value(part))
    for part in parts:
        if not isinstance(part, Leaf) or part.kind is Kind.EXISTS:
            yield _written(part)
            continue
        values = by_field.pop(part.path, None)
        if values is not None:
            joined = " OR ".join(values)
            yield f"{_field(part.path)}:{f'({joined})' if len(values) > 1 else joined}"


def _value(leaf: Leaf) -> str:
    value = leaf.value
    if isinstance(value, bool):
        return "true" if value else "false"
    match leaf.kind:
        case Kind.AT_LEAST:
            return f"[{value} TO *]"
        case Kind.AT_MOST:
            return f"[* TO {value}]"
    if not isinstance(value, str):
        return f'"{value}"' if value < 0 else str(value)
    if leaf.kind is Kind.TERM and not leaf.folded:
        return _quoted(value)
    if leaf.kind is not Kind.REGEXP and not leaf.folded:
        return "".join(
            part.value if isinstance(part, Wildcard) else _escaped(part) for part in units_of(leaf)
        )
    return f"/{_delimited(expression_of(leaf))}/"


def _quoted(text: str) -> str:
    return f'"{_CONTROL.sub(_as_code, text.translate(_FREE_IN_QUOTES))}"'


def _as_code(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04X}"


def _field(path: str) -> str:
    return f"\\{path}" if path in _WORDS else _escaped(path)


def _escaped(text: str) -> str:
    return _RESERVED.sub(lambda found: "\\" + found.group(), text)


def _delimited(expression: str) -> str:
    r"""Return the expression as it can stand between slashes.

    The parser takes `\/` for a slash that does not end the expression, whatever stands before the
    backslash: a backslash at the very end is written as a class.
    """
    if expression.endswith("\\\\"):
        return expression[:-2] + "[\\\\]"
    return expression
