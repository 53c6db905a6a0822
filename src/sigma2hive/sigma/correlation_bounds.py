"""The condition of a Sigma correlation: bounds, and what they are bounds of.

Takes the `condition` of a correlation section and its kind; gives an `Asked`, or findings. Refuses
what a group without events would meet, and what none can meet.

Source: https://github.com/SigmaHQ/sigma-specification, sigma-correlation-rules-specification.md
(2.1.0); `percentile` and value_median are pySigma's, which the specification does not write down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any, Protocol

from sigma2hive.diagnostics import nearest
from sigma2hive.model.conditions import Operator
from sigma2hive.model.rules import Bound, CorrelationKind
from sigma2hive.records import dataclass
from sigma2hive.sigma.telling import shown_value

_COUNT = re.compile("0|[1-9][0-9]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_LOWER = frozenset({Operator.GT, Operator.GTE})
_HIGHEST_PERCENTILE = 100
#: An example of a bound, by what is bounded.
_EXAMPLES = {
    CorrelationKind.TEMPORAL: "gte: 2",
    CorrelationKind.TEMPORAL_ORDERED: "gte: 2",
    CorrelationKind.EVENT_COUNT: "gte: 6",
}


class Report(Protocol):
    """Adds a finding at a part of the correlation section."""

    def __call__(self, message: str, hint: str, *keys: str) -> None:
        """Report `message` with `hint` at the part that `keys` lead to."""
        ...


class Written(Protocol):
    """Returns the text of a value as it stands in the file."""

    def __call__(self, *keys: str) -> str:
        """Return the text of the value that `keys` lead to."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What a condition asks: bounds, the fields whose values it is about, and which percentile."""

    bounds: tuple[Bound, ...] = ()
    values: tuple[str, ...] = ()
    percentile: int | Decimal | None = None


