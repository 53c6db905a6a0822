"""Whether a test of what must not match tells anything: an empty event is found by hardly any rule.

Takes a case and what the rules saw in its events; gives yes or no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigma2hive.model.explanations import Explained, ExplainedRule, Part
from sigma2hive.model.rules import CompiledRule
from sigma2hive.workflows.testing.cases import Case


def is_telling(case: Case, seen: Mapping[str, Sequence[ExplainedRule]]) -> bool:
    """Whether the test could have failed.

    An event of it must be of the rule's log source and have a value that the rule looks at; for a
    correlation it must meet a rule that is counted.
    """
    if case.test.is_positive:
        return True
    explained = [entry for entries in seen.values() for entry in entries]
    if not isinstance(case.tested.entry, CompiledRule):
        return any(entry.holds for entry in explained)
    return any(entry.holds or (entry.gate.holds and _saw(entry.condition)) for entry in explained)


def _saw(part: Explained) -> bool:
    """Whether the event has a value in any field that the condition looks at."""
    if part.part is Part.TEST:
        return any(entry.values for entry in part.saw)
    return any(map(_saw, part.parts))
