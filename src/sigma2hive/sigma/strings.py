"""pySigma's strings as our patterns, and back."""

from __future__ import annotations

from sigma.types import SigmaString, SpecialChars

from sigma2hive.model.conditions import Wildcard
from sigma2hive.sigma.patterns import Pattern, joined

_WILDCARDS = {
    SpecialChars.WILDCARD_MULTI: Wildcard.ANY,
    SpecialChars.WILDCARD_SINGLE: Wildcard.ONE,
}
_SPECIAL = {wildcard: special for special, wildcard in _WILDCARDS.items()}


def pattern_in(value: SigmaString) -> Pattern:
    """Return the pattern of a string."""
    return joined(
        part if isinstance(part, str) else _WILDCARDS[part]
        for part in value.s
        if isinstance(part, str | SpecialChars)
    )


def string_of(pattern: Pattern) -> SigmaString:
    """Return the string of a pattern."""
    value = SigmaString()
    value.s = [part if isinstance(part, str) else _SPECIAL[part] for part in pattern]
    return value
