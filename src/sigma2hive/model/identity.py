"""Identities: the JSON values that a TheHive sourceRef is a digest of.

Made of the rule's id and event keys, never of rule text, so that they outlive edits. They are kept
in TheHive for years: a golden file guards them, and a change needs a new scheme number.
"""

from __future__ import annotations

from collections.abc import Iterable

from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.events import EventKey
from sigma2hive.model.folding import fold

#: The number of this way to make identities.
SCHEME = 1


def event_identity(rule_id: str, key: EventKey) -> JsonValue:
    """Return the identity of a rule's match on one event."""
    return [SCHEME, "event", rule_id.lower(), key.as_json()]


def episode_identity(
    rule_id: str, epoch: str, group: Iterable[tuple[str, str]], first_key: EventKey
) -> JsonValue:
    """Return the identity of an episode; `first_key` is the first event that it fired with.

    Group values are folded and the pairs sorted: neither the letter case of the value seen first
    nor an evaluator's order makes another alert.
    """
    pairs: list[JsonValue] = [
        [name, value] for name, value in sorted((n, fold(v)) for n, v in group)
    ]
    return [SCHEME, "episode", rule_id.lower(), epoch, pairs, first_key.as_json()]
