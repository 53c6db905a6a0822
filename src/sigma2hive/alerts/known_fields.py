"""Fields that templates and rows ask for although nothing says that events have them.

Takes templates, rows and what is known of fields; gives warnings (S2H409). An absent field is
"unknown" in an alert, so a mistyped one would be wrong in each of them, and nobody would be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import field
from difflib import get_close_matches

from sigma2hive.alerts.checks import read_custom
from sigma2hive.alerts.lookup import ecs_fields
from sigma2hive.alerts.templates import asked_fields
from sigma2hive.diagnostics import Diagnostics, Location, nearest
from sigma2hive.model.mappings import (
    AlertSettings,
    Mappings,
    ObservableMapping,
    TemplateText,
    templates_of,
)
from sigma2hive.model.profiles import LogsourcePlace
from sigma2hive.model.rules import RuleInfo, place_of
from sigma2hive.records import dataclass

#: How alike a name and a known one are that the name is a mistake: a letter or two.
_NEAR_MISS = 0.88
_REMEDY = "If your events do have it, name it under `field_types` of a profile in mappings/schemas/"


@dataclass(frozen=True, slots=True)
class KnownFields:
    """What says which fields there are: ECS, a profile at some places, and `named` ones besides."""

    places: tuple[LogsourcePlace, ...]
    named: frozenset[str] = field(default_factory=frozenset)

    def check_rule(self, info: RuleInfo, mappings: Mappings, diagnostics: Diagnostics) -> None:
        """Report what a rule's own attribute asks for in vain."""
        custom = read_custom(info, Diagnostics(), mappings.observables.data_types)
        mapped = _mapped(mappings) | {row.field for row in custom.observables}
        self._check_templates(templates_of(custom.settings), mapped, diagnostics)
        self._check_group(info, custom.settings, diagnostics)
        self._check_rows(custom.observables, diagnostics)

    def check_mappings(self, mappings: Mappings, diagnostics: Diagnostics) -> None:
        """Report what the mapping files ask for in vain."""
        self._check_templates(mappings.alerts.templates(), _mapped(mappings), diagnostics)
        self._check_rows(mappings.observables.rows, diagnostics)

    def unknown(self, name: str) -> str:
        """Return the nearest that is known, as a hint, for a field that is not; else ""."""
        return "" if self._knows(name) else nearest(name, self._all(), "check its spelling")

    def _check_templates(
        self, templates: Iterable[TemplateText], mapped: Set[str], diagnostics: Diagnostics
    ) -> None:
        for template in templates:
            for name in asked_fields(template.text):
                if name not in mapped and not self._knows(name):
                    hint = nearest(name, self._all(), "check its spelling.")
                    _report(name, template.location, f"{hint} {_REMEDY}", diagnostics)

    def _check_group(
        self, info: RuleInfo, settings: AlertSettings, diagnostics: Diagnostics
    ) -> None:
        """Report fields that matches are told apart by although no event has them."""
        by = settings.suppress.by if settings.suppress is not None else ()
        for name in dict.fromkeys((*(settings.group or ()), *by)):
            if not self._knows(name) and _is_near(name, self._all()):
                keys = ("group",) if name in (settings.group or ()) else ("suppress", "by")
                place = place_of(info.custom_places, keys) or info.location
                _report(name, place, nearest(name, self._all()), diagnostics)

    def _check_rows(self, rows: Iterable[ObservableMapping], diagnostics: Diagnostics) -> None:
        for row in rows:
            # A row may name what is a team's own, or speak for logs that no rule looks at.
            if not self._knows(row.field) and _is_near(row.field, self._all()):
                _report(row.field, row.location, nearest(row.field, self._all()), diagnostics)

    def _knows(self, name: str) -> bool:
        if name in self.named or name in ecs_fields():
            return True
        return any(_knows_at(name, place) for place in self.places)

    def _all(self) -> list[str]:
        names = {*self.named, *ecs_fields()}
        for place in self.places:
            names.update(place.paths)
            names.update(path for paths in place.paths.values() for path in paths)
        return sorted(names)


def _mapped(mappings: Mappings) -> Set[str]:
    """Return the fields that a team names in its mappings, which it should know."""
    alerts = mappings.alerts
    rows = {row.field for row in mappings.observables.rows}
    return rows.union(alerts.mute_by, *alerts.key_fields.values())


def _report(name: str, place: Location, hint: str, diagnostics: Diagnostics) -> None:
    message = f"alerts ask for the field '{name}', which nothing says that events have"
    diagnostics.warning("S2H409", place, message, hint)


def _knows_at(name: str, place: LogsourcePlace) -> bool:
    if name in place.paths or name in place.derived or place.types.knows(name):
        return True
    if any(name in paths for paths in place.paths.values()):
        return True
    if not place.default_prefix:
        return False
    if "." in name:
        return name.startswith(place.default_prefix)
    # Programs that log have many names, and no list has them all: only a near miss is a mistake.
    return not _is_near(name, place.paths)


def _is_near(name: str, known: Iterable[str]) -> bool:
    return bool(get_close_matches(name, list(known), n=1, cutoff=_NEAR_MISS))
