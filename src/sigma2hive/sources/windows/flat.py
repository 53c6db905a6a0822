"""Windows events on one level, under Sigma's own names: the profile windows-flat.

Takes one parsed raw event, `{"Event": {"System": …, "EventData": … or "UserData": …}}`; gives one
object with what Windows wrote in it, System first and the event's own values beside it. Attributes
are named as Sigma does, by their element: Provider_Name, Security_UserID, Execution_ProcessID.
Nothing is translated or removed: two values of one name stand both there, values without a name are
`Data`, and names of the elements inside UserData are those of their texts and attributes. A name is
kept too, unless System has it: event 104's own `Channel` is `UserData_Channel`.

Every event of a log is read here, so what is usual is decided first, and in few steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sigma2hive.sources.windows.raw import (
    ATTRIBUTES,
    GUID_LENGTH,
    TEXT,
    as_windows_writes,
    is_system_time,
)

NO_NAMES = frozenset((ATTRIBUTES, TEXT))
#: Elements of System whose attribute goes by the element's name.
NAMED_BY_ELEMENT = {"TimeCreated_SystemTime": "TimeCreated"}
_PLAIN = frozenset((str, int, float, bool))


def flat_document(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event on one level; @timestamp is its SystemTime, if that is a time.

    Raises:
        ValueError: the record is no Windows event; the message says what is missing.
    """
    event = record.get("Event")
    event = event if isinstance(event, dict) else {}
    flat = _flat_system(event.get("System"))
    time = flat.get("TimeCreated")
    if type(time) is str and is_system_time(time):
        flat["@timestamp"] = time
    if event.get("EventData") is not None:
        _stand_beside(flat, _event_data(event["EventData"]), "EventData")
    if isinstance(event.get("UserData"), Mapping):
        _stand_beside(flat, _user_data(event["UserData"]), "UserData")
    rendered = event.get("RenderingInfo")
    if isinstance(rendered, Mapping):
        # Of the rest System has the numbers.
        _add_several(flat, "Message", rendered.get("Message"))
    return flat


def _flat_system(system: Any) -> dict[str, Any]:
    if not isinstance(system, Mapping):
        raise ValueError("no Windows event: 'Event' has no object under 'System'")
    flat: dict[str, Any] = {}
    for name, value in system.items():
        kind = type(value)
        if kind in _PLAIN:
            flat[name] = value
        elif kind is dict:
            _add_element(flat, name, value)
        elif value is not None:
            _add_several(flat, name, value)
    if flat.get("EventID", "") == "":
        raise ValueError("no Windows event: 'System' has no EventID")
    return flat


def _event_data(data: Any) -> dict[str, Any]:
    own: dict[str, Any] = {}
    if isinstance(data, Mapping):
        for name, value in data.items():
            if name in NO_NAMES:
                continue
            if type(value) is str and len(value) != GUID_LENGTH and name not in own:
                own[name] = value
            else:
                _add(own, name, value)
    else:
        _add_several(own, "Data", data)
    return own


def _user_data(data: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {}
    for value in data.values():
        _add_several(own, "", value)
    return own


def _stand_beside(flat: dict[str, Any], own: dict[str, Any], section: str) -> None:
    if flat.keys().isdisjoint(own):
        flat.update(own)
    else:
        taken = frozenset(flat)
        for name, value in own.items():
            flat[f"{section}_{name}" if name in taken else name] = value


def _add_element(flat: dict[str, Any], name: str, element: dict[str, Any]) -> None:
    """Add an element of System: its text, and its attributes by the element's name and theirs."""
    attributes = element.get(ATTRIBUTES)
    for key, value in (attributes if type(attributes) is dict else element).items():
        if key not in NO_NAMES:
            full = f"{name}_{key}"
            _add(flat, NAMED_BY_ELEMENT.get(full, full), value)
    if TEXT in element:
        _add(flat, name, element[TEXT])


def _add(flat: dict[str, Any], name: str, value: Any) -> None:
    """Add what stands under a name: one text or number, and seldom anything else."""
    if type(value) not in _PLAIN or name in flat:
        _add_several(flat, name, value)
    elif type(value) is str and len(value) == GUID_LENGTH:
        flat[name] = as_windows_writes(value)
    else:
        flat[name] = value


def _add_several(flat: dict[str, Any], name: str, value: Any) -> None:
    for key, text in _leaves(name, value):
        written = as_windows_writes(text) if isinstance(text, str) else text
        if key not in flat:
            flat[key] = written
        elif isinstance(flat[key], list):
            flat[key].append(written)
        else:
            flat[key] = [flat[key], written]


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and value of all that stands in an element, in its order."""
    if isinstance(value, Mapping):
        attributes = value.get(ATTRIBUTES)
        attributes = attributes if isinstance(attributes, Mapping) else {}
        own = attributes.get("Name")
        # <Data Name="x">, as readers write it that keep the elements' own names.
        name = own if TEXT in value and isinstance(own, str) and own else name
        for key, child in value.items():
            if key == ATTRIBUTES:
                yield from _attributes_in(value, attributes)
            else:
                yield from _leaves(name if key == TEXT else key, child)
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(name, child)
    elif value is not None and name:
        yield name, value


def _attributes_in(
    element: Mapping[str, Any], attributes: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield the attributes that say something of their own: no name of a value, no namespace."""
    for key, value in attributes.items():
        is_name = key == "Name" and TEXT in element
        if not is_name and not key.startswith("xmlns"):
            yield from _leaves(key, value)
