"""The detection section of a rule or filter: selections and condition to one condition tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sigma2hive.diagnostics import Diagnostics, Location, nearest
from sigma2hive.model.conditions import And, Condition, Not, Or, Origin
from sigma2hive.sigma.condition_text import (
    ConditionError,
    Junction,
    Named,
    Negation,
    Parsed,
    Selector,
    parse_condition,
)
from sigma2hive.sigma.modifiers import Placeholders, ValueProblem, build_item
from sigma2hive.yamlmarks import Document

#: Keys beside the selections that are none.
_NOT_SELECTIONS = frozenset({"condition", "timeframe", "rules"})
_MAX_SHOWN = 120


class DetectionReader:
    """Reads one document's `detection` (or `filter`) section.

    All mistakes are collected; `read` gives None when there was one, so that a rule is taken whole
    or not at all.
    """

    def __init__(
        self,
        document: Document,
        section: str,
        placeholders: Placeholders,
        diagnostics: Diagnostics,
    ) -> None:
        self._document, self._section = document, section
        self._placeholders, self._diagnostics = placeholders, diagnostics
        self._failed = False

    def read(self) -> Condition | None:
        """Return the section's condition with every selection put in."""
        content = self._document.value[self._section]
        if not isinstance(content, Mapping) or "condition" not in content:
            self._error(
                "S2H204",
                self._document.at(self._section),
                f"`{self._section}` needs selections and a `condition`",
            )
            return None
        selections = {
            str(name): self._selection(str(name), definition)
            for name, definition in content.items()
            if name not in _NOT_SELECTIONS
        }
        conditions = content["condition"]
        texts = conditions if isinstance(conditions, list) else [conditions]
        if not texts:
            self._condition_problem((), "the condition is empty", "name the selections", 0)
        built = tuple(
            self._condition(text, (index,) if isinstance(conditions, list) else (), selections)
            for index, text in enumerate(texts)
        )
        if self._failed:
            return None
        # Several conditions are several queries of one rule: any of them is enough.
        return built[0] if len(built) == 1 else Or(built)

    def _selection(self, name: str, definition: Any) -> Condition:
        return self._definition(name, definition, (self._section, name))

    def _definition(self, name: str, definition: Any, keys: tuple[str | int, ...]) -> Condition:
        if isinstance(definition, Mapping):
            if not definition:
                self._error("S2H204", self._document.at(*keys), f"selection '{name}' is empty")
            return _joined(
                And,
                tuple(
                    self._item(name, str(key), value, (*keys, str(key)))
                    for key, value in definition.items()
                ),
            )
        if isinstance(definition, list):
            if not definition:
                self._error("S2H204", self._document.at(*keys), f"selection '{name}' is empty")
            return _joined(
                Or,
                tuple(
                    self._definition(name, entry, (*keys, index))
                    for index, entry in enumerate(definition)
                ),
            )
        return self._item(name, None, definition, keys)

    def _item(
        self, selection: str, key: str | None, value: Any, keys: tuple[str | int, ...]
    ) -> Condition:
        values = value if isinstance(value, list) else [value]
        place = self._document.at(*keys)
        if any(isinstance(entry, (Mapping, list)) for entry in values):
            self._error(
                "S2H204",
                place,
                f"'{key or selection}' holds a map or a nested list where values belong",
                "one map a selection; use several selections for alternatives",
            )
            return Or(())
        conditions = []
        try:
            if key is not None and "all" in key.split("|")[1:]:
                conditions = [self._values(selection, key, values, place)]
            else:
                # Value by value, so that an explanation can name the one that was met.
                for index, entry in enumerate(values):
                    entry_place = (
                        self._document.at(*keys, index) if isinstance(value, list) else place
                    )
                    conditions.append(self._values(selection, key, [entry], entry_place))
                if not values:
                    self._values(selection, key, [], place)
        except ValueProblem as problem:
            self._error(problem.code, place, str(problem), problem.hint)
            return Or(())
        if key is not None and "neq" in key.split("|")[1:]:
            # `neq` over a list: none of the values, so every single negation must hold.
            return _joined(And, tuple(conditions))
        return _joined(Or, tuple(conditions))

    def _values(
        self, selection: str, key: str | None, values: list[Any], place: Location
    ) -> Condition:
        shown = ", ".join(str(entry) for entry in values)
        if len(shown) > _MAX_SHOWN:
            shown = shown[: _MAX_SHOWN - 1] + "…"
        origin = Origin(selection, key or "keyword", shown, place)
        return build_item(key, values, origin, self._placeholders)

    def _condition(
        self, text: Any, keys: tuple[int, ...], selections: Mapping[str, Condition]
    ) -> Condition:
        if not isinstance(text, str):
            self._condition_problem(keys, f"a condition is text, not {text!r}", "quote it", 0)
            return Or(())
        try:
            return self._resolve(parse_condition(text), keys, selections)
        except ConditionError as error:
            self._condition_problem(keys, str(error), error.hint, error.offset)
            return Or(())

    def _resolve(
        self, parsed: Parsed, keys: tuple[int, ...], selections: Mapping[str, Condition]
    ) -> Condition:
        match parsed:
            case Named(name, offset):
                if name not in selections:
                    hint = nearest(name, selections, "define it under detection")
                    message = f"the condition names '{name}', which is not defined"
                    self._condition_problem(keys, message, hint, offset, "S2H206")
                    return Or(())
                return selections[name]
            case Selector(pattern, every, offset):
                chosen = _select(pattern, selections)
                if not chosen:
                    message = f"'{pattern}' fits none of the selections"
                    self._condition_problem(
                        keys, message, f"there are: {', '.join(selections)}", offset, "S2H206"
                    )
                return _joined(And if every else Or, chosen)
            case Negation(operand):
                return Not(self._resolve(operand, keys, selections))
            case Junction(operands, every):
                return _joined(
                    And if every else Or,
                    tuple(self._resolve(operand, keys, selections) for operand in operands),
                )

    def _condition_problem(
        self,
        keys: tuple[int, ...],
        message: str,
        hint: str,
        offset: int,
        code: str = "S2H205",
    ) -> None:
        place = self._document.value_at(self._section, "condition", *keys)
        written = self._document.value[self._section]["condition"]
        text = written[keys[0]] if keys else written
        # In a one-line plain condition the character's place is known exactly.
        if isinstance(text, str) and "\n" not in text and offset:
            place = Location(place.path, place.line, place.column + offset)
        self._error(code, place, message, hint)

    def _error(self, code: str, place: Location, message: str, hint: str = "") -> None:
        self._failed = True
        self._diagnostics.error(code, place, message, hint)


def _joined(kind: type[And] | type[Or], conditions: tuple[Condition, ...]) -> Condition:
    return conditions[0] if len(conditions) == 1 else kind(conditions)


def _select(pattern: str, selections: Mapping[str, Condition]) -> tuple[Condition, ...]:
    if pattern == "them":
        chosen = [name for name in selections if not name.startswith("_")]
    else:
        expression = re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
        chosen = [
            name
            for name in selections
            if expression.fullmatch(name) and (pattern.startswith("_") or not name.startswith("_"))
        ]
    return tuple(selections[name] for name in chosen)
