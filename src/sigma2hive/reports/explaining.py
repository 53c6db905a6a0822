"""Explanations in words.

Takes explained conditions; gives lines for people, in which everything is visible and cut, or plain
values for JSON, whole. Values of one item are told together. Never prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sigma2hive.model.conditions import Atom, Null, Regex, Text, Wildcard
from sigma2hive.model.explanations import Explained, ExplainedRule, Part, Saw
from sigma2hive.model.visible import visible
from sigma2hive.records import dataclass

#: Characters of a value that are shown.
MAX_VALUE = 300
#: Of the values of one item so many are named; further ones are counted.
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `holds` is None where it tells no truth, only what the event has."""

    depth: int
    text: str
    holds: bool | None = None


def shown_value(value: str) -> str:
    """Return a value as it is shown: in quotes, visible, not too long."""
    cut = value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1]
    return f"'{visible(cut)}{'…' if len(value) > MAX_VALUE else ''}'"


def tree_lines(explained: Explained, depth: int = 0) -> Iterator[Line]:
    """Yield the whole tree, each node's truth with it, and what the event has below its tests."""
    if explained.atom is not None:
        yield from _item_lines([explained], depth)
        return
    name = f"{_visible(explained.selection)}: " if explained.selection else ""
    items = list(_by_item(explained.parts))
    if len(items) == 1 and len(explained.parts) > 1 and explained.parts[0].atom is not None:
        # Several values of one item: `one of` is a part of its own line.
        yield from _item_lines(explained.parts, depth, name, explained)
        return
    yield Line(depth, name + _WORDS[explained.part], explained.holds)
    for nodes in items:
        if nodes[0].atom is None:
            for node in nodes:
                yield from tree_lines(node, depth + 1)
        else:
            yield from _item_lines(nodes, depth + 1)


def reason_lines(explained: Explained, holds: bool | None = None) -> Iterator[str]:
    """Yield a line for each item that made a tree come to what it came to (see `decisive`).

    An item that is otherwise than its tree, which is so below a `not`, is told as such.
    """
    wanted = explained.holds if holds is None else holds
    for nodes in _leaves(explained):
        yield _reason(nodes, wanted)


def explanation_as_json(rule: ExplainedRule) -> dict[str, Any]:
    """Return a rule's explanation as plain values."""
    return {
        "id": rule.info.id,
        "title": rule.info.title,
        "path": rule.info.location.path,
        "match": rule.holds,
        "log_source": _as_json(rule.gate),
        "condition": _as_json(rule.condition),
        "filters": [
            {"id": entry.info.id, "title": entry.info.title, "condition": _as_json(entry.condition)}
            for entry in rule.filters
        ],
    }


_WORDS = {Part.ALL: "all of", Part.ANY: "any of", Part.NOT: "not"}


