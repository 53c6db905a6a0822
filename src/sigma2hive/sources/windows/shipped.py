"""What Winlogbeat and the Elastic Agent themselves make of an event, before any pipeline.

Takes a `SystemPart` and `EventValues`; gives the draft that pipelines work on, and turns it into
the final document.

Source: elastic/beats winlogbeat/sys/winevent/event.go and maputil.go, winlogbeat/eventlog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from sigma2hive.model.folding import fold
from sigma2hive.model.times import render_time
from sigma2hive.sources.windows.draft import EVENT_DATA, Draft, table
from sigma2hive.sources.windows.raw import EventValues, Pair, SystemPart

_ECS_VERSIONS = {"winlogbeat": "8.0.0", "elastic-agent": "8.11.0"}
_AUDIT_FAILURE, _AUDIT_SUCCESS = 0x10000000000000, 0x20000000000000

#: Channel → the data set of the Elastic Agent; every other channel is read by the package "winlog".
_DATASETS = {
    "Application": "system.application",
    "Security": "system.security",
    "System": "system.system",
    "ForwardedEvents": "windows.forwarded",
    "Microsoft-Windows-Sysmon/Operational": "windows.sysmon_operational",
    "Windows PowerShell": "windows.powershell",
    "Microsoft-Windows-PowerShell/Operational": "windows.powershell_operational",
    "Microsoft-Windows-Windows Defender/Operational": "windows.windows_defender",
    "Microsoft-Windows-AppLocker/EXE and DLL": "windows.applocker_exe_and_dll",
    "Microsoft-Windows-AppLocker/MSI and Script": "windows.applocker_msi_and_script",
    "Microsoft-Windows-AppLocker/Packaged app-Deployment": (
        "windows.applocker_packaged_app_deployment"
    ),
    "Microsoft-Windows-AppLocker/Packaged app-Execution": (
        "windows.applocker_packaged_app_execution"
    ),
}
_DATASETS_FOLDED = {fold(channel): dataset for channel, dataset in _DATASETS.items()}
_OTHER_DATASET = "winlog.winlog"


def draft_of(system: SystemPart, values: EventValues, flavour: str) -> Draft:
    """Return the document as it leaves the program that ships it."""
    draft = Draft(system.event_id, flavour, dict(written_alike(flavour, system)))
    if system.time_ns is not None:
        draft.put("@timestamp", render_time(system.time_ns))
    draft.put("host.name", system.computer)
    draft.put("winlog.computer_name", system.computer)
    draft.put("winlog.record_id", system.record_id)
    draft.put("winlog.process.pid", system.process_id or None)
    draft.put("winlog.process.thread.id", system.thread_id or None)
    draft.put("winlog.user.identifier", system.user_id)
    draft.put("winlog.activity_id", system.activity_id)
    draft.put("winlog.related_activity_id", system.related_activity_id)
    draft.data = _named(values.event_data)
    user_data = _named(values.user_data)
    if user_data:
        draft.put("winlog.user_data", {**user_data, "xml_name": values.user_data_name})
    return draft


def finish(draft: Draft) -> dict[str, Any]:
    """Return the whole document, by dotted paths."""
    document = draft.root
    for name, value in draft.data.items():
        document[EVENT_DATA + name] = value
    return document


class Kind(NamedTuple):
    """What many events of a log have in common."""

    event_id: str
    provider_name: str
    provider_guid: str
    version: int | None
    level: int | None
    task: int | None
    opcode: int | None
    keywords: int
    channel: str


def kind_of(system: SystemPart) -> Kind:
    """Return what an event has in common with others of its kind."""
    return Kind(*_parts_of(system))


_parts_of = attrgetter(*Kind._fields)


def written_alike(flavour: str, system: SystemPart) -> Mapping[str, Any]:
    """Return what events of one kind have in common, by dotted paths."""
    return _written_alike(flavour, *_parts_of(system))


@lru_cache(maxsize=1024)
def _written_alike(flavour: str, *parts: Any) -> Mapping[str, Any]:
    kind = Kind(*parts)
    draft = Draft(kind.event_id, flavour)
    draft.put("ecs.version", _ECS_VERSIONS[flavour])
    draft.put("event.code", kind.event_id)
    draft.put("event.kind", "event")
    draft.put("event.provider", kind.provider_name)
    draft.put("winlog.channel", kind.channel)
    draft.put("winlog.event_id", kind.event_id)
    draft.put("winlog.provider_name", kind.provider_name)
    draft.put("winlog.provider_guid", kind.provider_guid)
    draft.put("winlog.version", kind.version or None)
    _name_numbers(draft, kind)
    if draft.is_agent:
        _write_data_stream(draft, kind.channel)
    return draft.root


def _name_numbers(draft: Draft, kind: Kind) -> None:
    """Write level, task, opcode and keywords by the names that Windows has for their numbers."""
    names = table("system")
    draft.put("log.level", names["levels"].get(str(kind.level)))
    draft.put("winlog.opcode", names["opcodes"].get(str(kind.opcode)))
    task = _tasks().get(fold(kind.provider_name), {}).get(str(kind.task))
    task = task or ("None" if kind.task == 0 else None)
    draft.put("winlog.task", task)
    draft.put("event.action", task)
    keywords = [name for mask, name in names["keywords"].items() if kind.keywords & int(mask, 16)]
    draft.put("winlog.keywords", keywords or None)
    if kind.keywords & _AUDIT_FAILURE:
        draft.put("event.outcome", "failure")
    elif kind.keywords & _AUDIT_SUCCESS:
        draft.put("event.outcome", "success")


@cache
def _tasks() -> dict[str, dict[str, str]]:
    """Folded provider → task number → name."""
    return {fold(provider): names for provider, names in table("system")["tasks"].items()}


def _named(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return name → text: values without a name are param1, param2 … by position; "" is nothing.

    Of two with one name the first stays. Blanks in names (Defender has them) become "_".
    """
    named: dict[str, Any] = {}
    for position, (name, text) in enumerate(pairs, 1):
        if text:
            key = f"param{position}" if name in ("", "Data") else name.replace(" ", "_")
            lines = text.replace("\r\n", "\n").rstrip("\n") if "\n" in text else text
            named.setdefault(key, lines)
    return named


def _write_data_stream(draft: Draft, channel: str) -> None:
    dataset = _DATASETS_FOLDED.get(fold(channel), _OTHER_DATASET)
    draft.put("data_stream.type", "logs")
    draft.put("data_stream.dataset", dataset)
    draft.put("data_stream.namespace", "default")
    draft.put("event.dataset", dataset)
    draft.put("event.module", dataset.partition(".")[0])
