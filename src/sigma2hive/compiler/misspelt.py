"""Names of fields that are nearly one the profile has: such a rule would match nothing, silently.

Takes conditions in Sigma's field names and the place of their log source; gives findings (S2H220).
A name that nothing knows is no mistake by itself, since events have fields that no profile lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.conditions import Condition, FieldReference, atoms_of
from sigma2hive.model.fields import TypeTable
from sigma2hive.model.folding import fold
from sigma2hive.model.profiles import Logsource, LogsourcePlace, Profile

#: Elastic's list of fields below `winlog.event_data` names those of auditing. It is no measure for
#: others: bits_client has `processPath` where this has `ProcessPath`, and both are right.
_AUDITED = Logsource("windows", service="security")

#: Of shorter names another letter makes another word: `path` and `patch`.
_LONG = 6


@dataclass(slots=True)
class Spelling:
    """Compares names with those of the profile's places; what a place has is looked at once."""

    _known: dict[int, dict[str, str]] = field(default_factory=dict)
    #: Place and name → the known name that it nearly is; many rules ask for the same few names.
    _near: dict[tuple[int, str], str | None] = field(default_factory=dict)

    def check(
        self,
        condition: Condition,
        logsource: Logsource,
        profile: Profile,
        diagnostics: Diagnostics,
    ) -> None:
        """Warn, once a name and place, of each that is one letter away from a known one."""
        place = profile.place(logsource)
        if place is None:
            return
        # Where events have Sigma's own names they need not be listed; another profile does.
        named = profile.alert_place(logsource)
        places = (place,) if named is None else (place, named)
        is_audited = logsource == _AUDITED
        told: set[tuple[str, Location]] = set()
        for name, location in _names(condition):
            near = self._misspelt(name, places, is_audited=is_audited)
            if near is not None and (name, location) not in told:
                told.add((name, location))
                read = ", ".join(entry.path for entry in place.resolve(name))
                diagnostics.warning(
                    "S2H220",
                    location,
                    f"the profile knows no field '{name}' here; it is read as {read}",
                    f"did you mean '{near}'? Letter case counts in the names of fields",
                )

    def _misspelt(
        self, name: str, places: Sequence[LogsourcePlace], *, is_audited: bool
    ) -> str | None:
        key = (id(places[0]), name)
        if key not in self._near:
            is_a_field = any(self._is_a_field(name, entry) for entry in places)
            near = None if is_a_field else self._nearest(name, places, is_audited=is_audited)
            self._near[key] = near
        return self._near[key]

    def _is_a_field(self, name: str, place: LogsourcePlace) -> bool:
        if name in place.paths or name in place.derived or place.types.knows(name):
            return True
        return any(place.types.find(entry.path) is not None for entry in place.resolve(name))

    def _nearest(
        self, name: str, places: Sequence[LogsourcePlace], *, is_audited: bool
    ) -> str | None:
        place = places[0]
        if id(place) not in self._known:
            self._known[id(place)] = _by_form(places, is_audited=is_audited)
        known = self._known[id(place)]
        mine = {entry.path for entry in place.resolve(name)}
        for form in _forms(name):
            near = known.get(form)
            if near and mine.isdisjoint(entry.path for entry in place.resolve(near)):
                return near
        return None


def _by_form(places: Iterable[LogsourcePlace], *, is_audited: bool) -> dict[str, str]:
    """Return the names that places know, by each form that a near name may have too."""
    names = [name for place in places for name in place.paths]
    if is_audited:
        names += [name for place in places for name in _below_prefix(place)]
    return {form: name for name in names for form in _forms(name)}


def _below_prefix(place: LogsourcePlace) -> Iterator[str]:
    """Yield the names under which the index is known to have fields of events below its prefix."""
    table: TypeTable | None = place.types if place.default_prefix else None
    while table is not None:
        for path in table.known:
            if path.startswith(place.default_prefix) and "*" not in path:
                yield path.removeprefix(place.default_prefix)
        table = table.fallback


def nearly(name: str, known: Iterable[str]) -> list[str]:
    """Return those of the known names that are one letter or a letter's case away."""
    mine = set(_forms(name))
    return [entry for entry in known if not mine.isdisjoint(_forms(entry))]


def _names(condition: Condition) -> Iterator[tuple[str, Location]]:
    for atom in atoms_of(condition):
        if atom.name is not None:
            yield atom.name, atom.origin.location
        if isinstance(atom.test, FieldReference):
            yield atom.test.name, atom.origin.location


def _forms(name: str) -> Iterator[str]:
    """Yield the name in one letter case, then without each letter; near names share one."""
    folded = fold(name)
    yield folded
    if len(folded) >= _LONG:
        for position in range(len(folded)):
            yield folded[:position] + folded[position + 1 :]
