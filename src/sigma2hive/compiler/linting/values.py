"""Values that no event can hold in the field that they are looked for in.

Takes an atom with its fields, and the product of its log source; gives the reason, and what to do.
Says so only where it is sure: by the type of the field in the profile, and by how Windows writes
paths.
"""

from __future__ import annotations

import re

from sigma2hive.compiler.holding import is_held
from sigma2hive.model.conditions import And, Atom, Compare, Condition, Operator, Or, Text
from sigma2hive.model.fields import Field, FieldType

#: Sysmon's and the Security log's fields that hold the path of a file, as Windows writes it.
_PATHS = frozenset(
    {"image", "parentimage", "sourceimage", "targetimage", "imageloaded", "targetfilename"}
    | {"newprocessname", "parentprocessname"}
)
#: Those of them that hold the path of a program. Drivers and "System" have no folder.
_PROGRAMS = frozenset({"image", "parentimage", "sourceimage", "targetimage"})
_PROGRAM = re.compile(r"[^\\/:*?]+\.exe", re.IGNORECASE)
_UPPER = frozenset({Operator.LT, Operator.LTE})
_LOWER = frozenset({Operator.GT, Operator.GTE})


def why_impossible(atom: Atom, product: str, *, by_type: bool) -> tuple[str, str] | None:
    """Return why no event can have the value, and what to do; None where one may.

    `by_type` where the types of the profile are to be looked at.
    """
    found = _windows_path(atom) if product == "windows" else None
    return found or (_type(atom) if by_type else None)


def _windows_path(atom: Atom) -> tuple[str, str] | None:
    name = (atom.name or "").lower()
    if name not in _PATHS or not isinstance(atom.test, Text):
        return None
    if any(isinstance(part, str) and "/" in part for part in atom.test.pattern):
        message = "Windows writes paths with backslashes, and a name cannot hold '/'"
        return message, "write \\ instead of /"
    literal = atom.test.literal
    if name in _PROGRAMS and literal is not None and _PROGRAM.fullmatch(literal):
        message = f"the field holds the whole path of a program, never '{literal}' alone"
        return message, f"write |endswith: '\\{literal}'"
    return None


def _type(atom: Atom) -> tuple[str, str] | None:
    if not atom.fields or any(_may_hold(atom, entry) for entry in atom.fields):
        return None
    told = " and ".join(f"{entry.path} is of the type {entry.type.value}" for entry in atom.fields)
    hint = "look at how the value is written in events"
    if any(entry.type is FieldType.IP for entry in atom.fields):
        hint = "write an address, or a network with |cidr"
    return told, hint


def _may_hold(atom: Atom, entry: Field) -> bool:
    if entry.derived is not None or entry.dynamic or entry.below is not None:
        return True
    if isinstance(atom.test, Text) and atom.test.literal in entry.dropped:
        return True  # that the field is absent means it
    return is_held(atom.test, entry.type)


def empty_range(condition: Condition) -> tuple[Atom, Atom] | None:
    """Return two bounds of one field that no value is within, None where there are none."""
    match condition:
        case Or(parts):
            return next((found for part in parts if (found := empty_range(part))), None)
        case And(parts):
            bounds = [part for part in parts if isinstance(part, Atom)]
            uppers = [atom for atom in bounds if _operator(atom) in _UPPER]
            for lower in (atom for atom in bounds if _operator(atom) in _LOWER):
                for upper in uppers:
                    if upper.name == lower.name and _is_empty(lower, upper):
                        return lower, upper
            return next((found for part in parts if (found := empty_range(part))), None)
    return None


def _operator(atom: Atom) -> Operator | None:
    return atom.test.operator if isinstance(atom.test, Compare) else None


def _is_empty(lower: Atom, upper: Atom) -> bool:
    if not (isinstance(lower.test, Compare) and isinstance(upper.test, Compare)):
        return False
    if lower.test.number == upper.test.number:
        both = {lower.test.operator, upper.test.operator}
        return both != {Operator.GTE, Operator.LTE}
    return lower.test.number > upper.test.number
