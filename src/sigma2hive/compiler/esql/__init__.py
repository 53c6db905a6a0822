r"""The target `esql`: rules in Elasticsearch's piped query language.

The condition is Lucene's, in `QSTR`: it means the same on several values, on absent fields and on
fields that an index lacks, and the index answers it. ES|QL's own comparisons are null, with a
warning, on a field with several values, and an index that lacks a column refuses the query. `QSTR`
came with Elasticsearch 8.17 and is generally available since 9.1.

Source: https://www.elastic.co/docs/reference/query-languages/esql/functions-operators/search-functions
"""

from __future__ import annotations

from sigma2hive.compiler.dsl.nodes import Leaf
from sigma2hive.compiler.exact import Statement, TextTarget
from sigma2hive.compiler.lucene.text import write_leaf, write_query

__all__ = ["ESQL"]


class _Esql:
    name = "esql"

    def write_leaf(self, leaf: Leaf) -> str:
        return write_leaf(leaf)

    def write(self, statement: Statement, indices: tuple[str, ...]) -> str:
        sources = ", ".join(_quoted(index) for index in indices)
        condition = _text(write_query(statement))
        return f"FROM {sources} METADATA _id, _index, _version\n| WHERE QSTR({condition})"


def _text(text: str) -> str:
    """Return a text between three quotes, in which a backslash is itself, where it fits there."""
    if '"""' in text or "\n" in text or "\r" in text:
        return _quoted(text)
    return f'"""{text} """' if text.endswith('"') else f'"""{text}"""'


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(char, char) for char in text) + '"'


ESQL = TextTarget(_Esql())
