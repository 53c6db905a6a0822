"""Identities: the JSON values that a TheHive sourceRef is a digest of.

Made of the rule's id and event keys, never of rule text, so that they outlive edits. They are kept
in TheHive for years: a golden file guards them, and a change needs a new scheme number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from sigma2hive.model.canonical import JsonValue, digest
from sigma2hive.model.events import EventKey
from sigma2hive.model.folding import fold
from sigma2hive.model.rules import Bound, CorrelationRule
from sigma2hive.model.scalars import address_of

#: The values of a group, folded: (name of the grouping field, value), sorted by name.
GroupKey = tuple[tuple[str, str], ...]

#: The number of this way to make identities.
SCHEME = 1


def event_identity(rule_id: str, key: EventKey) -> JsonValue:
    """Return the identity of a rule's match on one event."""
    return [SCHEME, "event", rule_id.lower(), key.as_json()]


def episode_identity(rule_id: str, epoch: str, group: GroupKey, first_key: EventKey) -> JsonValue:
    """Return the identity of an episode; `first_key` is the first event that it fired with."""
    pairs: list[JsonValue] = [[name, value] for name, value in group]
    return [SCHEME, "episode", rule_id.lower(), epoch, pairs, first_key.as_json()]


def silence_identity(pattern: str, last_ns: int) -> JsonValue:
    """Return the identity of a source's silence: an index pattern, and when its last event came."""
    return [SCHEME, "silence", pattern, last_ns]


def summary_identity(rule_id: str, severity: int, start_ns: int) -> JsonValue:
    """Return the identity of the alert that tells of a rule's matches beyond a cap.

    `start_ns` is the start of the hour (UTC) in which they were found; without a rule, "", it is
    the summary of what is beyond the cap of all rules together. `severity` is part of it, since an
    alert keeps the severity that it was made with.
    """
    return [SCHEME, "summary", rule_id.lower(), severity, start_ns // 1_000_000_000]


def group_key(values: Mapping[str, str]) -> GroupKey:
    """Return the key of the group with these values, by the name of the grouping field.

    Neither the order of the fields nor how a value was spelled makes another group.
    """
    return tuple(sorted((name, fold_group_value(value)) for name, value in values.items()))


def fold_group_value(value: str) -> str:
    """Return what all spellings of a group's value have in common.

    An address is one whatever the type of its field: the same event has it as an `ip` in one index
    and as a keyword in another. Its zone (fe80::1%12) is a number that the logging machine gave to
    an interface, and says nothing of who it is. Any other text is itself without letter case.
    """
    address = address_of(value)
    return fold(value) if address is None else str(address).partition("%")[0]


def epoch_of(
    correlation: CorrelationRule,
    rule_ids: Iterable[str],
    grouped_by: Mapping[str, Mapping[str, str]],
    more: Mapping[str, JsonValue] | None = None,
) -> str:
    """Return the digest of what a correlation asks; a change of it starts a new epoch.

    `rule_ids` are those of the rules that it counts, `grouped_by` maps the name of each grouping
    field to rule id → the Sigma field that is read there; `more` is what else its kind asks, by
    name. What says the same in another order, or by a rule's name instead of its id, is the same
    epoch.
    """
    fields: JsonValue = {
        name: {rule_id.lower(): field for rule_id, field in by_rule.items()}
        for name, by_rule in grouped_by.items()
    }
    asked: list[JsonValue] = [
        SCHEME,
        correlation.kind.value,
        sorted({rule_id.lower() for rule_id in rule_ids}),
        correlation.timespan_ns,
        _bounds(correlation.bounds),
        fields,
    ]
    return digest([*asked, dict(more)] if more else asked)


def _bounds(bounds: Iterable[Bound]) -> JsonValue:
    ordered = sorted(bounds, key=lambda bound: (bound.operator.value, bound.number))
    return [[bound.operator.value, plain_number(bound.number)] for bound in ordered]


def plain_number(number: int | Decimal) -> int | str:
    """Return a number that JSON keeps exactly: a whole one as itself, another in one spelling."""
    return number if isinstance(number, int) else f"{number:f}".rstrip("0")
