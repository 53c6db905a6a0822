r"""Conditions in the syntax of `query_string`, Lucene's classic query parser.

Takes leaves and nodes; gives text. Every reserved character is escaped; a literal is quoted, so
that blanks, slashes and AND, OR and NOT as words mean nothing; letter case is spelt out in a
regular expression, where each sign is escaped, `@ & # ~ < >` among them.

Source: https://github.com/apache/lucene, QueryParser.jj of lucene/queryparser/classic
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from unicodedata import category

from sigma2hive.compiler.dsl.bounds import Reason
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
from sigma2hive.compiler.exact.margins import Unsayable
from sigma2hive.compiler.exact.rules import Statement
from sigma2hive.model.conditions import Wildcard
from sigma2hive.model.visible import is_hidden

_EVERYTHING = "*:*"
#: Everything but letters, digits, "_" and ".": escaped, a character is itself.
_RESERVED = re.compile(r"[^\w.]")
_WORDS = ("AND", "OR", "NOT")
#: Spaces that a reader takes for the usual one.
_SPACES = "\xa0\u2028\u2029"
#: What joins the pictures of an emoji into one; anywhere else it hides something.
_JOINER = re.compile(r"(?<=[^\x00-\x7f])\u200d(?=[^\x00-\x7f])")
_BLANKS = "\t\n\r"
_ENDS_OF_RANGES = frozenset({"Cc", "Cn", "Co", "Cs"})
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
        Unsayable: an expression would be longer than Elasticsearch takes, or hide something.
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
    return _text(leaf)


@lru_cache(maxsize=4096)  # it is checked, then written, for two targets, and by several rules
def _text(leaf: Leaf) -> str:
    if leaf.kind is Kind.TERM and not leaf.folded:
        return _quoted(str(leaf.value))
    if leaf.kind is not Kind.REGEXP and not leaf.folded:
        return "".join(
            part.value if isinstance(part, Wildcard) else _escaped(_seen(part))
            for part in units_of(leaf)
        )
    # An expression needs them as the ends of ranges: of what is no letter, of all but a newline.
    but = _ENDS_OF_RANGES if leaf.kind is Kind.REGEXP else frozenset()
    return f"/{_delimited(_seen(expression_of(leaf), but))}/"


def _quoted(text: str) -> str:
    return f'"{_with_codes(text.translate(_FREE_IN_QUOTES))}"'


def _with_codes(text: str) -> str:
    """Write out what a reader would not see, as the parser takes it: in UTF-16."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_as_code(char) if _is_unseen(char) else char for char in text)


def _as_code(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex().upper()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _is_unseen(char: str) -> bool:
    return is_hidden(char) or char in _SPACES


def _seen(text: str, but: frozenset[str] = frozenset()) -> str:
    """Return text of a wildcard or an expression, in which nothing can be written out.

    Raises:
        Unsayable: a reader would not see all of it, characters of the categories `but` aside.
    """
    if text.isascii() and text.isprintable():
        return text
    for char in _JOINER.sub("", text):
        if is_hidden(char) and char not in _BLANKS and category(char) not in but:
            raise Unsayable(Reason.HIDDEN)
    return text


@lru_cache(maxsize=1024)
def _field(path: str) -> str:
    return f"\\{path}" if path in _WORDS else _path(path)


def _escaped(text: str) -> str:
    return _RESERVED.sub(lambda found: "\\" + found.group(), text)


def _path(path: str) -> str:
    return _RESERVED.sub(lambda found: _free(found.group()), path)


def _free(char: str) -> str:
    return _as_code(char) if _is_unseen(char) else f"\\{char}"


def _delimited(expression: str) -> str:
    r"""Return the expression as it can stand between slashes.

    The parser takes `\/` for a slash that does not end the expression, whatever stands before the
    backslash: a backslash at the very end is written as a class.
    """
    if expression.endswith("\\\\"):
        return expression[:-2] + "[\\\\]"
    return expression
