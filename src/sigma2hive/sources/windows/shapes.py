"""Raw Windows events that are read by columns: those of a kind that have the same values' names.

Takes parsed raw events; gives `Late` documents, made when somebody looks into them, whose shape
knows where in the raw event each field comes from. Logs have few shapes, so this is found out once
for many events. What is not plain, or of a channel that no columns are known of, is for the reader
of single events: None is given for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sigma2hive.model.folding import fold
from sigma2hive.model.late import Late
from sigma2hive.model.times import is_usual_time
from sigma2hive.sources.windows.columns import Plan, Records, constant, text, whole
from sigma2hive.sources.windows.draft import EVENT_DATA
from sigma2hive.sources.windows.raw import SystemPart, attribute_of, read_system, text_of
from sigma2hive.sources.windows.security_columns import plan_security
from sigma2hive.sources.windows.shipped import written_alike
from sigma2hive.sources.windows.sysmon_columns import is_plain, plan_sysmon

_ATTRIBUTES = "#attributes"
_SYSMON = fold("Microsoft-Windows-Sysmon/Operational")
#: Channels whose pipelines are run event by event.
_SINGLY = frozenset(
    map(
        fold,
        (
            "Windows PowerShell",
            "Microsoft-Windows-PowerShell/Operational",
            "Microsoft-Windows-Windows Defender/Operational",
        ),
    )
)
#: Names of values that stand for something else, or are numbered by their position.
_NO_NAMES = frozenset(("", "Data", _ATTRIBUTES, "#text"))
_PLAIN = frozenset((str, int, bool, type(None)))
_KIND = frozenset((str, int, type(None)))
#: What a text that begins with a line's end has in JSON; of such a text nothing may be left.
#: The last is what a line's end begins with that is written by its number.
_LINE_ENDS = (b'"\\n', b'"\\r', b"\\u000")
#: How many names and fields all the shapes have that are kept, how many names one event has that is
#: read by columns, and how many characters a name: whoever writes the log chooses them.
_MOST_FIELDS, _MOST_NAMES, _LONGEST_NAME = 100_000, 100, 128

Normalise = Callable[[Mapping[str, Any], str], Mapping[str, Any]]


class _Shape:
    """What events of a kind, with the same names of values, have in common."""

    def __init__(self, plan: Plan, make: Callable[[Any], Mapping[str, Any]]) -> None:
        self.plan = plan
        self.document = make

    def together(self, sources: Sequence[Any]) -> _Together:
        """Return the documents of several raw events."""
        return _Together(self.plan, Records(sources, self.document))


class _Together:
    def __init__(self, plan: Plan, records: Records) -> None:
        self._plan = plan
        self._records = records

    @property
    def paths(self) -> Collection[str]:
        return self._plan.keys()

    def cells(self, path: str) -> Sequence[Any]:
        return self._plan[path](self._records)


class Shapes:
    """Tells the shapes of raw events in the fields of a flavour; `normalise` makes single ones."""

    def __init__(self, flavour: str, normalise: Normalise) -> None:
        self._flavour = flavour
        self._make = lambda record: normalise(record, flavour)
        self._shapes: dict[tuple[Any, ...], _Shape | None] = {}
        self._fields = 0

    def document_of(self, record: dict[str, Any], raw: bytes) -> Late | None:
        """Return the document of a raw event, which has each key once; None where it is not plain.

        `raw` is its JSON.
        """
        event = record["Event"]
        system, data = event["System"], event.get("EventData")
        if type(data) is not dict or event.get("UserData") is not None or len(data) > _MOST_NAMES:
            return None
        key = _key_of(system, data)
        if key is None or _LINE_ENDS[0] in raw or _LINE_ENDS[1] in raw or _LINE_ENDS[2] in raw:
            return None
        if key not in self._shapes:
            if any(len(part) > _LONGEST_NAME for part in key if type(part) is str):
                return None
            self._keep(key, self._shape_of(record))
        shape = self._shapes[key]
        if shape is None or not (_is_plain_system(system) and _is_plain_data(data)):
            return None
        return Late(shape, record)

    def _keep(self, key: tuple[Any, ...], shape: _Shape | None) -> None:
        fields = len(key) + (0 if shape is None else len(shape.plan))
        if self._fields + fields > _MOST_FIELDS:
            self._shapes.clear()
            self._fields = 0
        self._fields += fields
        self._shapes[key] = shape

    def _shape_of(self, record: dict[str, Any]) -> _Shape | None:
        try:
            system = read_system(record)
        except ValueError:
            return None
        names = {name.replace(" ", "_"): name for name in record["Event"]["EventData"]}
        is_each_once = len(names) == len(record["Event"]["EventData"])
        channel = fold(system.channel)
        if not is_each_once or not _NO_NAMES.isdisjoint(names) or channel in _SINGLY:
            return None
        plan = _plan_of(system, names, self._flavour)
        if channel == _SYSMON:
            plan_sysmon(plan, names, system.event_id, self._flavour)
        elif channel == "security":
            plan_security(plan, names, (system.provider_name, system.event_id), self._flavour)
        return _Shape(plan, self._make)


def _key_of(system: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Return what events of one shape have alike; None where it cannot be told easily."""
    provider = system.get("Provider")
    attributes = provider.get(_ATTRIBUTES) if type(provider) is dict else None
    event_id = system.get("EventID")
    if type(event_id) is dict:
        event_id = event_id.get("#text")
    if type(attributes) is not dict:
        return None
    kind = (
        event_id,
        attributes.get("Name"),
        attributes.get("Guid"),
        system.get("Version"),
        system.get("Level"),
        system.get("Task"),
        system.get("Opcode"),
        system.get("Keywords"),
        system.get("Channel"),
    )
    return (*kind, *data) if _KIND.issuperset(map(type, kind)) else None


