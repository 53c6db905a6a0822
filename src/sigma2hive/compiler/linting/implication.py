"""What follows from what in condition trees, as far as that is certain.

Takes conditions in Sigma's field names; says whether one is always true, or never. "No" means only
that it is not certain. A field with several values is kept in mind: `a` and `b` of one field may
both be met by it, but whatever meets `*\\cmd.exe` meets `*.exe`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sigma2hive.model.conditions import (
    And,
    Atom,
    Condition,
    Exists,
    Not,
    Null,
    Number,
    Or,
    Test,
    Text,
    Wildcard,
)
from sigma2hive.model.folding import fold

#: Comparisons of two parts after which no more is claimed of a condition.
_PATIENCE = 20_000
#: Stand for the wildcards of the narrower of two patterns; no character that anybody writes.
_ANY, _ONE = "\ue000", "\ue001"


def is_never(condition: Condition) -> bool:
    """Whether no event can meet the condition, whatever it holds."""
    return _Reasoning().is_never(condition)


def is_always(condition: Condition) -> bool:
    """Whether every event meets the condition, whatever it holds."""
    return _Reasoning().is_always(condition)


@dataclass(slots=True)
class _Reasoning:
    patience: int = _PATIENCE

    def is_never(self, condition: Condition) -> bool:
        match condition:
            case Not(inner):
                return self.is_always(inner)
            case Or(parts):
                return all(self.is_never(part) for part in parts)
            case And(parts):
                flat = _flat(parts, And)
                if any(self.is_never(part) for part in flat):
                    return True
                wanted: list[Condition] = [part for part in flat if not isinstance(part, Not)]
                excluded = [part.condition for part in flat if isinstance(part, Not)]
                return any(self._follows_from_all(wanted, part) for part in excluded)
            case Atom():
                return False

    def is_always(self, condition: Condition) -> bool:
        match condition:
            case Not(inner):
                return self.is_never(inner)
            case And(parts):
                return all(self.is_always(part) for part in parts)
            case Or(parts):
                flat = _flat(parts, Or)
                if any(self.is_always(part) for part in flat):
                    return True
                whole = Or(tuple(part for part in flat if not isinstance(part, Not)))
                negated = [part.condition for part in flat if isinstance(part, Not)]
                return any(self.follows(part, whole) for part in negated)
            case Atom():
                return False

    def _follows_from_all(self, premises: list[Condition], conclusion: Condition) -> bool:
        return bool(premises) and self.follows(And(tuple(premises)), conclusion)

    def follows(self, premise: Condition, conclusion: Condition) -> bool:
        """Whether the conclusion holds wherever the premise does."""
        self.patience -= 1
        if self.patience < 0:
            return False
        if premise is conclusion:
            return True
        if isinstance(premise, Or):
            return bool(premise.conditions) and all(
                self.follows(part, conclusion) for part in premise.conditions
            )
        if isinstance(conclusion, And):
            return all(self.follows(premise, part) for part in conclusion.conditions)
        if isinstance(premise, And) and any(
            self.follows(part, conclusion) for part in premise.conditions
        ):
            return True
        if isinstance(conclusion, Or):
            return any(self.follows(premise, part) for part in conclusion.conditions)
        if isinstance(premise, Not) and isinstance(conclusion, Not):
            return self.follows(conclusion.condition, premise.condition)
        if isinstance(premise, Atom) and isinstance(conclusion, Atom):
            return premise.name == conclusion.name and _test_follows(premise.test, conclusion.test)
        return False


def _flat(parts: tuple[Condition, ...], kind: type[And] | type[Or]) -> list[Condition]:
    found: list[Condition] = []
    for part in parts:
        found.extend(_flat(part.conditions, kind) if isinstance(part, kind) else [part])
    return found


def _test_follows(premise: Test, conclusion: Test) -> bool:
    if premise == conclusion:
        return True
    if conclusion == Exists(True):
        return not isinstance(premise, Null | Exists)
    if isinstance(premise, Number) and isinstance(conclusion, Text):
        # 4625 is met by "04625" too, so nothing but "any value" follows.
        return conclusion.pattern == (Wildcard.ANY,)
    if not (isinstance(premise, Text) and isinstance(conclusion, Text)):
        return False
    if conclusion.cased and not premise.cased:
        return False
    return _covers(conclusion.pattern, premise.pattern, conclusion.cased)


@lru_cache(maxsize=65_536)
def _covers(
    wide: tuple[str | Wildcard, ...], narrow: tuple[str | Wildcard, ...], cased: bool
) -> bool:
    """Whether every text of the `narrow` pattern is one of the `wide` pattern."""

    def folded(text: str) -> str:
        return text if cased else fold(text)

    marks = {Wildcard.ANY: _ANY, Wildcard.ONE: _ONE}
    example = "".join(
        marks[part] if isinstance(part, Wildcard) else folded(part) for part in narrow
    )
    loops = {Wildcard.ANY: ".*", Wildcard.ONE: f"[^{_ANY}]"}
    expression = "".join(
        loops[part] if isinstance(part, Wildcard) else re.escape(folded(part)) for part in wide
    )
    return re.fullmatch(expression, example, re.DOTALL) is not None
