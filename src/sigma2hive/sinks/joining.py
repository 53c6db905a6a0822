"""Two pushes of one alert, joined into one.

Takes the alert that a sink holds and the one that is pushed; gives what the sink shall hold. Pure:
every sink that updates uses it, so that they agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sigma2hive.model.alerts import Alert, LeftOut, Observable, Procedure
from sigma2hive.model.events import Event
from sigma2hive.model.folding import fold
from sigma2hive.sinks.further import line_of, read_told, with_further


def join_alerts(stored: Alert, pushed: Alert) -> Alert:
    """Return one alert with the events, observables and procedures of both.

    The text (title, description, tags and so on) is that of the push, unless the push holds fewer
    events than are stored: then its text tells less than what is there. Events that the text does
    not tell of are listed before it. Events that both have stay as stored, so that pushing the same
    alert twice changes nothing.
    """
    stored_keys = {event.key for event in stored.events}
    pushed_keys = {event.key for event in pushed.events}
    is_less = len(pushed_keys) < len(stored_keys)
    events = _joined_events(stored.events, pushed.events)
    earlier = read_told(stored.description)
    if is_less:
        new = [line_of(event) for event in events if event.key not in stored_keys]
        told = len(stored_keys) if earlier.events is None else earlier.events
        description = with_further(earlier.text, told, (*earlier.further, *new))
    else:
        others = [line_of(event) for event in events if event.key not in pushed_keys]
        text = _newer_text(earlier.text, stored.events, pushed)
        description = with_further(text, len(pushed_keys), others)
    return replace(
        stored if is_less else pushed,
        description=description,
        date_ns=min(stored.date_ns, pushed.date_ns),
        events=events,
        observables=_joined_observables(stored.observables, pushed.observables),
        procedures=_joined_procedures(stored.procedures, pushed.procedures),
        left_out=_joined_left_out(stored.left_out, pushed.left_out),
    )


def _newer_text(stored: str, events: Sequence[Event], pushed: Alert) -> str:
    """Return the stored text where the pushed one says no more than another origin."""
    was = _without_origins(stored, events)
    now = _without_origins(pushed.description, pushed.events)
    return stored if was == now else pushed.description


def _without_origins(description: str, events: Sequence[Event]) -> str:
    # The longest first: one origin may be the start of another.
    for origin in sorted({event.origin for event in events}, key=len, reverse=True):
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
