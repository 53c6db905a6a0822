"""Where rules are blind: what they ask for that the cluster's indices cannot show.

Takes compiled rules and a profile with snapshots; gives warnings at the rules' own places, and how
many rules can never match. Without a snapshot of all that a rule reads nothing is said of it. A
rule that is blind in part is still right: what the index holds is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sigma2hive.compiler.holding import longest_needed, why_not_held
from sigma2hive.diagnostics import Diagnostics, nearest
from sigma2hive.model.conditions import (
    And,
    Atom,
    Condition,
    Exists,
    FieldReference,
    Not,
    Null,
    Or,
)
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.profiles import LogsourcePlace, Profile
from sigma2hive.model.rules import Blindness, CompiledRule
from sigma2hive.model.snapshot_types import IndexView

_PULL = "look at what ships the events; after a change run `sigma2hive schema pull` again"


def find_blindness(rules: Iterable[CompiledRule], profile: Profile) -> Blindness:
    """Return a warning for everything that a rule asks for and the profile's snapshots lack."""
    seen = Blindness()
    if not profile.snapshots:  # then no rule needs to be looked at, nor to be loaded for it
        return seen
    for rule in rules:
        place = profile.place(rule.logsource)
        if place is None or place.view is None:
            continue
        seen.checked += 1
        before = len(seen.findings)
        can_match = _check_rule(rule, place, place.view, seen.findings)
        seen.blind += len(seen.findings) > before
        seen.never += not can_match
    return seen


def _check_rule(
    rule: CompiledRule, place: LogsourcePlace, view: IndexView, diagnostics: Diagnostics
) -> bool:
    """Return whether the rule can match at all."""
    where = ", ".join(place.indices)
    place_of_rule = rule.info.location
    if not view.indices:
        message = f"when the snapshot was pulled, no index fitted {where}"
        diagnostics.warning("S2H415", place_of_rule, message, _PULL)
        return False
    if view.sourceless:
        names = ", ".join(view.sourceless)
        message = f"{names} does not keep documents (_source is off): hits cannot be decided"
        hint = "turn _source on in the index template, or use another index in the profile"
        diagnostics.warning("S2H416", place_of_rule, message, hint)
    report = _Report(view, where, diagnostics)
    for atom, is_wanted in _atoms(rule.condition, True):
        report.check(atom, is_wanted)
    for part, name in ((rule.gate, "the log source's condition"), (rule.condition, "the rule")):
        if not _outcomes(part, view)[0]:
            reasons = "; ".join(sorted({why for why in _reasons(part, view) if why}))
            message = f"{name} cannot be met in {where}: {reasons}"
            diagnostics.warning("S2H410", place_of_rule, message, _PULL)
            return False
    return True


def _atoms(condition: Condition, is_wanted: bool) -> Iterator[tuple[Atom, bool]]:
    """Yield every atom, and whether it stands under an even number of negations."""
    match condition:
        case Atom():
            yield condition, is_wanted
        case Not(inner):
            yield from _atoms(inner, not is_wanted)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _atoms(part, is_wanted)


def _outcomes(condition: Condition, view: IndexView) -> tuple[bool, bool]:
    """Return whether the condition can be true, and whether it can be false."""
    match condition:
        case Not(inner):
            can_be_true, can_be_false = _outcomes(inner, view)
            return can_be_false, can_be_true
        case And(parts):
            each = [_outcomes(part, view) for part in parts]
            return all(pair[0] for pair in each), any(pair[1] for pair in each)
        case Or(parts):
            each = [_outcomes(part, view) for part in parts]
            return any(pair[0] for pair in each), all(pair[1] for pair in each)
        case Atom() if not _why_never(condition, view):
            return True, True
        case Atom(test=Null() | Exists(False)):
            return True, False
        case Atom():
            return False, True


def _reasons(condition: Condition, view: IndexView) -> Iterator[str]:
    for atom, _ in _atoms(condition, True):
        yield _why_never(atom, view)


def _why_never(atom: Atom, view: IndexView) -> str:
    """Return why no event can have a value that the atom means; "" where one may."""
    if _is_missing(atom):
        return f"no field {' or '.join(_missing_paths(atom))}"
    return _why_not_held(atom, view)


def _is_missing(atom: Atom) -> bool:
    """Whether no event can have a value that the atom looks at."""
    return any(bool(side) and all(map(_has_no_value, side)) for side in _sides(atom))


def _sides(atom: Atom) -> list[tuple[Field, ...]]:
    if isinstance(atom.test, FieldReference):
        return [atom.fields, atom.test.fields]
    return [atom.fields]


def _has_no_value(entry: Field) -> bool:
    if entry.derived is not None:
        return all(part.missing for part in entry.parts)
    return entry.missing


