"""Expressions that were given up on a value: what the ledger has of them, and how they stand.

Takes findings and the rules that look; gives entries of the ledger, each about one place in a rule
and about the rules that ask there. The value is not among it: whoever writes the log chooses that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.service import Searched, SearchStatus
from sigma2hive.runner.reading.interface import Slice
from sigma2hive.runner.service.coverage import OF_RULE, last_of_each
from sigma2hive.runner.undecided import CODE, ids_at

#: What the ledger knows such a place by.
_GIVEN_UP = "undecided:"


def given_up(
    part: Slice, findings: Iterable[Diagnostic], rules: Iterable[CompiledRule]
) -> Iterator[Searched]:
    """Yield what the ledger says of a slice in which expressions were given up, each once."""
    for location in dict.fromkeys(finding.location for finding in findings):
        yield Searched(
            unit=f"{_GIVEN_UP}{location}",
            target=str(location),
            interval=part.interval,
            status=SearchStatus.TRUNCATED,
            reason=f"{CODE}: the expression took too long on a value",
            patterns=tuple(OF_RULE + rule_id for rule_id in ids_at(location, rules)),
        )


def given_up_in(ledger: Iterable[Searched]) -> Iterator[Searched]:
    """Yield what the ledger says of each such place last, the last one last."""
    yield from last_of_each(ledger, _GIVEN_UP)


def asking(entry: Searched) -> list[str]:
    """Return the ids of the rules that ask at the place of an entry."""
    return [name.removeprefix(OF_RULE) for name in entry.patterns]
