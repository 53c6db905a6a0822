"""Where the fields of raw Windows events come from that are alike: their plans.

Takes what the System of some events has alike, and the names of their values; gives for each field
path the way to it. Logs have few such kinds, so this is found out once for many events. Of a
channel whose pipeline is run event by event there is no plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sigma2hive.model.events import TIME_FIELD
from sigma2hive.model.folding import fold
from sigma2hive.sources.windows.draft import EVENT_DATA
from sigma2hive.sources.windows.powershell_ways import plan_classic, plan_operational
from sigma2hive.sources.windows.raw import ATTRIBUTES, TEXT, SystemPart
from sigma2hive.sources.windows.security_ways import plan_security
from sigma2hive.sources.windows.shipped import Kind, kind_of, written_alike
from sigma2hive.sources.windows.sysmon_ways import plan_sysmon
from sigma2hive.sources.windows.ways import LOGGED, InSystem, Plan, Text, Way, Whole, constants

_SYSMON: Final = fold("Microsoft-Windows-Sysmon/Operational")
_POWERSHELL: Final = {
    fold("Windows PowerShell"): plan_classic,
    fold("Microsoft-Windows-PowerShell/Operational"): plan_operational,
}
#: Its pipeline is run event by event; in Winlogbeat it has none.
_DEFENDER: Final = fold("Microsoft-Windows-Windows Defender/Operational")
#: Names of values that stand for something else, or are numbered by their position.
_NO_NAMES: Final = frozenset(("", "Data", ATTRIBUTES, TEXT))
#: How many names and fields all the plans have that are kept, how many names one event has of which
#: a plan is made, and how many characters a name: whoever writes the log chooses them.
_MOST_FIELDS, _MOST_NAMES, _LONGEST_NAME = 100_000, 100, 128
_OF_SYSTEM: Final[Plan] = {
    **{
        path: Whole(path)
        for path in (
            "winlog.record_id",
            "winlog.process.pid",
            "winlog.process.thread.id",
            "winlog.activity_id",
            "winlog.related_activity_id",
        )
    },
    TIME_FIELD: LOGGED,
    "host.name": InSystem(("Computer",)),
    "winlog.computer_name": InSystem(("Computer",)),
    "winlog.user.identifier": InSystem(("Security", ATTRIBUTES, "UserID")),
}


class Plans:
    """The plans of a flavour; `normalise` makes the documents of single events."""

    def __init__(self, flavour: str, normalise: Callable[..., Mapping[str, Any]]) -> None:
        self._flavour = flavour
        self._normalise = normalise
        self._plans: dict[tuple[Kind, Sequence[str]], Plan | None] = {}
        self._ways: dict[Way, Way] = {}
        self._fields = 0

    def document_of(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the document of a single event."""
        return self._normalise(record, self._flavour)

    def plan_of(self, system: SystemPart, names: Sequence[str]) -> Plan | None:
        """Return the plan of events; None where each is to be read alone.

        `names` are those of all values in their EventData. Ways that are equal are the same object.
        """
        key = (kind_of(system), names)
        if key not in self._plans:
            texts = [part for part in (*key[0], *names) if type(part) is str]
            if len(names) > _MOST_NAMES or max(map(len, texts), default=0) > _LONGEST_NAME:
                return None
            self._keep(key, self._made(system, names))
        return self._plans[key]

    def _keep(self, key: tuple[Kind, Sequence[str]], plan: Plan | None) -> None:
        fields = len(key[0]) + len(key[1]) + len(plan or ())
        if self._fields + fields > _MOST_FIELDS:
            self._plans.clear()
            self._ways.clear()
            self._fields = 0
        self._fields += fields
        if plan is not None:
            plan = {path: self._ways.setdefault(way, way) for path, way in plan.items()}
        self._plans[key] = plan

    def _made(self, system: SystemPart, names: Sequence[str]) -> Plan | None:
        keys = {name.replace(" ", "_"): name for name in names}
        channel = fold(system.channel)
        if channel == _DEFENDER and self._flavour == "elastic-agent":
            return None
        if len(keys) < len(names) or not _NO_NAMES.isdisjoint(keys):
            return None
        plan: Plan = dict(_OF_SYSTEM)
        shared = written_alike(self._flavour, system)
        plan.update(constants(shared))
        plan.update((EVENT_DATA + key, Text(name)) for key, name in keys.items())
        if channel == _SYSMON:
            plan_sysmon(plan, keys, system.event_id, self._flavour)
        elif channel == "security":
            plan_security(plan, keys, (system.provider_name, system.event_id), self._flavour)
        elif (plan_powershell := _POWERSHELL.get(channel)) is not None:
            is_planned = plan_powershell(plan, keys, system.event_id, self._flavour)
            return plan if is_planned else None
        return plan
