"""What tells one Windows event from all others: computer, channel, record id and time.

Takes the System of an event, its line, or scanned lines and the rows that are wanted; gives keys.
All ways give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import orjson

from sigma2hive.model.bitmaps import mask_of
from sigma2hive.model.events import EventKey, EventKeyKind
from sigma2hive.model.folding import fold
from sigma2hive.model.times import is_usual_time, parse_time_ns
from sigma2hive.native import ScannedLines
from sigma2hive.sources.windows.raw import (
    ATTRIBUTES,
    SystemPart,
    as_windows_writes,
    attribute_of,
    text_of,
)

_MILLISECOND_NS = 1_000_000

_Made = TypeVar("_Made")


def windows_event_key(system: SystemPart) -> EventKey:
    """Return the key of an event: computer, channel, record id and time in whole milliseconds.

    One event has one key however it was exported: letter case and the dot at the end of a full
    computer name say nothing, and readers give between 3 and 7 digits of the second.

    Raises:
        ValueError: it has no record id or time to tell it by.
    """
    if not system.record_id:
        raise ValueError("the Windows event has no EventRecordID")
    milliseconds = str(windows_time_ns(system) // _MILLISECOND_NS)
    return _key(_computer(system.computer), fold(system.channel), system.record_id, milliseconds)


def windows_time_ns(system: SystemPart) -> int:
    """Return the SystemTime of the event in nanoseconds since the Unix epoch, exactly.

    Raises:
        ValueError: its SystemTime is no time.
    """
    if system.time_ns is None:
        raise ValueError(f"the Windows event has no usable SystemTime: {system.time_text[:60]!r}")
    return system.time_ns


def key_in_line(line: bytes) -> EventKey | None:
    """Return the key of a raw event that was read as such; None where it is written unusually."""
    system = orjson.loads(line)["Event"]["System"]
    computer, channel = system.get("Computer"), system.get("Channel")
    if type(computer) is not str or type(channel) is not str:
        # Of a number only the careful reader knows every digit.
        return None
    record_id = text_of(system.get("EventRecordID"))
    milliseconds = _milliseconds(attribute_of(system, "TimeCreated", "SystemTime"))
    if not record_id or milliseconds is None:
        return None
    return _key(_computer_in(computer), _channel_in(channel), record_id, milliseconds)


def keys_of_lines(lines: ScannedLines, rows: Sequence[int]) -> Mapping[int, EventKey]:
    """Return the keys of raw events that are rows, by row.

    Of one with an unusual System there is none: it is for the reader of single events.
    """
    read = partial(_read, lines, mask_of(rows))
    computers = read(("Computer",), _computer_in)
    channels = read(("Channel",), _channel_in)
    record_ids = read(("EventRecordID",), as_windows_writes)
    times = read(("TimeCreated", ATTRIBUTES, "SystemTime"), _milliseconds)
    there = computers.keys() & channels.keys() & record_ids.keys() & times.keys()
    return {
        row: _key(computers[row], channels[row], record_ids[row], times[row])
        for row in there
        if record_ids[row]
    }


def _key(computer: str, channel: str, record_id: str, milliseconds: str) -> EventKey:
    return EventKey(EventKeyKind.WINDOWS, (computer, channel, record_id, milliseconds))


def _computer(name: str) -> str:
    return fold(name).removesuffix(".")


def _computer_in(text: str) -> str:
    return _computer(as_windows_writes(text))


def _channel_in(text: str) -> str:
    return fold(as_windows_writes(text))


def _milliseconds(text: str) -> str | None:
    time_ns = parse_time_ns(text) if is_usual_time(text) else None
    return None if time_ns is None else str(time_ns // _MILLISECOND_NS)


def _read(
    lines: ScannedLines, rows: int, keys: Sequence[str], function: Callable[[str], _Made | None]
) -> dict[int, _Made]:
    """Return what a function makes of each text below some keys in System; None is left out."""
    number = lines.scan.paths.number_of(("Event", "System", *keys))
    if number is None:
        return {}
    wanted = rows.to_bytes(rows.bit_length() + 7 >> 3, "little")
    column = lines.scan.column(number, lines.row_of, wanted)
    made = list(map(function, column.texts))
    cells = zip(column.rows, column.codes, strict=True)
    return {row: found for row, code in cells if (found := made[code]) is not None}
