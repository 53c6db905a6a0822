"""One JSON object made an event, whatever shape it came in.

Takes a parsed object and its bytes; gives an `Event`. Knows three shapes: a document in the index's
own fields, a raw Windows event, and an Elasticsearch search hit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sigma2hive.model.events import TIME_FIELD, Event, EventKey, EventKeyKind
from sigma2hive.model.times import render_time
from sigma2hive.model.values import Values, flatten
from sigma2hive.records import dataclass
from sigma2hive.sources.event_times import bounded_time_ns, event_time_ns, single_time_ns
from sigma2hive.sources.hits import elasticsearch_event_key
from sigma2hive.sources.interface import PutAsideError, SourceOptions
from sigma2hive.sources.ordinals import Ordinals
from sigma2hive.sources.parsing import parse_object
from sigma2hive.sources.windows import (
    FLAVOURS,
    SystemPart,
    normalise_windows,
    read_system,
    windows_event_key,
)

#: What is said of a whole search response, and what to do.
WHOLE_RESPONSE = (
    "this is a whole search response, not an event",
    "write its hits, one a line: jq -c '.hits.hits[]' RESPONSE > events.ndjson",
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One event as it came: its bytes, where a person finds it, and what its file says of its time.

    `time_ns` holds where the event itself says nothing: the time in an .evtx record's header.
    """

    raw: bytes
    origin: str
    time_ns: int | None = None


def event_of(
    document: Mapping[str, Any], piece: Piece, options: SourceOptions, ordinals: Ordinals
) -> Event:
    """Return the event that `document` is.

    Raises:
        PutAsideError: S2H501 (not an event) or S2H503 (no usable time).
    """
    if is_windows_event(document):
        return windows_event_of(document, piece, options, ordinals)
    if isinstance(document.get("_source"), Mapping):
        return _event_of_dumped_hit(document, piece, options, ordinals)
    _refuse_what_holds_none(document)
    values = flatten(document)
    time_ns = event_time_ns(values, options.time_fields)
    return _event(_content_key(piece, ordinals), time_ns, values, piece)


class LineEvents:
    """Makes the events of lines of one file that were read fast: a `Maker`.

    `place` is what stands before a line's number where a person is told of it.
    """

    def __init__(self, place: str, options: SourceOptions, ordinals: Ordinals) -> None:
        self._place = place
        self._options = options
        self._ordinals = ordinals
        self.is_literal = options.flavour not in FLAVOURS

    def event_of(self, raw: bytes, number: int) -> Event:
        """Return the event of a line that ends in a line feed."""
        return self._event(raw, number, self._ordinals)

    def event_with(self, raw: bytes, number: int, values: Values, key: EventKey | None) -> Event:
        """Return the event of a plain line that has these values, as `event_of` does.

        `key` is a raw Windows event's; None where the line is a document.
        """
        piece = Piece(raw.removesuffix(b"\n"), f"{self._place}{number}")
        if key is not None:
            time_ns = single_time_ns(values.get(TIME_FIELD, ()))
            return _event(key, bounded_time_ns(time_ns, TIME_FIELD), values, piece)
        time_ns = event_time_ns(values, self._options.time_fields)
        return _event(_content_key(piece, self._ordinals), time_ns, values, piece)

    def values_of(self, raw: bytes, number: int) -> Values:
        """Return its values, without counting it among its equals."""
        return self._event(raw, number, Ordinals()).values

    def _event(self, raw: bytes, number: int, ordinals: Ordinals) -> Event:
        piece = Piece(raw.removesuffix(b"\n"), f"{self._place}{number}")
        document = parse_object(piece.raw, self._options.limits)
        return event_of(document, piece, self._options, ordinals)


def _content_key(piece: Piece, ordinals: Ordinals) -> EventKey:
    """Return what an event is known by that has no name of its own."""
    digest = hashlib.sha256(piece.raw).digest()
    return EventKey(EventKeyKind.CONTENT, (digest.hex(), str(ordinals.next_of(digest))))


def is_windows_event(document: Mapping[str, Any]) -> bool:
    """Whether it is a Windows event as its XML says it: Event, with System in it."""
    event = document.get("Event")
    return isinstance(event, Mapping) and isinstance(event.get("System"), Mapping)


