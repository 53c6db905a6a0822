"""A rule as the filter of an ElastAlert 2 rule, or why there is none.

Takes a compiled rule; gives its Query DSL where that says the rule exactly on what the index holds.
ElastAlert 2 decides nothing again, so a part that a query only narrows down refuses the rule.
"""

from __future__ import annotations

from collections.abc import Iterable

from sigma2hive.compiler.dsl.bounds import Reason
from sigma2hive.compiler.dsl.nodes import All, Kind, Leaf, all_of, depth_of, render_filter
from sigma2hive.compiler.dsl.query import MAX_DEPTH
from sigma2hive.compiler.elastalert.texts import Value, reference_in
from sigma2hive.compiler.exact import Statement, Unsayable, say_rule
from sigma2hive.compiler.regexes.lucene import MAX_LENGTH
from sigma2hive.compiler.targets import Refusal
from sigma2hive.compiler.utf16 import utf16_length
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.fields import Field
from sigma2hive.model.rules import CompiledRule
from sigma2hive.records import dataclass

OTHER_TARGETS = "`sigma2hive run` and the target dsl, which decide every hit again, say it exactly"


@dataclass(frozen=True, slots=True)
class Filter:
    """Query DSL, and what it leaves open: reasons in words."""

    body: dict[str, Value]
    margins: tuple[str, ...]


def filter_of(rule: CompiledRule) -> Filter | Refusal:
    """Return what finds the rule's events, as far as the index holds their values.

    A value that the index left out (longer than `ignore_above`, malformed) is not there for a
    query. Our own queries find such documents for every rule, to decide them; here each of them
    would raise an alert of every rule.
    """
    statement = say_rule(rule, "ElastAlert 2", _check)
    if not isinstance(statement, Statement):
        return Refusal(statement)
    node = all_of((statement.gate, statement.condition))
    if depth_of(node) > MAX_DEPTH:
        found = Diagnostics()
        message = f"ElastAlert 2 would need a query of more than {MAX_DEPTH} levels"
        found.error("S2H303", rule.info.location, message, OTHER_TARGETS)
        return Refusal(tuple(found))
    parts = node.parts if isinstance(node, All) and node.parts else (node,)
    return Filter(render_filter(parts), tuple(margin.value for margin in statement.margins))


def _check(leaf: Leaf) -> None:
    """Refuse an expression that Elasticsearch would not take."""
    if leaf.kind is Kind.REGEXP and utf16_length(str(leaf.value)) > MAX_LENGTH:
        raise Unsayable(Reason.TOO_COMPLEX)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def refuse_references(content: Value, location: Location) -> Refusal | None:
    """Refuse a file in which ElastAlert 2 would put something else in the place of a text."""
    text = reference_in(content)
    if text is None:
        return None
    found = Diagnostics()
    found.error(
        "S2H312",
        location,
        f"ElastAlert 2 takes {_shortened(text)!r} for the name of another key of its rule",
        f"write the value in another way; {OTHER_TARGETS}",
    )
    return Refusal(tuple(found))


def roots_of(paths: Iterable[str]) -> list[str]:
    """Return the top-level names of an event's fields, sorted."""
    return sorted({path.partition(".")[0] for path in paths})


def plain_paths(fields: Iterable[Field]) -> tuple[str, ...]:
    """Return the paths that an event itself has."""
    return tuple(
        dict.fromkeys(
            field.path
            for field in fields
            if field.derived is None and field.below is None and not field.is_computed
        )
    )
