"""A store, rules and matches for tests of flood control: minutes pass as they are told to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.alerts import Alert
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.identity import GroupKey, episode_identity, event_identity
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.matches import Match
from sigma2hive.model.rules import Compiled, Level, RuleInfo
from sigma2hive.model.service import Fate, MatchFilter, QueuedAlert, RecordedMatch, Step
from sigma2hive.repository import load_mappings
from sigma2hive.runner.building import AlertMaker
from sigma2hive.runner.floods.judge import FloodJudge
from sigma2hive.runner.raising import Raiser, record_of
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.settings import FloodSettings

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
#: The start of an hour, UTC.
NOW = 1_763_999_200 * SECOND + 800 * SECOND
RULE_ID = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"
OTHER_ID = "22222222-2222-4222-8222-222222222222"


def rule(rule_id: str = RULE_ID, custom: dict[str, object] | None = None, **said: str) -> RuleInfo:
    return RuleInfo(
        id=rule_id,
        title=said.get("title", "Failed logon"),
        location=Location("rules.yml", 1, 1),
        level=Level(said.get("level", "medium")),
        status=said.get("status", "stable"),
        tags=("attack.t1110",),
        custom=custom or {},
    )


def event(number: int, at_ns: int = NOW, **values: str) -> Event:
    """An event of a number; without values, on one host by one user from one address."""
    found = {"host_name": "dc01", "user_name": "anna", "source_ip": "203.0.113.5", **values}
    paths = {name.replace("_", "."): (value,) for name, value in found.items() if value}
    document = {name: texts[0] for name, texts in paths.items()}
    key = EventKey(EventKeyKind.ELASTICSEARCH, ("logs", f"id-{number}", str(at_ns)))
    raw = json.dumps({"n": number, **document}).encode()
    return Event(key, at_ns, {"n": (str(number),), **paths}, raw, f"logs/id-{number}")


def match(of: Event, info: RuleInfo | None = None) -> Match:
    info = info or rule()
    return Match(info, (of,), event_identity(info.id, of.key))


def episode(*events: Event, group: GroupKey = (), info: RuleInfo | None = None) -> Match:
    info = info or rule()
    identity = episode_identity(info.id, "e1", group, events[0].key)
    return Match(info, events, identity, group, "e1")


def users_of(alert: Alert) -> list[str]:
    """Return who the events of an alert are about, as their raw logs say."""
    return [json.loads(entry.raw)["user.name"] for entry in alert.events]


@dataclass
class World:
    """One service that may be started again, over one state file."""

    folder: Path
    caps: FloodSettings = field(default_factory=FloodSettings)
    mappings: Mappings = field(default_factory=lambda: load_mappings(None, Diagnostics()))
    infos: tuple[RuleInfo, ...] = ()
    store: SqliteStore = field(init=False)
    raiser: Raiser = field(init=False)

    def __post_init__(self) -> None:
        self.store = SqliteStore(self.folder / "state.db")
        self.start()

    def start(self) -> None:
        """Begin with nothing in memory."""
        compiled = Compiled()
        judge = FloodJudge(self.store, AlertMaker(compiled, self.mappings), self.caps)
        self.raiser = Raiser(compiled, self.mappings, judge=judge)

    def step(self, found: Iterable[Match], now_ns: int = NOW, *, fails: bool = False) -> None:
        """Judge matches and store what came of it, or let storing it fail."""
        matches: list[RecordedMatch] = []
        alerts: list[QueuedAlert] = []
        for entry in found:
            raised = self.raiser.raise_(entry, now_ns)
            matches.append(record_of(entry, raised, "logs", now_ns))
            if raised.queued is not None:
                alerts.append(raised.queued)
        alerts.extend(self.raiser.judge.summaries(now_ns))
        if fails:
            self.raiser.judge.discard()
            return
        self.store.commit(Step(matches=tuple(matches), alerts=tuple(alerts)))
        self.raiser.judge.keep()

    def recorded(self, rule_id: str = "") -> list[RecordedMatch]:
        return list(self.store.walk(MatchFilter(rule_id=rule_id)))

    def fates(self, rule_id: str = "") -> dict[Fate, int]:
        return dict(Counter(found.fate for found in self.recorded(rule_id)))

    def alerts(self) -> list[Alert]:
        """All alerts but summaries, oldest first."""
        found = (self.store.alert(own.identity) for own in self.store.own_alerts(0))
        return [alert for alert in found if alert is not None]

    def summaries(self) -> list[Alert]:
        identities = {found.alert for found in self.recorded() if found.fate is Fate.SUMMARISED}
        found = [self.store.alert(identity) for identity in identities if identity is not None]
        assert all(found)
        return sorted((alert for alert in found if alert), key=lambda alert: alert.title)

    def summary(self) -> Alert:
        (alert,) = self.summaries()
        return alert


def with_alerts(world_mappings: Mappings, **changes: object) -> Mappings:
    """Return mappings whose alerts.yml says something else in general."""
    settings = replace(world_mappings.alerts.settings, **changes)  # type: ignore[arg-type]
    return replace(world_mappings, alerts=replace(world_mappings.alerts, settings=settings))
