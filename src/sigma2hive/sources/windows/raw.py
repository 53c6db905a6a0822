"""The raw event, whatever shape its reader gave it.

Takes the parsed JSON of one record; gives its `SystemPart` and its `EventValues`. Follows what
Winlogbeat reads out of the event's XML: the text of each element, the `Name` attribute as its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sigma2hive.model.times import is_usual_time, parse_time_ns
from sigma2hive.model.values import canonical_text

ATTRIBUTES, TEXT = "#attributes", "#text"
#: How the `evtx` library writes a value of type GUID; Windows' own XML puts it in braces.
_BARE_GUID = re.compile(r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}")
GUID_LENGTH = 36
_INTEGER = re.compile(r"0[xX][0-9a-fA-F]{1,16}|-?[0-9]{1,19}")
#: No number of so many digits or more is read.
_TOO_LARGE = 10**19

#: A name ("" or "Data" where there is none) and the text.
Pair = tuple[str, str]


class SystemPart(NamedTuple):
    """What Windows itself says of an event; "" and None where the record says nothing.

    `time_ns` counts from the Unix epoch.
    """

    provider_name: str
    provider_guid: str
    event_id: str
    version: int | None
    level: int | None
    task: int | None
    opcode: int | None
    keywords: int
    time_text: str
    time_ns: int | None
    record_id: str
    activity_id: str
    related_activity_id: str
    process_id: int | None
    thread_id: int | None
    channel: str
    computer: str
    user_id: str


class EventValues(NamedTuple):
    """What the program says that logged the event.

    Both keep their order, which numbers the values that have no name. `user_data_name` is the
    element inside UserData.
    """

    event_data: Sequence[Pair]
    user_data: Sequence[Pair]
    user_data_name: str


def read_values(record: Mapping[str, Any]) -> EventValues:
    """Return the values of one record.

    Raises:
        ValueError: it has not the shape of a Windows event; the message says what is missing.
    """
    event = _event_of(record)
    name, user_data = _user_data(event.get("UserData"))
    return EventValues(_pairs(event.get("EventData")), user_data, name)


def read_system(record: Mapping[str, Any]) -> SystemPart:
    """Return the system part of one record.

    Raises:
        ValueError: it has not the shape of a Windows event; the message says what is missing.
    """
    system = _event_of(record).get("System")
    if not isinstance(system, Mapping):
        raise ValueError("no Windows event: 'Event' has no object under 'System'")
    event_id = text_of(system.get("EventID"))
    if not event_id:
        raise ValueError("no Windows event: 'System' has no EventID")
    time_text = attribute_of(system, "TimeCreated", "SystemTime")
    return SystemPart(
        provider_name=attribute_of(system, "Provider", "Name"),
        provider_guid=attribute_of(system, "Provider", "Guid"),
        event_id=event_id,
        version=_number_in(system.get("Version")),
        level=_number_in(system.get("Level")),
        task=_number_in(system.get("Task")),
        opcode=_number_in(system.get("Opcode")),
        keywords=_number_in(system.get("Keywords")) or 0,
        time_text=time_text,
        time_ns=parse_time_ns(time_text) if is_system_time(time_text) else None,
        record_id=text_of(system.get("EventRecordID")),
        activity_id=attribute_of(system, "Correlation", "ActivityID"),
        related_activity_id=attribute_of(system, "Correlation", "RelatedActivityID"),
        process_id=_number_in(_node(system, "Execution", "ProcessID")),
        thread_id=_number_in(_node(system, "Execution", "ThreadID")),
        channel=text_of(system.get("Channel")),
        computer=text_of(system.get("Computer")),
        user_id=attribute_of(system, "Security", "UserID"),
    )


def is_system_time(text: str) -> bool:
    """Whether a SystemTime is a time; a number alone is none here."""
    return is_usual_time(text) or ("-" in text and parse_time_ns(text) is not None)


def _event_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    event = record.get("Event") if isinstance(record, Mapping) else None
    if not isinstance(event, Mapping):
        raise ValueError("no Windows event: there is no object under 'Event'")
    return event


def text_of(value: Any) -> str:
    """Return the text of one element: its own, or that under "#text"; the first of several."""
    kind = type(value)
    if kind is str:  # as nearly all are
        return as_windows_writes(value)
    if kind is int:
        return str(value)
    if value is None:
        return ""
    while isinstance(value, (Mapping, list, tuple)):
        value = value.get(TEXT) if isinstance(value, Mapping) else next(iter(value), None)
    if not isinstance(value, (str, int, float)):
        return ""
    return as_windows_writes(canonical_text(value))


def as_windows_writes(text: str) -> str:
    """Return the text as it is in Windows' own XML, where a GUID has braces."""
    is_guid = len(text) == GUID_LENGTH and _BARE_GUID.fullmatch(text)
    return f"{{{text}}}" if is_guid else text


def _number_in(value: Any) -> int | None:
    """Return the whole number that an element says, None where it says none."""
    if type(value) is int:  # as nearly all are
        return value if -_TOO_LARGE < value < _TOO_LARGE else None
    return None if value is None else _known_number(text_of(value))


def number_of(text: str) -> int | None:
    """Return the whole number that `text` is, decimal or 0x hexadecimal; None where it is none."""
    stripped = text.strip()
    if not _INTEGER.fullmatch(stripped):
        return None
    return int(stripped, 16 if stripped[:2] in ("0x", "0X") else 10)


#: What stands in all events of a log, such as their keywords.
_known_number = lru_cache(maxsize=256)(number_of)


def attribute_of(system: Mapping[str, Any], element: str, name: str) -> str:
    """Return the text of an attribute of one of its elements, "" where it has none."""
    value = _node(system, element, name)
    return "" if value is None else text_of(value)


def _node(system: Mapping[str, Any], element: str, name: str) -> Any:
    """Return what an attribute of an element holds; None where it is not there."""
    node = system.get(element)
    if type(node) is dict or isinstance(node, Mapping):
        attributes = node.get(ATTRIBUTES)
        if type(attributes) is dict or isinstance(attributes, Mapping):
            return attributes.get(name)
        return node.get(name)
    return node if element == "TimeCreated" else None


def _pairs(data: Any) -> list[Pair]:
    """Return the name and text of every element under EventData, or under the one in UserData."""
    if not isinstance(data, Mapping):
        return [("Data", text_of(item)) for item in _several(data)]
    pairs: list[Pair] = []
    for name, value in data.items():
        if name in (ATTRIBUTES, TEXT):
            continue
        kind = type(value)
        if kind is str:  # as nearly all are
            pairs.append((name, as_windows_writes(value) if len(value) == GUID_LENGTH else value))
        elif kind is int:
            pairs.append((name, str(value)))
        else:
            pairs.extend((_own_name(item) or str(name), text_of(item)) for item in _several(value))
    return pairs


def _several(value: Any) -> list[Any]:
    """Return the elements of one name: a list, or the list under its "#text", or the value."""
    if isinstance(value, Mapping) and isinstance(value.get(TEXT), list):
        value = value[TEXT]
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _own_name(item: Any) -> str:
    attributes = item.get(ATTRIBUTES) if isinstance(item, Mapping) else None
    return text_of(attributes.get("Name")) if isinstance(attributes, Mapping) else ""


def _user_data(data: Any) -> tuple[str, Sequence[Pair]]:
    """Return the name of the one element in UserData, and what is inside it."""
    if not isinstance(data, Mapping):
        return "", ()
    for name, content in data.items():
        if name != ATTRIBUTES:
            return str(name), _pairs(content)
    return "", ()
