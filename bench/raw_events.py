"""Flat events of OTRF/Security-Datasets as the raw Windows events that they were.

Takes lines of bench.windows_events, which two shippers wrote: NXLog, and one that names System's
elements as Windows does. Gives `{"Event": {"System": …, "EventData": …}}`, one a line, as .evtx
readers write it: what is System's own goes there, the rendered message into RenderingInfo, what a
shipper added is left out, and all else is the event's own. No value is changed but keywords, which
Windows writes in hexadecimal. An event without a record number, which a raw one has to have, gets
the number of its line; a level is there only where a shipper wrote it.

Source: https://docs.nxlog.co/refman/current/im/msvistalog.html
"""

import json
from pathlib import Path
from typing import Any

#: Elements of System that have no attributes: their name, and the field's.
_ELEMENTS = {
    "EventID": "EventID",
    "Version": "Version",
    "Level": "Level",
    "Task": "Task",
    "Opcode": "OpcodeValue",
    "EventRecordID": "RecordNumber",
    "Channel": "Channel",
    "Computer": "Computer",
}
#: Element of System and its attribute → the field's name.
_ATTRIBUTES = {
    ("Provider", "Name"): "Provider_Name",
    ("Provider", "Guid"): "ProviderGuid",
    ("Correlation", "ActivityID"): "ActivityID",
    ("Correlation", "RelatedActivityID"): "RelatedActivityID",
    ("Execution", "ProcessID"): "ExecutionProcessID",
    ("Execution", "ThreadID"): "ThreadID",
    ("Security", "UserID"): "UserID",
    ("TimeCreated", "SystemTime"): "@timestamp",
}
#: What shippers add or say again.
_ADDED = frozenset(
    (
        *("Keywords", "Message", "TimeCreated", "EventTime", "EventReceivedTime", "Category"),
        *("Severity", "SeverityValue", "Opcode", "Domain", "AccountName", "AccountType"),
        *("SourceModuleName", "SourceModuleType", "EventTypeOrignal", "ERROR_EVT_UNRESOLVED"),
        *("host", "port", "tags", "@version"),
    )
)
_IN_SYSTEM = frozenset((*_ELEMENTS.values(), *_ATTRIBUTES.values()))
#: What NXLog writes into EventType, unless the event has a value of that name.
_NXLOG_TYPES = frozenset(
    (
        *("AUDIT_SUCCESS", "AUDIT_FAILURE", "INFO", "WARNING", "ERROR", "CRITICAL", "VERBOSE"),
        "DEBUG",
    )
)


def write_raw(flat: Path, raw: Path) -> int:
    """Write the raw events of a file of flat ones; return how many there are."""
    count = 0
    with flat.open("rb") as lines, raw.open("wb") as out:
        for count, line in enumerate(lines, 1):
            made = raw_event(json.loads(line), count)
            text = json.dumps(made, separators=(",", ":"), ensure_ascii=False)
            out.write(text.encode("utf-8", "replace") + b"\n")
    return count


def raw_event(flat: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the raw event that a flat one was; `number` is its record's where it has none."""
    system: dict[str, Any] = {}
    for (element, attribute), field in _ATTRIBUTES.items():
        if field in flat:
            system.setdefault(element, {"#attributes": {}})["#attributes"][attribute] = flat[field]
    system.update((name, flat[field]) for name, field in _ELEMENTS.items() if field in flat)
    system.setdefault("EventRecordID", number)
    if "Keywords" in flat:
        system["Keywords"] = _keywords(flat["Keywords"])
    left_out = _IN_SYSTEM | _ADDED
    if flat.get("EventType") in _NXLOG_TYPES:
        left_out |= {"EventType"}
    own = {name: value for name, value in flat.items() if name not in left_out}
    event = {"System": system, "EventData": own or None}
    if "Message" in flat:
        event["RenderingInfo"] = {"Message": flat["Message"]}
    return {"Event": event}


def _keywords(written: object) -> object:
    """Return keywords as Windows writes them; NXLog gives 64 bits with a sign."""
    return f"0x{written & 0xFFFFFFFFFFFFFFFF:x}" if isinstance(written, int) else written
