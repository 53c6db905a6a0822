"""What a match is counted under: who and where.

Takes a match and what holds for its rule; gives a text that is the same for all matches of one
group, whatever the spelling of values and the order of fields.
"""

from __future__ import annotations

import hashlib
import json

from sigma2hive.model.canonical import JsonValue, canonical_json
from sigma2hive.model.identity import fold_group_value
from sigma2hive.model.mappings import AlertSettings
from sigma2hive.model.matches import Match
from sigma2hive.runner.building import RuleFacts

#: What logs write where they have nothing to say.
_NOTHING = frozenset({"", "-"})
#: Longer values are cut, and told apart by a digest.
_MAX_VALUE = 200
_MAX_SHOWN = 300


def group_of(match: Match, facts: RuleFacts) -> str:
    """Return the group of a match as text, "" where nothing tells it from others of its rule.

    The fields are those that the rule names; else an episode has its correlation's group, and an
    event the fields of alerts.yml. What an event does not have is no part of its group.
    """
    named = _fields(facts.own)
    found: dict[str, tuple[str, ...]]
    if match.is_episode and named is None:
        found = {name: (value,) for name, value in match.group}
    else:
        names = named if named is not None else _fields(facts.settings) or ()
        found = {name: facts.values(name, match.events) for name in names}
    pairs: list[JsonValue] = []
    for name in sorted(found):
        values = sorted({_short(fold_group_value(value)) for value in found[name]} - _NOTHING)
        if values:
            pairs.append([name, *values])
    return canonical_json(pairs).decode("ascii") if pairs else ""


def shown_group(group: str) -> str:
    """Return a group as people read it: host.name=dc01, user.name=ann."""
    if not group:
        return "all of the rule"
    parts = (f"{name}={'+'.join(values)}" for name, *values in json.loads(group))
    shown = ", ".join(parts)
    return shown if len(shown) <= _MAX_SHOWN else shown[: _MAX_SHOWN - 1] + "…"


def _fields(settings: AlertSettings) -> tuple[str, ...] | None:
    if settings.suppress is not None and settings.suppress.by:
        return settings.suppress.by
    return settings.group


def _short(value: str) -> str:
    if len(value) <= _MAX_VALUE:
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{value[:_MAX_VALUE]}…{digest}"
