"""The judge of the service: quiet rules, open alerts, caps, summaries.

Takes matches in the order in which they are found and a store; gives the fate of each, and the
alerts that tell of those without one of their own. All that it knows can be read from the store
again, so that neither a restart nor a failed commit changes a count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sigma2hive.alerts import source_ref
from sigma2hive.model.alerts import Alert, Identity
from sigma2hive.model.canonical import digest
from sigma2hive.model.events import Event
from sigma2hive.model.identity import summary_identity
from sigma2hive.model.matches import Match
from sigma2hive.model.rules import RuleInfo
from sigma2hive.model.service import Fate, MatchFilter, OwnAlert, QueuedAlert
from sigma2hive.model.times import NANOSECONDS, SKEW_NS
from sigma2hive.runner.building import BACKFILLED, AlertMaker, RuleFacts
from sigma2hive.runner.floods.caps import HOUR_NS, Cap, Caps
from sigma2hive.runner.floods.groups import group_of
from sigma2hive.runner.floods.interface import Judged
from sigma2hive.runner.floods.quiet import Mutes, is_in_maintenance, is_shadow
from sigma2hive.runner.floods.summary import build_summary
from sigma2hive.runner.floods.tallies import Tally
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.runner.store.matches import values_in
from sigma2hive.settings import FloodSettings

#: Other runners make alerts too: how often what they made is looked up.
_RELOAD_NS = 60 * NANOSECONDS


@dataclass(slots=True)
class _Growth:
    """Events that join an alert in this step, which was made at `since_ns` where that is known.

    `match` is the last that joined, `notes` are the alert's own.
    """

    group: str
    match: Match
    since_ns: int | None
    events: list[Event] = field(default_factory=list)
    notes: tuple[str, ...] = ()


class FloodJudge:
    """What `interface.Judge` says, counting what a store has."""

    def __init__(self, store: StateStore, maker: AlertMaker, settings: FloodSettings) -> None:
        """Judge matches of the maker's rules; nothing is read yet."""
        self._store = store
        self._maker = maker
        self._settings = settings
        self._caps: Caps | None = None
        self._loaded_ns = 0
        self._mutes: Mutes | None = None
        self._told_mutes: set[int] = set()
        self._tallies: dict[Identity, Tally] = {}
        self._sizes: dict[Identity, int] = {}
        #: Alerts of this step that may be joined in it, before the store has them.
        self._made: dict[Identity, tuple[Match, tuple[str, ...]]] = {}
        self._growing: dict[Identity, _Growth] = {}

    def judge(self, match: Match, severity: int, now_ns: int) -> Judged:
        """Return what becomes of a match; `severity` is the alert's, 1 to 4."""
        caps, mutes = self._counted_at(now_ns)
        facts = self._maker.facts_of(match.rule)
        group = group_of(match, facts)
        known = self._known(match, group, caps)
        if known is not None:
            return known
        if is_shadow(facts, shadow_experimental=self._settings.shadow_experimental):
            return Judged(Fate.SHADOW, group)
        if is_in_maintenance(match, facts, self._maker.mappings.maintenance):
            return Judged(Fate.MAINTENANCE, group)
        mute = mutes.hiding(match, facts, now_ns)
        if mute is not None:
            return Judged(Fate.MUTED, group, muted_by=mute.number)
        opened = self._open_alert(match, facts, group, now_ns)
        if opened is not None:
            if self._size(opened.identity) >= self._settings.events_per_alert:
                return self._summarised(match, group, severity, None, now_ns)
            self._grow(opened.identity, match, group, opened.made_ns)
            return Judged(Fate.ALERT, group, told_by=opened.identity)
        cap = caps.beyond(match.rule.id, group, now_ns)
        if cap is not None:
            return self._summarised(match, group, severity, cap, now_ns)
        return self._own(match, facts, group, now_ns)

    def summaries(self, now_ns: int) -> Sequence[QueuedAlert]:
        """Return summaries and open alerts that matches have joined, as they are now."""
        found = [
            QueuedAlert(self._grown(identity, growth), growth.group, made_ns=now_ns)
            for identity, growth in self._growing.items()
        ]
        self._growing.clear()
        for tally in self._tallies.values():
            if tally.is_untold:
                alert = build_summary(tally, self._maker, self._settings)
                found.append(QueuedAlert(alert, is_summary=True, made_ns=now_ns))
                tally.is_untold, tally.is_told = False, True
        return found

    def keep(self) -> None:
        """Take what was decided as done; the next step looks at the mutes again."""
        self._mutes = None
        self._made.clear()
        self._growing.clear()
        latest = max((tally.start_ns for tally in self._tallies.values()), default=0)
        self._tallies = {
            identity: tally for identity, tally in self._tallies.items() if tally.start_ns == latest
        }

    def discard(self) -> None:
        """Forget everything: the store has what counts."""
        self.keep()
        self._caps = None
        self._told_mutes.clear()
        self._tallies.clear()
        self._sizes.clear()

    def _counted_at(self, now_ns: int) -> tuple[Caps, Mutes]:
        """Return what the store has; within a step, what was decided in it besides."""
        if self._mutes is None:
            self._mutes = Mutes(self._store)
            if abs(now_ns - self._loaded_ns) >= _RELOAD_NS:
                self._caps = None
        if self._caps is None:
            # An alert may be open for a day, as long as a group is remembered at least.
            span_ns = max(24, self._settings.new_group_hours) * HOUR_NS
            stored = self._store.own_alerts(now_ns - span_ns)
            # Others were made while the clock was ahead, and would count until then.
            alerts = [alert for alert in stored if alert.made_ns <= now_ns + SKEW_NS]
            self._caps, self._loaded_ns = Caps(self._settings, alerts, now_ns), now_ns
            self._sizes.clear()
        return self._caps, self._mutes

    def _identity(self, match: Match) -> Identity:
        mapping = self._maker.mappings.alerts
        return mapping.type, mapping.source, source_ref(match)

    def _known(self, match: Match, group: str, caps: Caps) -> Judged | None:
        """Return what became of a match before: an episode grows, a step is done again."""
        identity = self._identity(match)
        if caps.knows(identity):
            return Judged(Fate.ALERT, group)
        if not match.is_episode:
            return None
        if self._store.has_alert(identity):
            return Judged(Fate.ALERT, group)
        recorded = self._store.recorded(match.rule.id, match.fired_with.key)
        if recorded is None:
            return None
        if recorded.fate is Fate.ALERT and recorded.alert is not None:
            self._grow(recorded.alert, match, recorded.grouped_by)
        return Judged(
            recorded.fate,
            recorded.grouped_by,
            told_by=recorded.alert,
            muted_by=recorded.muted_by,
        )

    def _own(self, match: Match, facts: RuleFacts, group: str, now_ns: int) -> Judged:
        caps, mutes = self._counted_at(now_ns)
        identity = self._identity(match)
        notes = tuple(mutes.ended(match.rule.id, now_ns, self._told_mutes))
        caps.count(OwnAlert(match.rule.id, group, identity, now_ns))
        if facts.settings.suppress is not None:
            self._made[identity] = (match, notes)
            self._sizes[identity] = len(match.events)
        return Judged(Fate.ALERT, group, notes=notes)

    def _open_alert(
        self, match: Match, facts: RuleFacts, group: str, now_ns: int
    ) -> OwnAlert | None:
        suppress = facts.settings.suppress
        last = self._counted_at(now_ns)[0].last(match.rule.id, group)
        if suppress is None or last is None or last.made_ns <= now_ns - suppress.for_ns:
            return None
        return last

    def _size(self, identity: Identity) -> int:
        if identity not in self._sizes:
            stored = self._store.alert(identity)
            self._sizes[identity] = 0 if stored is None else len(stored.events)
        return self._sizes[identity]

    def _grow(
        self, identity: Identity, match: Match, group: str, since_ns: int | None = None
    ) -> None:
        growth = self._growing.get(identity)
        if growth is None:
            notes = self._made[identity][1] if identity in self._made else ()
            growth = self._growing[identity] = _Growth(group, match, since_ns, notes=notes)
        growth.match = match
        growth.events.extend(match.events)
        self._sizes[identity] = self._size(identity) + len(match.events)

    def _grown(self, identity: Identity, growth: _Growth) -> Alert:
        """Return an open alert with what joined it, under its own name."""
        stored = self._store.alert(identity)
        before = self._made[identity][0].events if stored is None else self._events(stored, growth)
        events = {event.key: event for event in (*before, *growth.events)}
        ordered = sorted(events.values(), key=lambda event: (event.time_ns, event.key))
        match = replace(growth.match, events=tuple(ordered))
        is_backfill = stored is not None and BACKFILLED in stored.tags
        alert = self._maker.build(match, growth.notes, is_backfill=is_backfill)
        return replace(alert, source_ref=identity[2])

    def _events(self, stored: Alert, growth: _Growth) -> Iterable[Event]:
        """Return an alert's events with their values, which it is stored without."""
        wanted = MatchFilter(
            rule_id=stored.rule_id, since_ns=growth.since_ns, alert=stored.identity
        )
        recorded = {found.event.key: found.event for found in self._store.walk(wanted)}
        for event in stored.events:
            yield recorded.get(event.key) or replace(event, values=values_in(event.raw))

    def _summarised(
        self, match: Match, group: str, severity: int, cap: Cap | None, now_ns: int
    ) -> Judged:
        tally = self._tally(None if cap is Cap.ALL else match.rule, severity, now_ns)
        tally.add(self._maker.facts_of(match.rule), group, match.events)
        tally.is_untold = True
        return Judged(Fate.SUMMARISED, group, told_by=tally.identity)

    def _tally(self, rule: RuleInfo | None, severity: int, now_ns: int) -> Tally:
        """Return what of a severity is beyond a cap in this hour, with what the store has of it."""
        start_ns = now_ns - now_ns % HOUR_NS
        mapping = self._maker.mappings.alerts
        named = summary_identity("" if rule is None else rule.id, severity, start_ns)
        identity = (mapping.type, mapping.source, digest(named))
        if identity in self._tallies:
            return self._tallies[identity]
        tally = self._tallies[identity] = Tally(identity, start_ns, rule, severity)
        stored = self._store.alert(identity)
        if stored is not None:
            tally.samples, tally.is_told = stored.events, True
        wanted = MatchFilter(
            rule_id="" if rule is None else rule.id,
            fate=Fate.SUMMARISED,
            since_ns=start_ns,
            alert=identity,
        )
        for recorded in self._store.walk(wanted):
            facts = self._maker.facts_by_id(recorded.rule_id)
            tally.add(facts, recorded.grouped_by, (recorded.event,))
        return tally
