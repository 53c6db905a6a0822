"""Where the fields of raw Windows events come from that are alike: their plans.

Takes what the System of some events has alike, and the names of their values; gives for each field
path the way to it. Logs have few such kinds, so this is found out once for many events. Of a
channel whose pipeline is run event by event there is no plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sigma2hive.model.folding import fold
from sigma2hive.sources.windows.draft import EVENT_DATA
from sigma2hive.sources.windows.raw import SystemPart, read_system
from sigma2hive.sources.windows.security_ways import plan_security
from sigma2hive.sources.windows.shipped import written_alike
from sigma2hive.sources.windows.sysmon_ways import plan_sysmon
from sigma2hive.sources.windows.ways import InSystem, Plan, Text, Way, Whole, constant

_SYSMON: Final = fold("Microsoft-Windows-Sysmon/Operational")
#: Channels whose pipelines are run event by event; the last has none in Winlogbeat.
_SINGLY: Final = {
    "winlogbeat": frozenset(
        map(fold, ("Windows PowerShell", "Microsoft-Windows-PowerShell/Operational"))
    ),
    "elastic-agent": frozenset(
        map(
            fold,
            (
                "Windows PowerShell",
                "Microsoft-Windows-PowerShell/Operational",
                "Microsoft-Windows-Windows Defender/Operational",
            ),
        )
    ),
}
#: Names of values that stand for something else, or are numbered by their position.
_NO_NAMES: Final = frozenset(("", "Data", "#attributes", "#text"))
#: How many names and fields all the plans have that are kept, how many names one event has of which
#: a plan is made, and how many characters a name: whoever writes the log chooses them.
_MOST_FIELDS, _MOST_NAMES, _LONGEST_NAME = 100_000, 100, 128
_OF_SYSTEM: Final[Plan] = {
    **{
        path: Whole(path)
        for path in (
            "@timestamp",
            "winlog.record_id",
            "winlog.process.pid",
            "winlog.process.thread.id",
            "winlog.activity_id",
            "winlog.related_activity_id",
        )
    },
    "host.name": InSystem(("Computer",)),
    "winlog.computer_name": InSystem(("Computer",)),
    "winlog.user.identifier": InSystem(("Security", "#attributes", "UserID")),
}


class Alike(NamedTuple):
    """What the System of some events has alike, as the texts that stand there."""

    event_id: str | None
    provider_name: str | None
    provider_guid: str | None
    version: str | None
    level: str | None
    task: str | None
    opcode: str | None
    keywords: str | None
    channel: str | None

    def system(self) -> SystemPart:
        """Return the system part of an event that has nothing else.

        Raises:
            ValueError: it has no event id.
        """
        provider = {"Name": self.provider_name, "Guid": self.provider_guid}
        inside = {
            "EventID": self.event_id,
            "Provider": {"#attributes": provider},
            "Version": self.version,
            "Level": self.level,
            "Task": self.task,
            "Opcode": self.opcode,
            "Keywords": self.keywords,
            "Channel": self.channel,
        }
        return read_system({"Event": {"System": inside}})


class Plans:
    """The plans of a flavour; `normalise` makes the documents of single events."""

    def __init__(self, flavour: str, normalise: Callable[..., Mapping[str, Any]]) -> None:
        self._flavour = flavour
        self._normalise = normalise
        self._plans: dict[tuple[Alike, Sequence[str]], Plan | None] = {}
        self._ways: dict[Way, Way] = {}
        self._fields = 0

    def document_of(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the document of a single event."""
        return self._normalise(record, self._flavour)

    def plan_of(self, alike: Alike, names: Sequence[str]) -> Plan | None:
        """Return the plan of events; None where each is to be read alone.

        `names` are those of all values in their EventData. Ways that are equal are the same object.
        """
        key = (alike, names)
        if key not in self._plans:
            texts = (*filter(None, alike), *names)
            if len(names) > _MOST_NAMES or max(map(len, texts), default=0) > _LONGEST_NAME:
                return None
            self._keep(key, self._made(alike, names))
        return self._plans[key]

    def _keep(self, key: tuple[Alike, Sequence[str]], plan: Plan | None) -> None:
        fields = len(key[0]) + len(key[1]) + len(plan or ())
        if self._fields + fields > _MOST_FIELDS:
            self._plans.clear()
            self._ways.clear()
            self._fields = 0
        self._fields += fields
        if plan is not None:
            plan = {path: self._ways.setdefault(way, way) for path, way in plan.items()}
        self._plans[key] = plan

    def _made(self, alike: Alike, names: Sequence[str]) -> Plan | None:
        try:
            system = alike.system()
        except ValueError:
            return None
        keys = {name.replace(" ", "_"): name for name in names}
        channel = fold(system.channel)
        if channel in _SINGLY[self._flavour]:
            return None
        if len(keys) < len(names) or not _NO_NAMES.isdisjoint(keys):
            return None
        plan: Plan = dict(_OF_SYSTEM)
        shared = written_alike(self._flavour, system)
        plan.update((path, constant(value)) for path, value in shared.items())
        plan.update((EVENT_DATA + key, Text(name)) for key, name in keys.items())
        if channel == _SYSMON:
            plan_sysmon(plan, keys, system.event_id, self._flavour)
        elif channel == "security":
            plan_security(plan, keys, (system.provider_name, system.event_id), self._flavour)
        return plan