def _missing_paths(atom: Atom) -> list[str]:
    """Return the index fields that are missing, parts of derived ones among them."""
    return list(dict.fromkeys(entry.path for entry in _index_fields(atom) if entry.missing))


def _index_fields(atom: Atom) -> list[Field]:
    """Return the fields of the index that the atom looks at, parts of derived ones among them."""
    fields = [entry for side in _sides(atom) for entry in side]
    return [part for entry in fields for part in (entry.parts or (entry,))]


def _why_not_held(atom: Atom, view: IndexView) -> str:
    """Return what the fields are that cannot hold the value; "" where one can."""
    if isinstance(atom.test, (Null, Exists, FieldReference)):
        return ""
    there = [entry for entry in atom.fields if not _has_no_value(entry)]
    reasons = [why_not_held(atom.test, entry, view) for entry in there]
    if not reasons or not all(reasons):
        return ""
    told = zip(there, reasons, strict=True)
    return " and ".join(f"{entry.path} is {reason}" for entry, reason in told)


@dataclass(slots=True)
class _Report:
    """Writes one warning for each field of a rule and kind of trouble."""

    view: IndexView
    where: str
    diagnostics: Diagnostics
    _told: set[tuple[str, str]] = field(default_factory=set)

    def check(self, atom: Atom, is_wanted: bool) -> None:
        """Add what is wrong with one atom. `is_wanted` False is under a negation."""
        if _is_missing(atom):
            self._missing(atom, is_wanted)
            return
        self._unkept(atom)
        self._differing(atom)
        self._not_held(atom)
        self._too_long(atom)

    def _warn(self, code: str, atom: Atom, subject: str, message: str, hint: str) -> None:
        if (code, subject) not in self._told:
            self._told.add((code, subject))
            self.diagnostics.warning(code, atom.origin.location, message, hint)

    def _missing(self, atom: Atom, is_wanted: bool) -> None:
        paths = _missing_paths(atom)
        effect = "this part never matches"
        if not is_wanted:
            effect = "this part, which the rule negates, changes nothing"
        if isinstance(atom.test, Null) or atom.test == Exists(False):
            effect = "it counts as absent in every event"
        read = "" if atom.name in (None, *paths) else f" for {atom.name!r}"
        message = f"{self.where} has no field {' or '.join(paths)}{read}: {effect}"
        self._warn("S2H411", atom, str(atom.name), message, self._nearest_field(paths[0]))

    def _nearest_field(self, path: str) -> str:
        """Return a hint at the field that the index may have in place of `path`."""
        last = path.rpartition(".")[2].lower()
        names = sorted(self.view.facts)
        same_end = [name for name in names if name.rpartition(".")[2].lower() == last]
        if len(same_end) == 1:
            return f"did you mean '{same_end[0]}'?"
        return nearest(path, same_end, _PULL)

    def _unkept(self, atom: Atom) -> None:
        for entry in _index_fields(atom):
            placed = [at for fact, at in self.view.facts.get(entry.path, ()) if fact.is_unkept]
            if placed:
                names = ", ".join(sorted({name for at in placed for name in at}))
                message = (
                    f"{names} keeps documents without {entry.path}: no event has a value there"
                )
                hint = "take it out of _source.excludes in the index template"
                self._warn("S2H416", atom, entry.path, message, hint)

    def _differing(self, atom: Atom) -> None:
        for entry in _index_fields(atom):
            if not (entry.opaque or entry.type is FieldType.OTHER):
                continue
            if note := self.view.differing(entry.path):
                asked = "only for its presence" if entry.opaque else "not for it at all"
                message = (
                    f"{entry.path} differs between indices ({note}), so queries ask {asked}, and "
                    "every event that they then find is looked at"
                )
                hint = "give the index templates one type for it, and reindex or wait"
                self._warn("S2H414", atom, entry.path, message, hint)

    def _not_held(self, atom: Atom) -> None:
        reason = _why_not_held(atom, self.view)
        if reason:
            message = f"{reason}, so it never has the value {atom.origin.value!r}"
            hint = "look at how the value is written in events, or at the profile's field"
            self._warn("S2H412", atom, f"{atom.name} {atom.origin.value}", message, hint)

    def _too_long(self, atom: Atom) -> None:
        needed = longest_needed(atom.test)
        there = [entry for entry in atom.fields if not _has_no_value(entry)]
        short = [entry for entry in there if 0 < entry.ignore_above < needed]
        if not short or len(short) < len(there):
            return
        limits = ", ".join(f"{entry.path} up to {entry.ignore_above:,}" for entry in short)
        message = (
            f"the value takes at least {needed:,} characters, and the index keeps {limits}: every "
            "event with a longer value is looked at one by one"
        )
        hint = "raise ignore_above in the index template, or shorten the value"
        self._warn("S2H413", atom, str(atom.name), message, hint)
