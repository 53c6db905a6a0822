"""Matches for the tests of alerts, built by hand: one failed logon, or an episode of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sigma2hive.alerts import AlertContext, build_alert
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.alerts import Alert, Observable
from sigma2hive.model.conditions import Atom, Number, Origin, Test, Text, Wildcard
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.fields import Field
from sigma2hive.model.identity import episode_identity, event_identity
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.matches import Match
from sigma2hive.model.rules import Level, RuleInfo
from sigma2hive.repository.mappings import load_mappings

RULE_ID = "7f1a2c0e-58f4-4c3c-9d2e-0a6f0c1d2e3f"
START_NS = 1_764_000_000_123_456_789  # 2025-11-24 16:00:00 UTC
SECOND_NS = 1_000_000_000

RULE = RuleInfo(
    id=RULE_ID,
    title="Failed logons from one address",
    location=Location("sigma_rules/windows/failed_logons.yml", 12, 1),
    level=Level.HIGH,
    description="Somebody tries passwords.",
    tags=("attack.credential-access", "attack.t1110.003"),
    references=("https://example.org/brute-force?x=1",),
    falsepositives=("A service with an old password",),
    fields=("user.name",),
)

LOGON: Mapping[str, tuple[str, ...]] = {
    "event.code": ("4625",),
    "source.ip": ("203.0.113.5",),
    "user.name": ("anna",),
    "host.name": ("DC01.corp.example",),
}


def shipped_mappings() -> Mappings:
    diagnostics = Diagnostics()
    mappings = load_mappings(None, diagnostics)
    assert list(diagnostics) == []
    return mappings


MAPPINGS = shipped_mappings()


def rule(**changes: Any) -> RuleInfo:
    return replace(RULE, **changes)


def event(number: int = 0, raw: bytes = b'{"event": {"code": 4625}}', **changes: str) -> Event:
    """An event `number` seconds after the start; `changes` are values, "__" in names for dots."""
    values = {**LOGON, **{name.replace("__", "."): (value,) for name, value in changes.items()}}
    return Event(
        key=EventKey(EventKeyKind.WINDOWS, ("dc01", "Security", str(number), "t")),
        time_ns=START_NS + number * SECOND_NS,
        values=values,
        raw=raw,
        origin=f"logs/dc01.ndjson#{number + 1}",
    )


def event_with(values: Mapping[str, tuple[str, ...]], raw: bytes = b"{}") -> Event:
    return replace(event(raw=raw), values=values)


def atom(item: str, value: str, path: str, test: Test | None = None) -> Atom:
    return Atom(
        name=item.partition("|")[0],
        test=test or Text((Wildcard.ANY, value, Wildcard.ANY)),
        origin=Origin("selection", item, value, RULE.location),
        fields=(Field(path),),
    )


REASON = atom("EventID", "4625", "event.code", Number(4625))


def match(*events: Event, info: RuleInfo = RULE, reasons: tuple[Atom, ...] = (REASON,)) -> Match:
    events = events or (event(),)
    return Match(
        rule=info,
        events=events,
        identity=event_identity(info.id, events[0].key),
        reasons=reasons,
    )


def episode(*events: Event, info: RuleInfo = RULE, address: str = "203.0.113.5") -> Match:
    group = (("source.ip", address),)
    return Match(
        rule=info,
        events=events,
        identity=episode_identity(info.id, "epoch-1", group, events[0].key),
        group=group,
        epoch="epoch-1",
        reasons=(REASON,),
        figure=len(events),
    )


def alert_of(
    found: Match, mappings: Mappings = MAPPINGS, context: AlertContext | None = None
) -> Alert:
    return build_alert(found, mappings, context or AlertContext())


def observable(alert: Alert, data: str) -> Observable:
    found = [entry for entry in alert.observables if entry.data == data]
    assert len(found) == 1, [(entry.data_type, entry.data) for entry in alert.observables]
    return found[0]
