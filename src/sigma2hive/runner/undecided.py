"""What could not be decided in time, as people are told of it.

Takes expressions that were given up, and rules; gives a finding for each place in a rule that asks
for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.engine import Undecided
from sigma2hive.model.conditions import atoms_of
from sigma2hive.model.rules import CompiledRule

#: The finding about an expression that was given up.
CODE = "S2H510"
_HINT = (
    "write it without look-around and references to groups, or so that a text can be read in one "
    "way only; docs/codes/S2H510.md"
)


def undecided_in(
    rules: Iterable[CompiledRule], given_up: Sequence[Undecided]
) -> Iterator[Diagnostic]:
    """Yield S2H510 for each place of the rules that asks for an expression that was given up."""
    if not given_up:
        return
    by_test: dict[object, Undecided] = {undecided.test: undecided for undecided in given_up}
    for rule in rules:
        for atom in dict.fromkeys(atoms_of(rule.condition)):
            undecided = by_test.get(atom.test)
            if undecided is not None:
                yield _finding(atom.origin.location, undecided)


def ids_at(location: Location, rules: Iterable[CompiledRule]) -> Iterator[str]:
    """Yield the ids of the rules that ask for something at a place: a filter is several rules'."""
    for rule in rules:
        if any(atom.origin.location == location for atom in atoms_of(rule.condition)):
            yield rule.info.id


def _finding(location: Location, undecided: Undecided) -> Diagnostic:
    message = (
        f"the expression takes too long on a value of {undecided.size:,} characters that begins "
        f"with {undecided.start!a}: it was given up, and counts as not found there"
    )
    return Diagnostic(CODE, Severity.ERROR, location, message, _HINT)
