"""Two pushes of one alert, joined into one.

Takes the alert that a sink holds and the one that is pushed; gives what the sink shall hold. Pure:
every sink that updates uses it, so that they agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sigma2hive.model.alerts import Alert, LeftOut, Observable, Procedure
from sigma2hive.model.events import Event
from sigma2hive.model.folding import fold


def join_alerts(stored: Alert, pushed: Alert) -> Alert:
    """Return one alert with the events, observables and procedures of both.

    The text (title, description, tags and so on) is that of the push, unless the push holds fewer
    events than are stored: then its text tells less than what is there. Events that both have stay
    as stored, so that pushing the same alert twice changes nothing.
    """
    stored_keys = {event.key for event in stored.events}
    pushed_keys = {event.key for event in pushed.events}
    text = stored if len(pushed_keys) < len(stored_keys) else pushed
    return replace(
        text,
        description=_description(stored, text),
        date_ns=min(stored.date_ns, pushed.date_ns),
        events=_joined_events(stored.events, pushed.events),
        observables=_joined_observables(stored.observables, pushed.observables),
        procedures=_joined_procedures(stored.procedures, pushed.procedures),
        left_out=_joined_left_out(stored.left_out, pushed.left_out),
    )


def _description(stored: Alert, text: Alert) -> str:
    """Return the stored description where the other says no more than another origin."""
    same = _without_origins(stored) == _without_origins(text)
    return stored.description if same else text.description


def _without_origins(alert: Alert) -> str:
    # The longest first: one origin may be the start of another.
    description = alert.description
    for origin in sorted({event.origin for event in alert.events}, key=len, reverse=True):
        if origin:
            description = description.replace(origin, "\0")
    return description


def _joined_events(stored: Iterable[Event], pushed: Iterable[Event]) -> tuple[Event, ...]:
    events = {event.key: event for event in pushed} | {event.key: event for event in stored}
    return tuple(sorted(events.values(), key=lambda event: (event.time_ns, event.key)))


def _joined_observables(
    stored: Iterable[Observable], pushed: Iterable[Observable]
) -> tuple[Observable, ...]:
    joined: dict[tuple[str, str], Observable] = {}
    for observable in (*stored, *pushed):
        # One alert has an observable in one spelling, as TheHive asks; the first stays.
        identity = (observable.data_type, fold(observable.data))
        earlier = joined.get(identity)
        joined[identity] = observable if earlier is None else _stricter(earlier, observable)
    return tuple(joined.values())


def _stricter(one: Observable, other: Observable) -> Observable:
    """Join what two sightings say; who may see it is the narrower of the two."""
    return replace(
        other,
        data=one.data,
        tlp=max(one.tlp, other.tlp),
        pap=max(one.pap, other.pap),
        tags=tuple(dict.fromkeys((*one.tags, *other.tags))),
        ioc=one.ioc or other.ioc,
        sighted=one.sighted or other.sighted,
    )


def _joined_procedures(
    stored: Iterable[Procedure], pushed: Iterable[Procedure]
) -> tuple[Procedure, ...]:
    joined: dict[tuple[str, str], Procedure] = {}
    for procedure in (*stored, *pushed):
        identity = (procedure.pattern_id, procedure.tactic)
        earlier = joined.get(identity)
        if earlier is None or procedure.occurred_ns < earlier.occurred_ns:
            joined[identity] = procedure
    return tuple(joined.values())


def _joined_left_out(stored: Iterable[LeftOut], pushed: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    return tuple(dict.fromkeys((*stored, *pushed)))