def windows_event_of(
    record: Mapping[str, Any], piece: Piece, options: SourceOptions, ordinals: Ordinals
) -> Event:
    """Return the event of a raw Windows event, in the fields of the flavour asked for.

    Raises:
        PutAsideError: S2H501 (not an event) or S2H503 (no usable time).
    """
    if options.flavour is None:
        raise PutAsideError(
            "S2H501",
            "a raw Windows event, and the profile does not say in which fields it is wanted",
            "set windows_events in the profile: winlogbeat, elastic-agent, flat or none (as it is)",
        )
    system = _system_of(record)
    logged_ns = _windows_time(system, piece)
    if options.flavour == "none":
        values, time_ns = flatten(record), logged_ns
    else:
        values = flatten(_indexed(record, system, logged_ns, options.flavour))
        # For Sysmon's in an index it is another than the one in the event's key: when it happened,
        # not when it was logged.
        time_ns = single_time_ns(values.get(TIME_FIELD, ()))
    time_ns = bounded_time_ns(time_ns, "Event.System.TimeCreated")
    return _event(_windows_key(system, piece, ordinals), time_ns, values, piece)


def _system_of(record: Mapping[str, Any]) -> SystemPart | None:
    try:
        return read_system(record)
    except ValueError:
        return None  # whoever cannot do without says why


def _indexed(
    record: Mapping[str, Any], system: SystemPart | None, logged_ns: int | None, flavour: str
) -> Mapping[str, Any]:
    try:
        document = normalise_windows(record, flavour, system)
    except ValueError as error:
        raise PutAsideError("S2H501", str(error), "export the event again, whole") from None
    if logged_ns is not None and TIME_FIELD not in document:
        document[TIME_FIELD] = render_time(logged_ns)
    return document


def _windows_time(system: SystemPart | None, piece: Piece) -> int | None:
    if system is None or system.time_ns is None:
        return piece.time_ns
    return system.time_ns


def _windows_key(system: SystemPart | None, piece: Piece, ordinals: Ordinals) -> EventKey:
    if system is None:
        return _content_key(piece, ordinals)
    try:
        return windows_event_key(system)
    except ValueError:
        # Without a record id its content tells it from others as well as can be.
        return _content_key(piece, ordinals)


def _event_of_dumped_hit(
    hit: Mapping[str, Any], piece: Piece, options: SourceOptions, ordinals: Ordinals
) -> Event:
    if isinstance(hit.get("_index"), str) and isinstance(hit.get("_id"), str):
        return event_of_hit(hit, piece)
    # Dumped without what Elasticsearch knows it by: its content tells it from others.
    values = flatten(hit["_source"])
    time_ns = event_time_ns(values, options.time_fields)
    return _event(_content_key(piece, ordinals), time_ns, values, piece)


def event_of_hit(hit: Mapping[str, Any], piece: Piece) -> Event:
    """Return the event of a search hit.

    Raises:
        PutAsideError: S2H503 (no usable time).
    """
    values = flatten(hit["_source"])
    # An index's own time, whatever else the document has: the search went by it.
    time_ns = event_time_ns(values, (TIME_FIELD,))
    key = elasticsearch_event_key(hit["_index"], hit["_id"], time_ns)
    return _event(key, time_ns, values, piece)


def _event(key: EventKey, time_ns: int, values: Values, piece: Piece) -> Event:
    return Event(
        key=key,
        time_ns=time_ns,
        values=values,
        raw=piece.raw,
        origin=piece.origin,
        ingested_ns=single_time_ns(values.get("event.ingested", ())),
    )


def _refuse_what_holds_none(document: Mapping[str, Any]) -> None:
    hits = document.get("hits")
    if isinstance(hits, Mapping) and isinstance(hits.get("hits"), list):
        raise PutAsideError("S2H501", *WHOLE_RESPONSE)
    if isinstance(document.get("_index"), str) and isinstance(document.get("_id"), str):
        raise PutAsideError(
            "S2H501",
            "this is a search hit without its document: it has no _source",
            "search again with _source, which holds the event",
        )
