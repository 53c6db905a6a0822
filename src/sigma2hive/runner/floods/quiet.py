"""What makes a match no alert at all: shadow, maintenance, and mutes.

Takes a match, what holds for its rule, and the time; tells its fate, None where nothing is in the
way, and what an alert says of a mute that ended before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sigma2hive.model.events import Event
from sigma2hive.model.folding import fold
from sigma2hive.model.maintenance import MaintenanceWindow
from sigma2hive.model.matches import Match
from sigma2hive.model.service import Mute
from sigma2hive.model.times import shown_time
from sigma2hive.runner.building import RuleFacts
from sigma2hive.runner.floods.tallies import HOST_FIELD
from sigma2hive.runner.store.interface import StateStore

_EXPERIMENTAL = "experimental"


def is_shadow(facts: RuleFacts, *, shadow_experimental: bool) -> bool:
    """Whether a rule is not promoted yet; what it says itself goes first."""
    said = facts.settings.shadow
    if said is None:
        return shadow_experimental and facts.info.status.lower() == _EXPERIMENTAL
    return said


def is_in_maintenance(match: Match, facts: RuleFacts, windows: Iterable[MaintenanceWindow]) -> bool:
    """Whether a window covers all events of a match."""
    about = [window for window in windows if window.is_about(match.rule)]
    return bool(about) and all(_is_covered(event, facts, about) for event in match.events)


def _is_covered(event: Event, facts: RuleFacts, windows: Iterable[MaintenanceWindow]) -> bool:
    return any(
        window.holds_at(event.time_ns)
        and (not window.hosts or window.covers_host(facts.values(HOST_FIELD, (event,))))
        for window in windows
    )


class Mutes:
    """The mutes of a store as they are at the start of a step."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._by_rule: dict[str, list[Mute]] = {}
        for mute in store.mutes():
            self._by_rule.setdefault(mute.rule_id, []).append(mute)

    def hiding(self, match: Match, facts: RuleFacts, now_ns: int) -> Mute | None:
        """Return a mute that holds for all events of a match."""
        for mute in self._by_rule.get(match.rule.id, ()):
            if mute.holds_at(now_ns) and all(
                is_meant(event, facts, mute.where) for event in match.events
            ):
                return mute
        return None

    def ended(self, rule_id: str, now_ns: int, told: set[int]) -> Sequence[str]:
        """Return what the next alert of a rule says of mutes that ended; each once.

        `told` are numbers of those that were told; it grows.
        """
        notes = []
        for mute in self._by_rule.get(rule_id, ()):
            if mute.end_ns > now_ns or mute.number in told:
                continue
            told.add(mute.number)
            if self._store.own_alerts(mute.end_ns, rule_id):
                continue
            if mute.hidden:
                notes.append(_note(mute))
        return notes


def is_meant(event: Event, facts: RuleFacts, where: Iterable[tuple[str, str]]) -> bool:
    """Whether an event has all of these values, in any letter case.

    Fields are named as the index or Sigma has them, or by the profile's other names.
    """
    return all(fold(value) in map(fold, facts.values(name, (event,))) for name, value in where)


def _note(mute: Mute) -> str:
    matches = "match was" if mute.hidden == 1 else "matches were"
    conditions = " and ".join(f"{name}={value}" for name, value in mute.where)
    where = f" with {conditions}" if conditions else ""
    return (
        f"{mute.hidden:,} {matches} muted until {shown_time(mute.end_ns)}{where}, "
        f"by {mute.by}: {mute.reason}"
    )