def _is_plain_system(system: Mapping[str, Any]) -> bool:
    """Whether it has a time and a computer, and nothing but texts and whole numbers elsewhere."""
    created = system.get("TimeCreated")
    attributes = created.get(_ATTRIBUTES) if type(created) is dict else None
    time = attributes.get("SystemTime") if type(attributes) is dict else None
    if type(time) is not str or not is_usual_time(time) or type(system.get("Computer")) is not str:
        return False
    for name in ("Execution", "Correlation", "Security"):
        node = system.get(name)
        if node is None:
            continue
        inside = node.get(_ATTRIBUTES) if type(node) is dict else None
        if type(inside) is not dict or not _KIND.issuperset(map(type, inside.values())):
            return False
    return True


def _is_plain_data(data: dict[str, Any]) -> bool:
    if not _PLAIN.issuperset(map(type, data.values())):
        return False
    happened = data.get("UtcTime")
    if happened is not None and not (type(happened) is str and is_usual_time(happened)):
        return False
    return is_plain(data)


def _plan_of(system: SystemPart, names: Mapping[str, str], flavour: str) -> Plan:
    """Return where the program that ships an event writes what it has, before any pipeline."""
    plan: Plan = {path: constant(value) for path, value in written_alike(flavour, system).items()}
    for path in (
        "@timestamp",
        "winlog.record_id",
        "winlog.process.pid",
        "winlog.process.thread.id",
        "winlog.activity_id",
        "winlog.related_activity_id",
    ):
        plan[path] = whole(path)
    plan["host.name"] = plan["winlog.computer_name"] = _computer
    plan["winlog.user.identifier"] = _user
    plan.update((EVENT_DATA + key, text(name)) for key, name in names.items())
    return plan


def _computer(records: Records) -> list[str | None]:
    return [text_of(system.get("Computer")) or None for system in records.systems]


def _user(records: Records) -> list[str | None]:
    return [attribute_of(system, "Security", "UserID") or None for system in records.systems]
