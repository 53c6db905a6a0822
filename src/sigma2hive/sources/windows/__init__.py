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

from sigma2hive.model.folding import fold
from sigma2hive.sources.windows import defender, powershell, security, sysmon
from sigma2hive.sources.windows.draft import Draft
from sigma2hive.sources.windows.flat import flat_document
from sigma2hive.sources.windows.keys import (
    key_in_line,
    keys_of_lines,
    windows_event_key,
    windows_time_ns,
)
from sigma2hive.sources.windows.raw import SystemPart, read_system, read_values
from sigma2hive.sources.windows.shipped import draft_of, finish

__all__ = [
    "FLAT",
    "FLAVOURS",
    "SystemPart",
    "flat_document",
    "key_in_line",
    "keys_of_lines",
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
