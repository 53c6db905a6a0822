"""The correlation section of a Sigma correlation rule.

Source: https://github.com/SigmaHQ/sigma-specification, sigma-correlation-rules-specification.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sigma2hive.diagnostics import Diagnostics, nearest
from sigma2hive.model.rules import (
    CorrelationKind,
    CorrelationRule,
    RefusedCorrelation,
    RuleInfo,
)
from sigma2hive.sigma.correlation_bounds import Asked, ConditionReader
from sigma2hive.sigma.references import canonical_reference, read_references
from sigma2hive.sigma.telling import shown_value
from sigma2hive.yamlmarks import Document

_KEYS = ("type", "rules", "generate", "group-by", "timespan", "aliases", "condition")
_NANOSECONDS = 1_000_000_000


def read_correlation(
    document: Document, info: RuleInfo, diagnostics: Diagnostics
) -> CorrelationRule | None:
    """Return the correlation that the document describes, or None with findings."""
    return _CorrelationReader(document, diagnostics).read(info)


def _is_longer(value: Any, rules: tuple[str, ...]) -> bool:
    return isinstance(value, list) and len(value) > len(rules)


def refused_correlation(document: Document, info: RuleInfo) -> RefusedCorrelation:
    """Return what is still to be known of a correlation that is left out."""
    section = document.value["correlation"]
    if not isinstance(section, Mapping):
        section = {}
    return RefusedCorrelation(
        info=info,
        rules=read_references(section.get("rules")) or _named_in(section.get("condition")),
        generate=section.get("generate") is True,
        rules_place=document.at("correlation", "rules"),
    )


def _named_in(condition: Any) -> tuple[str, ...]:
    """Return the rules that a condition in words names: pySigma then asks for no `rules`."""
    words = re.findall("[A-Za-z_][A-Za-z0-9_]*", condition) if isinstance(condition, str) else []
    return tuple(dict.fromkeys(word for word in words if word not in ("and", "or", "not")))


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
        if kind is None:
            # Nobody knows what its other keys should be.
            return None
        for key in self._section:
            if key not in _KEYS:
                message = f"a correlation has no key '{key}'"
                self._error(message, nearest(str(key), _KEYS), str(key))
        rules = self._rules(kind)
        timespan_ns = self._timespan()
        asked = self._asked(kind)
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
            bounds=asked.bounds,
            group_by=group_by,
            aliases=aliases,
            generate=generate is True,
            values=asked.values,
            percentile=asked.percentile,
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
        if kind.is_temporal and isinstance(self._section.get("condition"), str):
            self._failed = True
            self._diagnostics.error(
                "S2H214",
                self._document.at("correlation", "condition"),
                f"a condition in words makes a {kind} correlation one of a kind that is not "
                f"supported: Sigma 2.1 has none, pySigma calls it {kind}_extended",
                "without a condition all of `rules` are asked for, with gte: 2 any two of them",
            )
            return None
        return kind

    def _rules(self, kind: CorrelationKind) -> tuple[str, ...]:
        value = self._section.get("rules")
        rules = read_references(value)
        if not rules:
            self._error("`rules` is a rule or a list of rules", "name at least one", "rules")
        elif kind is CorrelationKind.TEMPORAL_ORDERED and _is_longer(value, rules):
            self._error(
                "`rules` names a rule twice, and what is to happen twice has no order",
                "name each rule once; for several events of a rule count them in a correlation of "
                "their own, and name that",
                "rules",
            )
        return rules or ()

    def _asked(self, kind: CorrelationKind) -> Asked:
        def written(*keys: str) -> str:
            return self._document.written("correlation", *keys)

        return ConditionReader(kind, written, self._error).read(self._section.get("condition"))

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
        # Here, as pySigma is imported where it is needed only.
        from sigma.correlations import SigmaCorrelationTimespan  # noqa: PLC0415
        from sigma.exceptions import SigmaError  # noqa: PLC0415

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
