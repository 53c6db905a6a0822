"""What a rule says of a raw Windows event, as far from our own evaluators as can be.

`says` reads a rule's condition over the event's own names with Python's regular expressions: no
profile, no normalisation, no folding table. It says what is expected where letter case decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from sigma2hive.model.conditions import (
    And,
    Cidr,
    Condition,
    Not,
    Null,
    Number,
    Or,
    Regex,
    Test,
    Text,
    Wildcard,
    atoms_of,
)

_WILDCARDS = {Wildcard.ANY: ".*", Wildcard.ONE: "."}


def is_decided_by_case(condition: Condition) -> bool:
    """Whether `|cased`, or `|re` without `|i`, is somewhere in the rule."""
    return any(_looks_at_case(atom.test) for atom in atoms_of(condition))


def _looks_at_case(test: Test) -> bool:
    if isinstance(test, Text):
        return test.cased
    return isinstance(test, Regex) and not test.ignore_case


def says(condition: Condition, event: dict[str, Any]) -> bool:
    """Return whether the condition holds for the raw event."""
    if isinstance(condition, And):
        return all(says(part, event) for part in condition.conditions)
    if isinstance(condition, Or):
        return any(says(part, event) for part in condition.conditions)
    if isinstance(condition, Not):
        return not says(condition.condition, event)
    assert condition.name is not None, "a keyword: what it searches is the profile's to say"
    texts = list(_texts_of(event["Event"], condition.name))
    if isinstance(condition.test, Null):
        return not texts
    return any(_meets(condition.test, text) for text in texts)


def _texts_of(event: dict[str, Any], name: str) -> Iterator[str]:
    for part in (event["System"], event["EventData"]):
        if part.get(name) is not None:
            yield str(part[name])


def _meets(test: Test, text: str) -> bool:
    if isinstance(test, Text):
        pattern = "".join(
            re.escape(part) if isinstance(part, str) else _WILDCARDS[part] for part in test.pattern
        )
        return bool(re.fullmatch(pattern, text, re.DOTALL | (0 if test.cased else re.IGNORECASE)))
    if isinstance(test, Regex):
        flags = re.ASCII | (re.IGNORECASE if test.ignore_case else 0)
        return bool(re.search(test.pattern, text, flags))
    if isinstance(test, Cidr):
        return ip_address(text) in test.network
    assert isinstance(test, Number), test
    return text == str(test.number)
