"""Who, from where, on what: the fields of the events that an analyst asks for first.

Takes the fields of each category and the facts of a match; gives a Markdown table with the values
that are there, of several events with how many have each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sigma2hive.alerts.blocks import table
from sigma2hive.alerts.facts import Facts
from sigma2hive.alerts.text import code_span
from sigma2hive.model.folding import fold
from sigma2hive.records import dataclass

_MAX_VALUES = 6
_MAX_CHARACTERS = 1000
#: The category of the fields that the rule's author lists.
_OWN = "Rule's own"
#: What logs write where they have nothing to say.
NOTHING = frozenset({"", "-"})


@dataclass(frozen=True, slots=True)
class _Counted:
    """Values as first written, and how many events have each, the most frequent first."""

    values: tuple[tuple[str, int], ...]
    folded: tuple[str, ...]


def key_fields(facts: Facts, categories: Mapping[str, tuple[str, ...]]) -> str:
    """Return the table, "" where the events have none of the fields."""
    rows = [
        (category, code_span(name), _shown(counted, len(facts.match.events)))
        for category, name, counted in _rows(facts, categories)
    ]
    return table("Who, where, what", ("What", "Field", "In the event"), rows)


def _rows(
    facts: Facts, categories: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str, _Counted]]:
    shown: set[str] = set()
    own = facts.match.rule.fields
    everywhere = tuple(name for names in categories.values() for name in names)
    there = {
        name
        for event in facts.match.events
        for asked in (everywhere, own)
        for name in facts.may_be_in(event.values, asked)
    }
    for category, names in (*categories.items(), (_OWN, own)):
        seen: set[tuple[str, ...]] = set()
        for name in (name for name in dict.fromkeys(names) if name in there):
            paths = {name, *facts.paths_of(name)}
            counted = _counted(facts, name)
            # One account under two names is one row.
            if not counted.values or counted.folded in seen or paths & shown:
                continue
            seen.add(counted.folded)
            shown |= paths
            yield category, name, counted


def _counted(facts: Facts, name: str) -> _Counted:
    counts: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    for event in facts.match.events:
        for value in dict.fromkeys(facts.values_in(name, event.values)):
            if value not in NOTHING:
                # Longer ones differ in more than a name's letter case, and take long to fold.
                key = fold(value) if len(value) <= _MAX_CHARACTERS else value
                counts[key] += 1
                spelled.setdefault(key, value)
    ordered = counts.most_common()
    return _Counted(
        values=tuple((spelled[key], count) for key, count in ordered[:_MAX_VALUES]),
        folded=tuple(key for key, _ in ordered),
    )


def _shown(counted: _Counted, events: int) -> str:
    parts = [
        code_span(value, _MAX_CHARACTERS) + (f" ×{count:,}" if count < events else "")
        for value, count in counted.values
    ]
    more = len(counted.folded) - len(counted.values)
    return ", ".join(parts) + (f" and {more:,} more" if more > 0 else "")
