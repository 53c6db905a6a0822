"""What is wrong with a value for its modifier, in the words of a rule's author.

Takes pySigma's values and the name of a modifier; gives a reason and what to do. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from sigma.exceptions import SigmaError
from sigma.modifiers import SigmaModifier
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaExpansion,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaType,
)

from sigma2hive.sigma.problems import ValueProblem


def refuse_unfit(value: SigmaType, name: str) -> None:
    """Refuse what pySigma would take for something else than is written.

    Raises:
        ValueProblem: it is of the kind that the modifier takes, and not fit for it.
    """
    if isinstance(value, SigmaCasedString) and name == "fieldref":
        raise ValueProblem(
            "S2H207",
            "|fieldref compares without letter case, so |cased cannot stand before it",
            "leave |cased out",
        )
    if isinstance(value, SigmaRegularExpression) and name in _ANCHORS:
        # pySigma leaves this to backends whose expressions are anchored; ours are not.
        raise ValueProblem(
            "S2H215",
            f"|{name} does not bind a regular expression",
            f"leave it out, and write {_ANCHORS[name]} in the expression",
        )
    if isinstance(value, SigmaNumber) and name in _TIME_PARTS:
        low, high = _TIME_PARTS[name]
        if value.number != int(value.number) or not low <= value.number <= high:
            raise ValueProblem(
                "S2H207",
                f"|{name} takes a whole number from {low} to {high}, not {value.number}",
                "times are read in UTC",
            )


def misfit(value: SigmaType, modifier: SigmaModifier[Any, Any], name: str) -> tuple[str, str]:
    """Return what is wrong with a value that a modifier does not take, and what to do."""
    wanted = get_type_hints(modifier.modify)["val"]
    kinds = [_KINDS[kind] for kind in get_args(wanted) or (wanted,) if kind in _KINDS]
    hint = "leave the modifier out, or give a value that it takes"
    if isinstance(value, (SigmaNumber, SigmaBool)) and "text" in kinds:
        hint = "put the value in quotes if it is text"
    elif isinstance(value, SigmaString) and "a number" in kinds:
        hint = "write a number, without quotes"
    elif isinstance(value, SigmaString) and "true or false" in kinds:
        hint = "write true or false, without quotes"
    elif kinds == [_KINDS[SigmaRegularExpression]]:
        hint = f"write |re|{name}"
    return f"|{name} takes {' or '.join(kinds)}, not {shown(value)}", hint


def shown(value: SigmaType) -> str:
    """Return a value as its author knows it."""
    match value:
        case SigmaNull():
            return "null"
        case SigmaNumber():
            return f"the number {value.number}"
        case SigmaBool():
            return str(value.boolean).lower()
        case SigmaRegularExpression():
            return f"the regular expression '{value.regexp}'"
        case SigmaExpansion():
            return "what the modifiers before it make"
        case SigmaString() | SigmaCIDRExpression():
            return f"'{value}'"
    return "what the modifier before it makes"


def told(error: SigmaError) -> str:
    return str(error.args[0]) if error.args else "the value does not fit"


HINTS = {
    "cidr": "write a network without host bits, as 10.0.0.0/8 or 2001:db8::/32",
    "base64": "leave the wildcards out, or write \\* and \\? if the characters are meant",
    "base64offset": "leave the wildcards out, or write \\* and \\? if the characters are meant",
    "re": "write |re as the first modifier",
}
#: Modifier → the smallest and the largest number that this part of a time can be.
_TIME_PARTS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "week": (1, 53),
    "month": (1, 12),
    "year": (1, 9999),
}
_ANCHORS = {"startswith": "^ at the start", "endswith": "$ at the end"}
_KINDS: Mapping[Any, str] = {
    SigmaString: "text",
    SigmaNumber: "a number",
    SigmaBool: "true or false",
    SigmaRegularExpression: "a regular expression",
}