@dataclass(frozen=True, slots=True)
class ConditionReader:
    """Reads the condition of a correlation of one kind.

    `written` returns the text of a key's value as it stands in the file: YAML 1.1 reads 010 as 8
    and 1:00 as 60.
    """

    kind: CorrelationKind
    written: Written
    report: Report

    def read(self, value: Any) -> Asked:
        """Return what the condition asks; where something is wrong it was reported."""
        if value is None and self.kind.is_temporal:
            return Asked()
        if not isinstance(value, Mapping) or not value:
            hint = f"add `condition: {{{self._example()}}}`"
            self.report("the correlation has no condition", hint, "condition")
            return Asked()
        bounds = tuple(self._bounds(value))
        self._refuse_useless(bounds)
        return Asked(bounds, self._fields(value), self._percentile(value))

    def _example(self) -> str:
        example = _EXAMPLES.get(self.kind, "gte: 10")
        field = "field: User, " if self.kind is CorrelationKind.VALUE_COUNT else "field: bytes, "
        return f"{field}{example}" if self.kind.reads_values else example

    def _bounds(self, value: Mapping[str, Any]) -> Iterator[Bound]:
        for key, number in value.items():
            if key in ("field", "percentile"):
                continue
            if key not in set(Operator):
                self.report(
                    f"'{key}' is no operator", nearest(str(key), Operator), "condition", key
                )
                continue
            read = self._number(key, number)
            if read is None:
                what, example = ("number", "0.5") if self.kind.is_numeric else ("count", "6")
                hint = (
                    f"{'a plain' if self.kind.is_numeric else 'a whole'} number, as gte: {example}"
                )
                self.report(f"{shown_value(number)} is no {what}", hint, "condition", key)
                continue
            yield Bound(Operator(key), read)
        if not set(value) - {"field", "percentile"}:
            hint = f"add one, as {_EXAMPLES.get(self.kind, 'gte: 10')}"
            self.report("the condition has no bound", hint, "condition")

    def _number(self, key: str, value: Any, *, is_whole: bool = False) -> int | Decimal | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        text = self.written("condition", key)
        pattern = _NUMBER if self.kind.is_numeric and not is_whole else _COUNT
        if not pattern.fullmatch(text):
            return None
        number = Decimal(text)
        return int(number) if number == int(number) else number

    def _fields(self, value: Mapping[str, Any]) -> tuple[str, ...]:
        entry = value.get("field")
        if not self.kind.reads_values:
            if "field" in value:
                self._without_meaning("field")
            return ()
        if entry is None:
            self.report(
                f"{self.kind} looks at the values of a field, and the condition names none",
                "add `field: User`, the field whose values are meant",
                "condition",
                *(["field"] if "field" in value else []),
            )
            return ()
        names = entry if isinstance(entry, list) else [entry]
        if not names or not all(isinstance(name, str) and name for name in names):
            self.report("`field` is a field or a list of fields", "name one", "condition", "field")
            return ()
        if len(names) > 1 and self.kind.is_numeric:
            self.report(
                f"{self.kind} takes the numbers of one field, and `field` names {len(names)}",
                "write a correlation for each",
                "condition",
                "field",
            )
        return tuple(dict.fromkeys(names))

    def _percentile(self, value: Mapping[str, Any]) -> int | Decimal | None:
        if self.kind is not CorrelationKind.VALUE_PERCENTILE:
            if "percentile" in value:
                self._without_meaning("percentile")
            return None
        if "percentile" not in value:
            self.report(
                "the condition does not say which percentile it is about",
                "add `percentile: 95` beside the bound, which is a value of the field",
                "condition",
            )
            return None
        number = self._number("percentile", value["percentile"])
        if number is None or not 0 <= number <= _HIGHEST_PERCENTILE:
            self.report(
                f"{shown_value(value['percentile'])} is no percentile",
                "a number from 0 to 100, as percentile: 95",
                "condition",
                "percentile",
            )
        return number

    def _without_meaning(self, key: str) -> None:
        self.report(f"`{key}` has no meaning for {self.kind}", "remove it", "condition", key)

    def _refuse_useless(self, bounds: tuple[Bound, ...]) -> None:
        """Refuse what a group without events meets, and what none can meet."""
        if not bounds:
            return
        whole = not self.kind.is_numeric
        example = _EXAMPLES.get(self.kind, "gte: 10")
        if not any(bound.operator in _LOWER for bound in bounds) or self._is_met_by_nothing(bounds):
            what = "a lower bound" if self.kind.is_numeric else "a lower bound of at least one"
            self.report(
                "a group without any event would meet the condition",
                f"give {what}{' event' if what.endswith('one') else ''}, as {example}",
                "condition",
            )
        elif _is_met_by_none(bounds, whole=whole):
            what = "number of events" if self.kind is CorrelationKind.EVENT_COUNT else "figure"
            self.report(
                f"no {what} meets all of the condition, so the rule could never fire",
                f"keep one bound, as {example}",
                "condition",
            )

    def _is_met_by_nothing(self, bounds: tuple[Bound, ...]) -> bool:
        """Whether a group without events meets the bounds: a count or a sum of nothing is 0.

        Of nothing there is no average and no percentile.
        """
        if self.kind is CorrelationKind.VALUE_SUM:
            return all(bound.admits(0) for bound in bounds)
        lower = [bound for bound in bounds if bound.operator in _LOWER]
        return not self.kind.is_numeric and all(bound.admits(0) for bound in lower)


def _is_met_by_none(bounds: tuple[Bound, ...], *, whole: bool) -> bool:
    """Whether no figure meets all of the bounds; `whole` where figures are whole numbers."""
    numbers = sorted({bound.number for bound in bounds})
    # Between two neighbours, and beyond the last, all figures meet the same bounds.
    tried = [*numbers, numbers[0] - 1, numbers[-1] + 1]
    for low, high in pairwise(numbers):
        tried += [low + 1] if whole else [Decimal(low + high) / 2]
    if whole:
        tried = [number for number in tried if number >= 0 and number == int(number)]
    return not any(all(bound.admits(number) for bound in bounds) for number in tried)
