"""Alerts that the sink tests push."""

from dataclasses import replace

from sigma2hive.model.alerts import Alert, LeftOut, Observable, Procedure
from sigma2hive.model.events import Event, EventKey, EventKeyKind

T0 = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
RULE_ID = "5f0a5a3c-6b9c-4c59-9f5e-6c2f3c1c7e11"


def event(number: int, raw: bytes | None = None) -> Event:
    return Event(
        key=EventKey(EventKeyKind.WINDOWS, ("dc01", "Security", str(number), str(T0))),
        time_ns=T0 + number * SECOND + 7,
        values={"event.code": ("4625",)},
        raw=raw if raw is not None else b'{"event":%d}' % number,
        origin=f"logs/dc01.evtx#{number}",
        ingested_ns=T0 + 60 * SECOND if number % 2 else None,
    )


def address(data: str, **changes: object) -> Observable:
    return replace(
        Observable("ip", data, tlp=2, pap=2, tags=("source",)),
        **changes,  # type: ignore[arg-type]
    )


def alert(*numbers: int, **changes: object) -> Alert:
    """An alert about the events of these numbers."""
    events = tuple(event(number) for number in numbers or (1,))
    made = Alert(
        type="sigma",
        source="sigma2hive",
        source_ref="ab" * 32,
        rule_id=RULE_ID,
        rule_title="Failed logons",
        title=f"Failed logons from 203.0.113.7: {len(events)} events",
        description="It happened.\n\n```\nraw\n```",
        severity=3,
        date_ns=events[0].time_ns,
        tlp=2,
        pap=2,
        tags=("attack.t1110", "sigma"),
        observables=(address("203.0.113.7"),),
        procedures=(Procedure("T1110.001", events[0].time_ns, "credential-access"),),
        custom_fields={"count": len(events), "share": 0.5, "internal": True, "zone": "dmz"},
        events=events,
        left_out=(LeftOut("ip", "127.0.0.1", "on the ignore list"),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def without_values(given: Alert) -> Alert:
    """What a sink gives back: it keeps the raw events, not their fields."""
    return replace(given, events=tuple(replace(entry, values={}) for entry in given.events))
