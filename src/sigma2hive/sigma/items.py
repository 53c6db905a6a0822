"""The items of a selection: a field with modifiers and its values, as written, to a condition.

Takes a key and a YAML value with their places; gives the condition. What YAML makes of a value that
is not quoted is put right here: in a rule `yes`, `010` and `12:30:45` are the texts that stand
there, though YAML 1.1 reads true, 8 and 45045.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.conditions import And, Condition, Or, Origin
from sigma2hive.sigma.plain import plain_condition
from sigma2hive.sigma.problems import ValueProblem
from sigma2hive.sigma.tallies import Placeholders, Tally
from sigma2hive.yamlmarks import Document

#: Values that all modifiers of a rule may make together.
MAX_MADE_BY_RULE = 50_000
_MAX_SHOWN = 120
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")

#: Kinds of values where one value belongs, and those that YAML makes of what is written.
_NESTED = frozenset({dict, list})
_READ_BY_YAML = frozenset({bool, int, float})

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
        kinds = set(map(type, entries))
        if kinds & _NESTED:
            self._error(
                "S2H204",
                keys,
                f"'{key or selection}' holds a map or a nested list where values belong",
                "one map a selection; use several selections for alternatives",
            )
            return Or(())
        if kinds & _READ_BY_YAML:
            if not all(map(_can_be, entries)):
                self._error(
                    "S2H207",
                    keys,
                    f"'{key or selection}' holds a number that no value can be",
                    "put the value in quotes if it is text",
                )
                return Or(())
            each = [(*keys, at) for at in range(len(entries))] if entries is value else [keys]
            entries = list(map(self._as_written, entries, each))
        tally = Tally(self._placeholders)
        modifiers = (key or "").split("|")[1:]
        is_together = "all" in modifiers or not entries
        try:
            conditions = tuple(
                _condition(key, values, _origin(selection, key, values, place), tally)
                for values, place in self._groups(value, entries, keys, is_together=is_together)
            )
            self._count(tally)
        except ValueProblem as problem:
            self._error(problem.code, keys, str(problem), problem.hint)
            return Or(())
        if len(conditions) == 1:
            return conditions[0]
        # `neq` over a list: none of the values, so every single negation must hold.
        return And(conditions) if "neq" in modifiers else Or(conditions)

    def _groups(
        self, value: Any, entries: list[Any], keys: Keys, *, is_together: bool
    ) -> Iterable[tuple[list[Any], Location]]:
        """Return the values that are read together, each group with its place."""
        if is_together or not isinstance(value, list):
            return [(entries, self._document.at(*keys))]
        # Value by value, so that an explanation can name the one that was met.
        return zip(
            ([entry] for entry in entries), self._document.places_of_items(*keys), strict=True
        )

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


def _origin(selection: str, key: str | None, values: Sequence[Any], place: Location) -> Origin:
    shown = ", ".join(map(str, values))
    if len(shown) > _MAX_SHOWN:
        shown = shown[: _MAX_SHOWN - 1] + "…"
    return Origin(selection, key or "keyword", shown, place)


def _condition(key: str | None, values: Sequence[Any], origin: Origin, tally: Tally) -> Condition:
    found = plain_condition(key, values, origin, tally)
    if found is None:
        # Here, since pySigma takes a fifth of a second to import, and few rules need it.
        from sigma2hive.sigma.modifiers import build_item  # noqa: PLC0415

        found = build_item(key, values, origin, tally)
    return found


def _can_be(value: Any) -> bool:
    """Whether a value is none of the numbers that nothing is equal to, or no float can hold."""
    try:
        return not isinstance(value, int | float) or isfinite(value)
    except OverflowError:
        return False


def _is_plain(value: bool | int | float, text: str) -> bool:
    if isinstance(value, bool):
        return text.lower() in ("true", "false")
    if isinstance(value, int):
        return _INTEGER.fullmatch(text) is not None
    return _DECIMAL.fullmatch(text) is not None


def _shown(value: bool | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
