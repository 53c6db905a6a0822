"""Conditions that mean nothing, values that never match, and searches that cost much.

Takes compiled rules; gives findings at the rules' own places.
"""

from __future__ import annotations

from sigma2hive.compiler.linting.implication import is_always, is_never
from sigma2hive.compiler.linting.values import empty_range, why_impossible
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.conditions import Atom, Condition, Regex, Text, Wildcard, atoms_of
from sigma2hive.model.fields import EVERY_FIELD, FieldType
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import CompiledRule, DetectionRule

_KEYWORDS = frozenset({FieldType.KEYWORD, FieldType.CONSTANT_KEYWORD})
#: A shorter literal after a wildcard is in too many terms. What is longer is looked for the same
#: way, but there is no other for `|endswith: '\\cmd.exe'`, so nothing is said of it.
_SELECTIVE = 4
_UNANCHORED = (".*", ".+", "^.*", "^.+", "(?i).*", "(?i).+")


def lint_condition(rule: DetectionRule, place: Location, findings: Diagnostics) -> None:
    """Report what is wrong with a condition on any index; `place` is where it stands."""
    _report_logic(rule.condition, place, findings)
    _report_range(rule.condition, findings)


def lint_compiled(made: CompiledRule, profile: Profile, findings: Diagnostics) -> None:
    """Report what is wrong with a rule's own condition on the indices of a profile."""
    at = profile.place(made.logsource)
    if at is None:
        return
    # With a snapshot, `blindness` knows the types of the index itself.
    product = made.logsource.product or ""
    _report_values(made.unfiltered, product, at.view is not None, findings)
    _report_costs(made.unfiltered, findings)


def _report_logic(condition: Condition, place: Location, findings: Diagnostics) -> None:
    if is_never(condition):
        message = "no event can meet the condition: what one part asks for, another excludes"
        hint = "look at what stands behind `not`: it covers all that the rest finds"
        findings.warning("S2H227", place, message, hint)
    elif is_always(condition):
        message = "every event of the log source meets the condition"
        hint = "`a or not a` asks for nothing; `and` may be meant"
        findings.warning("S2H227", place, message, hint)


def _report_range(condition: Condition, findings: Diagnostics) -> None:
    if (found := empty_range(condition)) is not None:
        lower, upper = found
        message = f"no value is within {lower.origin.item} {lower.origin.value} and "
        message += f"{upper.origin.item} {upper.origin.value}"
        hint = "exchange the two bounds, or use two selections with `or`"
        findings.warning("S2H228", upper.origin.location, message, hint)


def _report_values(
    condition: Condition, product: str, has_snapshot: bool, findings: Diagnostics
) -> None:
    told: set[Location] = set()
    for atom in atoms_of(condition):
        place = atom.origin.location
        found = why_impossible(atom, product, by_type=not has_snapshot)
        if found is not None and place not in told:
            told.add(place)
            reason, hint = found
            message = f"{atom.origin.item} never has the value '{atom.origin.value}': {reason}"
            findings.warning("S2H228", place, message, hint)


def _report_costs(condition: Condition, findings: Diagnostics) -> None:
    """Report the first value that makes the index look at every term, and how many do."""
    slow = {atom.origin.location: atom for atom in atoms_of(condition) if _is_slow(atom)}
    if slow:
        atom = next(iter(slow.values()))
        others = f" (so do {len(slow) - 1:,} more of the rule)" if len(slow) > 1 else ""
        path = atom.fields[0].path if atom.fields else str(atom.name)
        shown = "every field" if path == EVERY_FIELD else path
        message = f"the value makes a search look at every term of {shown}{others}"
        hint = "look for more of the value, or anchor it at its start; a wildcard field is faster"
        findings.info("S2H229", atom.origin.location, message, hint)


def _is_slow(atom: Atom) -> bool:
    if not any(entry.type in _KEYWORDS for entry in atom.fields):
        return False
    match atom.test:
        case Text(pattern):
            literals = "".join(part for part in pattern if isinstance(part, str))
            return pattern[:1] == (Wildcard.ANY,) and 0 < len(literals) < _SELECTIVE
        case Regex(pattern):
            return not pattern.startswith("^") or pattern.startswith(_UNANCHORED)
    return False