def _visible(text: str) -> str:
    return visible(text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…")


def _by_item(nodes: Sequence[Explained]) -> Iterator[list[Explained]]:
    """Yield runs of tests of one item, and every other node."""
    for _, group in groupby(nodes, key=_item_of):
        yield list(group)


def _item_of(node: Explained) -> tuple[object, ...]:
    if node.atom is None:
        return ("", id(node))
    origin = node.atom.origin
    return (origin.location.path, origin.selection, origin.item, node.saw)


def _item_lines(
    nodes: Sequence[Explained], depth: int, name: str = "", joined: Explained | None = None
) -> Iterator[Line]:
    """Yield the line of one item with its values, and what the event has there."""
    first = nodes[0]
    if first.selection and not name:
        name = f"{_visible(first.selection)}: "
    if joined is None:
        for node in nodes:
            yield Line(depth, name + _told([node]), node.holds)
            name = ""
    else:
        yield Line(depth, name + _told_together(nodes, joined), joined.holds)
    for saw in _worth_showing(first.saw):
        yield Line(depth + 1, _had(saw))


def _told_together(nodes: Sequence[Explained], joined: Explained) -> str:
    """Say several values of one item, the decisive ones by name."""
    decisive = [node for node in nodes if node.holds is (joined.part is Part.ANY)]
    named = decisive or list(nodes)
    item = _item(nodes[0])
    if "all" not in item.split("|"):
        item += " any of" if joined.part is Part.ANY else " all of"
    text = f"{item} {len(nodes)} values"
    if decisive and joined.part is Part.ANY:
        return f"{text}, met: {_values(named)}"
    if decisive:
        return f"{text}, not met: {_values(named)}"
    return f"{text}: {_values(named)}"


def _told(nodes: Sequence[Explained]) -> str:
    return f"{_item(nodes[0])} {_values(nodes)}"


def _item(node: Explained) -> str:
    return _visible(node.atom.origin.item) if node.atom is not None else ""


def _values(nodes: Sequence[Explained]) -> str:
    atoms = list(dict.fromkeys(_value(node.atom) for node in nodes if node.atom is not None))
    text = ", ".join(atoms[:_MAX_NAMED])
    more = len(atoms) - _MAX_NAMED
    return f"{text} and {more:,} more" if more > 0 else text


def _value(atom: Atom) -> str:
    if isinstance(atom.test, Null):
        return "null"
    if isinstance(atom.test, Text) and "all" in atom.origin.item.split("|"):
        return shown_value(_own_text(atom.test))
    if isinstance(atom.test, (Text, Regex)):
        return shown_value(atom.origin.value)
    return _visible(atom.origin.value)


def _own_text(test: Text) -> str:
    """Return the one value that is meant: with `|all` the origin has them all."""
    parts = [part.value if isinstance(part, Wildcard) else part for part in test.pattern]
    if test.pattern[:1] == (Wildcard.ANY,):
        parts = parts[1:]
    if test.pattern[1:] and test.pattern[-1] is Wildcard.ANY:
        parts = parts[:-1]
    return "".join(parts)


def _worth_showing(saw: Sequence[Saw]) -> list[Saw]:
    """Return the fields that have a value; where none has, the first."""
    there = [entry for entry in saw if entry.values]
    return there or list(saw[:1])


def _had(saw: Saw) -> str:
    if not saw.values:
        return f"no {_visible(saw.path)}"
    values = [shown_value(value) for value in dict.fromkeys(saw.values)]
    more = len(values) - _MAX_NAMED
    text = ", ".join(values[:_MAX_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    return f"{_visible(saw.path)} {text}"


def _leaves(node: Explained) -> Iterator[list[Explained]]:
    """Yield the tests below a node, those of one item together."""
    for _, group in groupby(_tests(node), key=lambda test: (_item_of(test), test.holds)):
        yield list(group)


def _tests(node: Explained) -> Iterator[Explained]:
    if node.atom is not None:
        yield node
    for part in node.parts:
        yield from _tests(part)


def _reason(nodes: Sequence[Explained], wanted: bool) -> str:
    first = nodes[0]
    selection = first.atom.origin.selection if first.atom is not None else ""
    verb = ""
    if first.holds is not wanted:
        verb = " holds" if first.holds else " does not hold"
    none = "none of " if len(nodes) > 1 and not first.holds else ""
    had = "; ".join(_had(saw) for saw in _worth_showing(first.saw))
    return (
        f"{_visible(selection)}{verb}: {_item(first)} {none}{_values(nodes)} — the event has {had}"
    )


def _as_json(node: Explained) -> dict[str, Any]:
    said: dict[str, Any] = {"part": node.part.value, "holds": node.holds}
    if node.selection:
        said["selection"] = node.selection
    if node.atom is not None:
        origin = node.atom.origin
        said |= {
            "selection": origin.selection,
            "item": origin.item,
            "value": origin.value,
            "line": origin.location.line,
            "saw": {saw.path: list(saw.values) for saw in node.saw},
        }
    if node.parts:
        said["parts"] = [_as_json(part) for part in node.parts]
    return said
