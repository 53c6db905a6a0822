"""What the events of a rule's tests have shown of it.

Takes explanations; gives the selections that were never true, or never false. A test that shows
only one side of a selection would not notice if it were taken out of the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sigma2hive.diagnostics import Location
from sigma2hive.model.explanations import Explained, ExplainedRule
from sigma2hive.model.results_of_tests import Unseen


def unseen_selections(explained: Iterable[ExplainedRule]) -> tuple[Unseen, ...]:
    """Return the selections of a rule that its events have shown one side of at most.

    Only events of its log source count: what others show says nothing of the rule.
    """
    places: dict[str, Location] = {}
    seen: dict[str, set[bool]] = {}
    for rule in explained:
        for node in _selections(rule.condition):
            places.setdefault(node.selection, _place(node))
            sides = seen.setdefault(node.selection, set())
            if rule.gate.holds:
                sides.add(node.holds)
    return tuple(
        Unseen(name, places[name], True in sides, False in sides)
        for name, sides in seen.items()
        if len(sides) < 2
    )


def _selections(node: Explained) -> Iterator[Explained]:
    if node.selection:
        yield node
        return
    for part in node.parts:
        yield from _selections(part)


def _place(node: Explained) -> Location:
    if node.atom is not None:
        return node.atom.origin.location
    return _place(node.parts[0]) if node.parts else Location("")
