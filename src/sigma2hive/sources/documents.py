"""One JSON object made an event, whatever shape it came in.

Takes a parsed object and its bytes; gives an `Event`. Knows three shapes: a document in the index's
own fields, a raw Windows event, and an Elasticsearch search hit.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.times import parse_time_ns, render_time
from sigma2hive.model.values import Values, flatten
from sigma2hive.sources.hits import elasticsearch_event_key
from sigma2hive.sources.interface import PutAsideError, SourceOptions
from sigma2hive.sources.ordinals import Ordinals
from sigma2hive.sources.windows import normalise_windows, windows_event_key, windows_time_ns

#: What stores keep as a signed 64-bit number of nanoseconds: the years 1677 to 2262.
_MAX_TIME_NS = 2**63 - 1
#: As seconds these are the years 1973 to 2286, as milliseconds the first months of 1970.
_SECONDS = re.compile(r"[0-9]{9,10}(?:\.[0-9]+)?")

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
        return _event_of_dumped_hit(document, piece, ordinals)
    _refuse_what_holds_none(document)
    values = flatten(document)
    time_ns = _time_of(values)
    return _event(_content_key(piece, ordinals), time_ns, values, piece)


def plain_event(document: Mapping[str, Any], piece: Piece, digest: bytes, ordinal: int) -> Event:
    """Return the event of a document in the index's own fields, known by its content.

    `digest` is `content_digest` of its bytes, `ordinal` how many equal ones came before.

    Raises:
        PutAsideError: S2H503 (no usable time).
    """
    values = flatten(document)
    return _event(_key_of_content(digest, ordinal), _time_of(values), values, piece)


def content_digest(raw: bytes) -> bytes:
    """Return what an event is known by that has no name of its own."""
    return hashlib.sha256(raw).digest()


def _key_of_content(digest: bytes, ordinal: int) -> EventKey:
    return EventKey(EventKeyKind.CONTENT, (digest.hex(), str(ordinal)))


def _content_key(piece: Piece, ordinals: Ordinals) -> EventKey:
    digest = content_digest(piece.raw)
    return _key_of_content(digest, ordinals.next_of(digest))


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
            "set windows_events in the profile: winlogbeat, elastic-agent, or none for as it is",
        )
    logged_ns = _windows_time(record, piece)
    if options.flavour == "none":
        values, time_ns = flatten(record), logged_ns
    else:
        values = flatten(_indexed(record, logged_ns, options.flavour))
        # For Sysmon it is another than the one in the event's key: when it happened, not when it
        # was logged.
        time_ns = _single_time(values.get("@timestamp", ()))
    time_ns = _bounded(time_ns, "Event.System.TimeCreated")
    return _event(_windows_key(record, piece, ordinals), time_ns, values, piece)


def _indexed(record: Mapping[str, Any], logged_ns: int | None, flavour: str) -> Mapping[str, Any]:
    try:
        document = normalise_windows(record, flavour)
    except ValueError as error:
        raise PutAsideError("S2H501", str(error), "export the event again, whole") from None
    if logged_ns is not None:
        document.setdefault("@timestamp", render_time(logged_ns))
    return document


def _windows_time(record: Mapping[str, Any], piece: Piece) -> int | None:
    try:
        return windows_time_ns(record)
    except ValueError:
        return piece.time_ns


def _windows_key(record: Mapping[str, Any], piece: Piece, ordinals: Ordinals) -> EventKey:
    try:
        return windows_event_key(record)
    except ValueError:
        # Without a record id its content tells it from others as well as can be.
        return _content_key(piece, ordinals)


def _event_of_dumped_hit(hit: Mapping[str, Any], piece: Piece, ordinals: Ordinals) -> Event:
    if isinstance(hit.get("_index"), str) and isinstance(hit.get("_id"), str):
        return event_of_hit(hit, piece)
    # Dumped without what Elasticsearch knows it by: its content tells it from others.
    values = flatten(hit["_source"])
    return _event(_content_key(piece, ordinals), _time_of(values), values, piece)


def event_of_hit(hit: Mapping[str, Any], piece: Piece) -> Event:
    """Return the event of a search hit.

    Raises:
        PutAsideError: S2H503 (no usable time).
    """
    values = flatten(hit["_source"])
    time_ns = _time_of(values)
    key = elasticsearch_event_key(hit["_index"], hit["_id"], time_ns)
    return _event(key, time_ns, values, piece)


def _event(key: EventKey, time_ns: int, values: Values, piece: Piece) -> Event:
    return Event(
        key=key,
        time_ns=time_ns,
        values=values,
        raw=piece.raw,
        origin=piece.origin,
        ingested_ns=_single_time(values.get("event.ingested", ())),
    )


def _time_of(values: Values) -> int:
    for text in values.get("@timestamp", ()):
        if _SECONDS.fullmatch(text):
            raise PutAsideError(
                "S2H503",
                f"@timestamp {text} looks like seconds since 1970; as milliseconds, which is how "
                "Elasticsearch reads a number, it lies in early 1970",
                "write milliseconds: jq -c '.[\"@timestamp\"] *= 1000'",
            )
    return _bounded(_single_time(values.get("@timestamp", ())), "@timestamp")


def _single_time(texts: tuple[str, ...]) -> int | None:
    """Several different times are no time: nobody could say which one counts."""
    return parse_time_ns(texts[0]) if len(set(texts)) == 1 else None


def _bounded(time_ns: int | None, field: str) -> int:
    if time_ns is None:
        raise PutAsideError(
            "S2H503",
            f"the event has no usable time: {field} is absent or is no time",
            f"add {field}, such as 2026-11-24T09:00:00.000Z or milliseconds since 1970",
        )
    if abs(time_ns) > _MAX_TIME_NS:
        raise PutAsideError(
            "S2H503",
            f"the event's time in {field} lies outside the years 1677 to 2262",
            "set the clock of the machine that wrote it",
        )
    return time_ns


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
