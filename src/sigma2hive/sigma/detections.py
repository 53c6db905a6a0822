"""The detection section of a rule or filter: selections and condition to one condition tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sigma2hive.diagnostics import Diagnostics, Location, nearest
from sigma2hive.model.conditions import And, Condition, Not, Or
from sigma2hive.sigma.condition_text import (
    ConditionError,
    Junction,
    Named,
    Negation,
    Parsed,
    Selector,
    parse_condition,
)
from sigma2hive.sigma.items import ItemReader
from sigma2hive.sigma.tallies import Placeholders
from sigma2hive.yamlmarks import Document


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
        self._diagnostics = diagnostics
        self._items = ItemReader(document, placeholders, diagnostics)
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
            if not self._is_no_selection(name, definition)
        }
        conditions = content["condition"]
        texts = conditions if isinstance(conditions, list) else [conditions]
        if not texts:
            self._condition_problem((), "the condition is empty", "name the selections", 0)
        built = tuple(
            self._condition(text, (index,) if isinstance(conditions, list) else (), selections)
            for index, text in enumerate(texts)
        )
        if self._failed or self._items.failed:
            return None
        # Several conditions are several queries of one rule: any of them is enough.
        return built[0] if len(built) == 1 else Or(built)

    def _is_no_selection(self, name: str, definition: Any) -> bool:
        """Whether the key says something else; `rules` does in a filter only."""
        if name == "timeframe" and not isinstance(definition, (Mapping, list)):
            self._diagnostics.warning(
                "S2H204",
                self._document.at(self._section, name),
                "`timeframe` says nothing in a rule of Sigma 2: nothing is counted",
                "write a correlation with `timespan` to count events, or remove it",
            )
            return True
        return name == "condition" or (name == "rules" and self._section == "filter")

    def _selection(self, name: str, definition: Any) -> Condition:
        return self._definition(name, definition, (self._section, name))

    def _definition(self, name: str, definition: Any, keys: tuple[str | int, ...]) -> Condition:
        if isinstance(definition, Mapping):
            if not definition:
                self._error("S2H204", self._document.at(*keys), f"selection '{name}' is empty")
            return _joined(
                And,
                tuple(
                    self._items.read(name, str(key), value, (*keys, str(key)))
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
        return self._items.read(name, None, definition, keys)

    def _condition(
        self, text: Any, keys: tuple[int, ...], selections: Mapping[str, Condition]
    ) -> Condition:
        if isinstance(text, (bool, int, float)):
            # A selection may be called `no` or `4625`.
            text = self._document.written(self._section, "condition", *keys)
        if not isinstance(text, str):
            self._condition_problem(keys, "a condition is text", "name the selections", 0)
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


def selected_names(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the selections that a pattern of `1 of` or `all of` means, in their order."""
    if pattern == "them":
        return [name for name in names if not name.startswith("_")]
    expression = re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
    return [
        name
        for name in names
        if expression.fullmatch(name) and (pattern.startswith("_") or not name.startswith("_"))
    ]


def _select(pattern: str, selections: Mapping[str, Condition]) -> tuple[Condition, ...]:
    return tuple(selections[name] for name in selected_names(pattern, selections))
