"""A rule as the filter of an ElastAlert 2 rule, or why there is none.

Takes a compiled rule; gives its Query DSL where that says the rule exactly on what the index holds.
ElastAlert 2 decides nothing again, so a part that a query only narrows down refuses the rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sigma2hive.compiler.dsl import DslQuery, Residual, compile_query
from sigma2hive.compiler.elastalert.texts import Value, is_reference, texts_in
from sigma2hive.compiler.targets import Refusal
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.fields import Field
from sigma2hive.model.rules import CompiledRule

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
    query = compile_query(rule)
    if query.residual:
        return Refusal(tuple(_refused(query)))
    return Filter(without_ignored(query.body), tuple(reason.value for reason in query.margins))


def _refused(query: DslQuery) -> Diagnostics:
    found = Diagnostics()
    grouped: dict[tuple[str, str, str], list[Residual]] = {}
    for part in query.residual:
        key = (part.origin.selection, part.origin.item, part.reason.value)
        grouped.setdefault(key, []).append(part)
    for (selection, item, reason), parts in grouped.items():
        name = f"{selection}: {item}" if item else selection
        more = f" and {len(parts) - 1:,} more" if len(parts) > 1 else ""
        value = f" with {_shortened(parts[0].origin.value)!r}{more}" if item else ""
        message = f"ElastAlert 2 cannot say {name}{value}: {reason}"
        found.error("S2H310", parts[0].origin.location, message, OTHER_TARGETS)
    return found


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def refuse_references(content: Value, location: Location) -> Refusal | None:
    """Refuse a file in which ElastAlert 2 would put something else in the place of a text."""
    for text in texts_in(content):
        if is_reference(text):
            found = Diagnostics()
            found.error(
                "S2H312",
                location,
                f"ElastAlert 2 takes {_shortened(text)!r} for the name of another key of its rule",
                f"write the value in another way; {OTHER_TARGETS}",
            )
            return Refusal(tuple(found))
    return None


def without_ignored(body: dict[str, Value]) -> dict[str, Value]:
    """Return a query without its alternatives for values that the index left out.

    They stand in `should` only, or alone in the place of one.
    """
    found = _stripped(body)
    return {"match_none": {}} if found is None else found


def _stripped(clause: dict[str, Value]) -> dict[str, Value] | None:
    """Return the clause, None where it asked for nothing but values that were left out."""
    ((kind, content),) = clause.items()
    if not isinstance(content, dict):
        return clause
    if kind in ("term", "terms"):
        return None if "_ignored" in content else clause
    if kind != "bool":
        return clause
    kept: dict[str, Value] = {}
    for occurrence, clauses in content.items():
        found = [_stripped(inner) for inner in clauses]
        left = [inner for inner in found if inner is not None]
        if occurrence == "filter" and len(left) < len(found):
            return None
        if occurrence == "should" and not left:
            return None
        if left:
            kept[occurrence] = left
    if list(kept) == ["should"] and len(kept["should"]) == 1:  # type: ignore[arg-type]
        return kept["should"][0]  # type: ignore[index, no-any-return]
    return {"bool": kept} if kept else {"match_all": {}}


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
