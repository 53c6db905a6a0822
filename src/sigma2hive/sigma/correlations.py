"""The correlation section of a Sigma correlation rule.

Source: https://github.com/SigmaHQ/sigma-specification, sigma-correlation-rules-specification.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sigma.correlations import SigmaCorrelationTimespan
from sigma.exceptions import SigmaError

from sigma2hive.diagnostics import Diagnostics, nearest
from sigma2hive.model.conditions import Operator
from sigma2hive.model.rules import (
    Bound,
    CorrelationKind,
    CorrelationRule,
    RefusedCorrelation,
    RuleInfo,
)
from sigma2hive.sigma.references import canonical_reference, read_references
from sigma2hive.sigma.telling import shown_value
from sigma2hive.yamlmarks import Document

_KEYS = ("type", "rules", "generate", "group-by", "timespan", "aliases", "condition")
_NANOSECONDS = 1_000_000_000
_COUNT = re.compile("0|[1-9][0-9]*")
#: Bounds that hold for few or no events: without one of the others an empty group would meet them.
_UPPER = frozenset({Operator.LT, Operator.LTE, Operator.EQ, Operator.NEQ})


def read_correlation(
    document: Document, info: RuleInfo, diagnostics: Diagnostics
) -> CorrelationRule | None:
    """Return the correlation that the document describes, or None with findings."""
    return _CorrelationReader(document, diagnostics).read(info)


def refused_correlation(document: Document, info: RuleInfo) -> RefusedCorrelation:
    """Return what is still to be known of a correlation that is left out."""
    section = document.value["correlation"]
    if not isinstance(section, Mapping):
        section = {}
    return RefusedCorrelation(
        info=info,
        rules=read_references(section.get("rules")) or (),
        generate=section.get("generate") is True,
        rules_place=document.at("correlation", "rules"),
    )


class _CorrelationReader:
    def __init__(self, document: Document, diagnostics: Diagnostics) -> None:
        self._document, self._diagnostics = document, diagnostics
        section = document.value["correlation"]
        self._section: Mapping[str, Any] = section if isinstance(section, Mapping) else {}
        self._failed = False

    def read(self, info: RuleInfo) -> CorrelationRule | None:
        if not self._section:
            self._error("the correlation is empty", "add type, rules, timespan and condition")
            return None
        kind = self._kind()
        if kind is not CorrelationKind.EVENT_COUNT:
            # Of another kind, or none, nobody knows what its other keys should be.
            return None
        for key in self._section:
            if key not in _KEYS:
                message = f"a correlation has no key '{key}'"
                self._error(message, nearest(str(key), _KEYS), str(key))
        rules = self._rules()
        timespan_ns = self._timespan()
        bounds = self._bounds()
        group_by = self._group_by()
        aliases = self._aliases()
        generate = self._section.get("generate", False)
        if not isinstance(generate, bool):
            self._error("`generate` is true or false", "write generate: true", "generate")
        if self._failed:
            return None
        return CorrelationRule(
            info=info,
            kind=kind,
            rules=rules,
            timespan_ns=timespan_ns,
            bounds=bounds,
            group_by=group_by,
            aliases=aliases,
            generate=generate is True,
            places=self._document.places_below("correlation"),
        )

    def _kind(self) -> CorrelationKind | None:
        value = self._section.get("type")
        if value is None:
            self._error("the correlation has no type", "add `type: event_count`", "type")
            return None
        try:
            kind = CorrelationKind(str(value))
        except ValueError:
            message = f"{shown_value(value)} is no type of correlation"
            self._error(message, nearest(str(value), CorrelationKind), "type")
            return None
        if kind is not CorrelationKind.EVENT_COUNT:
            self._failed = True
            self._diagnostics.error(
                "S2H214",
                self._document.at("correlation", "type"),
                f"correlations of type {kind} are not supported yet",
                "event_count is; the rule is left out until then",
            )
            return None
        return kind

    def _rules(self) -> tuple[str, ...]:
        rules = read_references(self._section.get("rules"))
        if not rules:
            self._error("`rules` is a rule or a list of rules", "name at least one", "rules")
        return rules or ()

    def _group_by(self) -> tuple[str, ...]:
        value = self._section.get("group-by")
        if value is None:
            return ()
        entries = value if isinstance(value, list) else [value]
        if not entries or not all(isinstance(entry, str) and entry for entry in entries):
            self._error(
                "`group-by` is a field or a list of fields", "name at least one", "group-by"
            )
            return ()
        return tuple(dict.fromkeys(entries))

    def _timespan(self) -> int:
        value = self._section.get("timespan")
        if value is None:
            self._error("the correlation has no time span", "add `timespan: 10m`", "timespan")
            return 0
        try:
            return SigmaCorrelationTimespan(str(value)).seconds * _NANOSECONDS
        except SigmaError:
            self._error(
                f"{shown_value(value)} is no time span",
                "a number with s, m, h, d or w, as 10m",
                "timespan",
            )
            return 0

    def _bounds(self) -> tuple[Bound, ...]:
        value = self._section.get("condition")
        if not isinstance(value, Mapping) or not value:
            self._error(
                "the correlation has no condition", "add `condition: {gte: 6}`", "condition"
            )
            return ()
        bounds = []
        for key, number in value.items():
            if key in ("field", "percentile"):
                self._error(
                    f"`{key}` has no meaning for event_count", "remove it", "condition", key
                )
                continue
            if key not in set(Operator):
                hint = nearest(str(key), Operator)
                self._error(f"'{key}' is no operator", hint, "condition", key)
                continue
            if not self._is_count(key, number):
                message = f"{shown_value(number)} is no count"
                self._error(message, "a whole number, as gte: 6", "condition", key)
                continue
            bounds.append(Bound(Operator(key), number))
        self._refuse_useless(tuple(bounds))
        return tuple(bounds)

    def _is_count(self, key: str, number: Any) -> bool:
        if isinstance(number, bool) or not isinstance(number, int):
            return False
        # YAML 1.1 reads 010 as 8, and 1:00 as 60.
        return _COUNT.fullmatch(self._document.written("correlation", "condition", key)) is not None

    def _refuse_useless(self, bounds: tuple[Bound, ...]) -> None:
        """Refuse what a group without events meets, and what none can meet."""
        if not bounds:
            return
        lower = [
            bound.number + (bound.operator is Operator.GT)
            for bound in bounds
            if bound.operator not in _UPPER
        ]
        if not lower or max(lower) < 1:
            self._error(
                "a group without any event would meet the condition",
                "give a lower bound of at least one event, as gte: 6",
                "condition",
            )
        elif _is_met_by_none(bounds, max(lower)):
            self._error(
                "no number of events meets all of the condition, so the rule could never fire",
                "keep one bound, as gte: 6",
                "condition",
            )

    def _aliases(self) -> Mapping[str, Mapping[str, str]]:
        value = self._section.get("aliases")
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(
            isinstance(mapping, Mapping)
            and all(isinstance(field, str) and field for field in mapping.values())
            for mapping in value.values()
        ):
            self._error("`aliases` maps alias → rule → field", "see Sigma's manual", "aliases")
            return {}
        return {
            str(alias): {
                canonical_reference(str(rule)): str(field) for rule, field in mapping.items()
            }
            for alias, mapping in value.items()
        }

    def _error(self, message: str, hint: str, *keys: str) -> None:
        self._failed = True
        place = self._document.at("correlation", *keys)
        self._diagnostics.error("S2H209", place, message, hint)


def _is_met_by_none(bounds: tuple[Bound, ...], least: int) -> bool:
    """Whether the other bounds leave no count from `least` on."""
    upper = [
        bound.number - (bound.operator is Operator.LT)
        for bound in bounds
        if bound.operator in (Operator.LT, Operator.LTE, Operator.EQ)
    ]
    equal = {bound.number for bound in bounds if bound.operator is Operator.EQ}
    unequal = {bound.number for bound in bounds if bound.operator is Operator.NEQ}
    least = max([least, *equal])
    while least in unequal:
        least += 1
    return bool(upper) and least > min(upper)
