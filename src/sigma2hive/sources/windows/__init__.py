"""Windows events, from what Windows logged to what Winlogbeat or the Elastic Agent index.

Takes one parsed raw event, `{"Event": {"System": …, "EventData": … or "UserData": …}}`, as .evtx
readers give it; gives the ECS document that the profile's program would have sent through Elastic's
own ingest pipelines, or the event on one level under Sigma's names; its key and its time. Never
raises anything but `ValueError`, and that only where the record is no Windows event at all.

What nobody can know from the file is left out: rendered messages (PowerShell's excepted), names of
tasks whose provider is not in data/windows/system.json, account names behind SIDs, geo data,
community ids, and descriptions of access masks and security descriptors.

Source: elastic/beats winlogbeat/sys/winevent and x-pack/winlogbeat/module/*/ingest;
elastic/integrations packages/windows and packages/system, */elasticsearch/ingest_pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigma2hive.model.events import EventKey, EventKeyKind
from sigma2hive.model.folding import fold
from sigma2hive.sources.windows import defender, powershell, security, sysmon
from sigma2hive.sources.windows.draft import Draft
from sigma2hive.sources.windows.flat import flat_document
from sigma2hive.sources.windows.raw import SystemPart, read_system, read_values
from sigma2hive.sources.windows.shipped import draft_of, finish

__all__ = [
    "FLAT",
    "FLAVOURS",
    "SystemPart",
    "flat_document",
    "normalise_windows",
    "read_system",
    "windows_event_key",
    "windows_time_ns",
]

#: Whose fields a document can have: those that a program of Elastic's indexes, or Sigma's own.
FLAVOURS = ("winlogbeat", "elastic-agent")
FLAT = "flat"

_SYSMON = fold("Microsoft-Windows-Sysmon/Operational")
_POWERSHELL_CLASSIC = fold("Windows PowerShell")
_POWERSHELL = fold("Microsoft-Windows-PowerShell/Operational")
_DEFENDER = fold("Microsoft-Windows-Windows Defender/Operational")


def normalise_windows(
    record: Mapping[str, Any], flavour: str, system: SystemPart | None = None
) -> dict[str, Any]:
    """Return the document that `flavour` ("winlogbeat" or "elastic-agent") would index, or "flat".

    `system` is the record's, where it was read already.

    Raises:
        ValueError: the record is no Windows event, or the flavour is unknown.
    """
    if flavour == FLAT:
        return flat_document(record)
    if flavour not in FLAVOURS:
        raise ValueError(f"unknown flavour {flavour!r}; known are: {', '.join(FLAVOURS)}")
    system = system or read_system(record)
    draft = draft_of(system, read_values(record), flavour)
    _run_pipeline(draft, system)
    return finish(draft)


def windows_event_key(system: SystemPart) -> EventKey:
    """Return the key of an event: computer, channel, record id and time in whole milliseconds.

    One event has one key however it was exported: letter case and the dot at the end of a full
    computer name say nothing, and readers give between 3 and 7 digits of the second.

    Raises:
        ValueError: it has no record id or time to tell it by.
    """
    if not system.record_id:
        raise ValueError("the Windows event has no EventRecordID")
    computer = fold(system.computer).removesuffix(".")
    milliseconds = windows_time_ns(system) // 1_000_000
    parts = (computer, fold(system.channel), system.record_id, str(milliseconds))
    return EventKey(EventKeyKind.WINDOWS, parts)


def windows_time_ns(system: SystemPart) -> int:
    """Return the SystemTime of the event in nanoseconds since the Unix epoch, exactly.

    Raises:
        ValueError: its SystemTime is no time.
    """
    if system.time_ns is None:
        raise ValueError(f"the Windows event has no usable SystemTime: {system.time_text[:60]!r}")
    return system.time_ns


def _run_pipeline(draft: Draft, system: SystemPart) -> None:
    # Windows does not look at the letter case of a channel's name either.
    channel = fold(system.channel)
    if channel == "security":
        security.run(draft, system.provider_name)
    elif channel == _SYSMON:
        sysmon.run(draft)
    elif channel == _POWERSHELL_CLASSIC:
        powershell.run_classic(draft)
    elif channel == _POWERSHELL:
        powershell.run_operational(draft)
    elif channel == _DEFENDER and draft.is_agent:
        defender.run(draft)
