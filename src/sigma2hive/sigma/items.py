"""The items of a selection: a field with modifiers and its values, as written, to a condition.

Takes a key and a YAML value with their places; gives the condition. What YAML makes of a value that
is not quoted is put right here: in a rule `yes`, `010` and `12:30:45` are the texts that stand
there, though YAML 1.1 reads true, 8 and 45045.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.conditions import And, Condition, Or, Origin
from sigma2hive.sigma.expansions import Placeholders, Tally
from sigma2hive.sigma.misfits import ValueProblem
from sigma2hive.sigma.modifiers import build_item
from sigma2hive.yamlmarks import Document

#: Values that all modifiers of a rule may make together.
MAX_MADE_BY_RULE = 50_000
_MAX_SHOWN = 120
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")

Keys = tuple[str | int, ...]


class ItemReader:
    """Reads the items of one document; `failed` says whether one had a mistake."""

    def __init__(
        self, document: Document, placeholders: Placeholders, diagnostics: Diagnostics
    ) -> None:
        self._document, self._placeholders = document, placeholders
        self._diagnostics = diagnostics
        self._made = 0
        self.failed = False

    def read(self, selection: str, key: str | None, value: Any, keys: Keys) -> Condition:
        """Return the condition of an item: `key` as written, None for keywords, found at `keys`."""
        entries = value if isinstance(value, list) else [value]
        if any(isinstance(entry, (Mapping, list)) for entry in entries):
            self._error(
                "S2H204",
                keys,
                f"'{key or selection}' holds a map or a nested list where values belong",
                "one map a selection; use several selections for alternatives",
            )
            return Or(())
        places: list[Keys] = [keys]
        if isinstance(value, list):
            places = [(*keys, index) for index in range(len(entries))]
        if any(isinstance(entry, float) and not isfinite(entry) for entry in entries):
            self._error(
                "S2H207",
                keys,
                f"'{key or selection}' holds a number that no value can be",
                "put the value in quotes if it is text",
            )
            return Or(())
        written = [
            (self._as_written(entry, place), place)
            for entry, place in zip(entries, places, strict=True)
        ]
        tally = Tally(self._placeholders)
        modifiers = (key or "").split("|")[1:]
        try:
            if "all" in modifiers or not written:
                # These are one condition, however many values there are.
                written = [([entry for entry, _ in written], keys)]
            else:
                # Value by value, so that an explanation can name the one that was met.
                written = [([entry], place) for entry, place in written]
            conditions = tuple(
                build_item(key, values, self._origin(selection, key, values, place), tally)
                for values, place in written
            )
            self._count(tally)
        except ValueProblem as problem:
            self._error(problem.code, keys, str(problem), problem.hint)
            return Or(())
        if len(conditions) == 1:
            return conditions[0]
        # `neq` over a list: none of the values, so every single negation must hold.
        return And(conditions) if "neq" in modifiers else Or(conditions)

    def _as_written(self, value: Any, keys: Keys) -> Any:
        """Return the value, or the text that stands there where YAML reads something else."""
        if not isinstance(value, (bool, int, float)):
            return value
        text = self._document.written(*keys)
        if _is_plain(value, text):
            return value
        self._diagnostics.warning(
            "S2H218",
            self._document.value_at(*keys),
            f"YAML reads {text} as {_shown(value)}; it is taken as the text '{text}'",
            f"write '{text}' in quotes, or {_shown(value)} if that is meant",
        )
        return text

    def _origin(self, selection: str, key: str | None, values: Sequence[Any], keys: Keys) -> Origin:
        shown = ", ".join(str(entry) for entry in values)
        if len(shown) > _MAX_SHOWN:
            shown = shown[: _MAX_SHOWN - 1] + "…"
        return Origin(selection, key or "keyword", shown, self._document.at(*keys))

    def _count(self, tally: Tally) -> None:
        self._made += tally.made - tally.written
        if self._made > MAX_MADE_BY_RULE:
            raise ValueProblem(
                "S2H207",
                f"the modifiers of the rule make more than {MAX_MADE_BY_RULE:,} values",
                "split the rule",
            )

    def _error(self, code: str, keys: Keys, message: str, hint: str = "") -> None:
        self.failed = True
        self._diagnostics.error(code, self._document.at(*keys), message, hint)


def _is_plain(value: bool | int | float, text: str) -> bool:
    if isinstance(value, bool):
        return text.lower() in ("true", "false")
    if isinstance(value, int):
        return _INTEGER.fullmatch(text) is not None
    return _DECIMAL.fullmatch(text) is not None


def _shown(value: bool | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
