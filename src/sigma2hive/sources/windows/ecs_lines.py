"""Raw Windows events of scanned lines in the fields of ECS: the same as single ones have.

Takes scanned lines, each a raw event; gives the fields that they have, and which of the lines are
plain. That is decided by shape, of which logs have few, and by the distinct texts of some values.
Plain lines with the same plan are read together.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from sigma2hive.model.bitmaps import mask_of
from sigma2hive.model.times import is_usual_time
from sigma2hive.native import Constants, Kind, Mark, Part, Scan
from sigma2hive.sources.windows.plans import Plans
from sigma2hive.sources.windows.raw import ATTRIBUTES, TEXT, read_system
from sigma2hive.sources.windows.sysmon_ways import is_plain
from sigma2hive.sources.windows.ways import Constant, Lines, Plan, Way

_SYSTEM: Final = ("Event", "System")
_DATA: Final = ("Event", "EventData")
_IDS: Final = frozenset((Kind.TEXT, Kind.LINES, Kind.INTEGER))
#: A text or a whole number, or nothing.
_SIMPLE: Final = _IDS | {Kind.NOTHING}
_VALUES: Final = frozenset((Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN, Kind.NOTHING))
_NODE: Final = frozenset((Kind.OBJECT, Kind.NOTHING))
#: What of System a plan depends on: where it may stand there.
_ALIKE: Final = (
    ("EventID",),
    ("EventID", TEXT),
    ("Provider", ATTRIBUTES, "Name"),
    ("Provider", ATTRIBUTES, "Guid"),
    *((name,) for name in ("Version", "Level", "Task", "Opcode", "Keywords", "Channel")),
)
#: Elements of which each attribute is simple.
_NODES: Final = ("Execution", "Correlation", "Security")
#: What an event has to have, and what else may stand in it where columns know what it means.
_NEEDED: Final[Mapping[tuple[str, ...], frozenset[Kind]]] = {
    ("Event",): frozenset((Kind.OBJECT,)),
    _SYSTEM: frozenset((Kind.OBJECT,)),
    (*_SYSTEM, "Provider", ATTRIBUTES): frozenset((Kind.OBJECT,)),
    (*_SYSTEM, "EventRecordID"): _IDS,
    (*_SYSTEM, "Computer"): frozenset((Kind.TEXT, Kind.LINES)),
    # The scanner has seen that it is a time.
    (*_SYSTEM, "TimeCreated", ATTRIBUTES, "SystemTime"): frozenset((Kind.TEXT,)),
}
_ALLOWED: Final[Mapping[tuple[str, ...], frozenset[Kind]]] = {
    **{(*_SYSTEM, *keys): _SIMPLE for keys in _ALIKE},
    **_NEEDED,
    _DATA: _NODE,
    ("Event", "UserData"): frozenset((Kind.NOTHING,)),
    (*_SYSTEM, "EventID"): _IDS | {Kind.OBJECT},
    (*_SYSTEM, "EventID", TEXT): _IDS,
    **{(*_SYSTEM, name): _NODE for name in _NODES},
    **{(*_SYSTEM, name, ATTRIBUTES): frozenset((Kind.OBJECT,)) for name in _NODES},
}
#: Values of which only some texts are plain.
_CHECKED: Final[Sequence[tuple[tuple[str, ...], Callable[[str], bool]]]] = (
    ((*_SYSTEM, "EventRecordID"), bool),
    ((*_DATA, "UtcTime"), is_usual_time),
    ((*_DATA, "Hashes"), is_plain),
    ((*_DATA, "Hash"), is_plain),
)

_Kinds = dict[tuple[str, ...], Kind]


class EcsFields:
    """The fields of those lines that are plain."""

    def __init__(self, scan: Scan, plans: Plans) -> None:
        self._scan = scan
        self._plans = plans
        #: For each line whether it is plain.
        self.is_plain: list[bool] = [False] * len(scan)
        self._groups = self._grouped()

    def fields_of(self, row_of: array[int]) -> EcsColumns:
        """Return the fields of lines that are these rows."""
        lines = Lines(self._scan, row_of, self._plans.document_of)
        groups = []
        for plan, numbers in self._groups:
            rows = [row for row in map(row_of.__getitem__, numbers) if row >= 0]
            if rows:
                groups.append((plan, mask_of(rows)))
        return EcsColumns(lines, groups)

    def _grouped(self) -> list[tuple[Plan, list[int]]]:
        """Return plain lines by their plans."""
        names = [_names_in(self._kinds_in(marks)) for marks in self._scan.shapes]
        if not any(found is not None for found in names):
            return []
        places = (self._scan.paths.number_of((*_SYSTEM, *keys)) for keys in _ALIKE)
        odd = set(self._odd_lines())
        groups: dict[int, tuple[Plan, list[int]]] = {}
        for lines in self._scan.alike([number for number in places if number is not None]):
            plan = self._plan_of(lines[0], names[self._scan.line_shapes[lines[0]]])
            if plan is None:
                continue
            plain = [line for line in lines if line not in odd] if odd else lines
            groups.setdefault(id(plan), (plan, []))[1].extend(plain)
        for _, lines in groups.values():
            lines.sort()
            for line in lines:
                self.is_plain[line] = True
        return list(groups.values())

    def _plan_of(self, line: int, names: tuple[str, ...] | None) -> Plan | None:
        """Return the plan of a line's kind, where its shape is plain."""
        if names is None:
            return None
        try:
            system = read_system(json.loads(self._scan.line(line)))
        except ValueError:
            return None
        return self._plans.plan_of(system, names)

    def _kinds_in(self, marks: Iterable[Mark]) -> _Kinds:
        each = ((self._scan.paths.keys_to(number), kind) for number, kind in marks)
        return {keys: kind for keys, kind in each if keys[0] == "Event"}

    def _odd_lines(self) -> Iterator[int]:
        """Yield lines with a value that only the reader of single events knows."""
        for keys, is_usual in _CHECKED:
            number = self._scan.paths.number_of(keys)
            if number is not None:
                yield from self._scan.lines_unlike(number, is_usual)


class EcsColumns:
    """The fields of plain lines that are rows; each group of rows has its plan."""

    def __init__(self, lines: Lines, groups: Sequence[tuple[Plan, int]]) -> None:
        self._lines = lines
        self._groups = groups

    @property
    def keys(self) -> int:
        """How many fields there are."""
        return len(self.paths)

    @cached_property
    def paths(self) -> Collection[str]:
        """All paths at which anything may stand."""
        return {path for plan, _ in self._groups for path in plan}

    def parts(self, path: str, wanted: int | None) -> Iterator[Part]:
        """Yield what stands at a path in the rows `wanted`; see `native.Fields`."""
        ways: dict[int, tuple[Way, int]] = {}
        for plan, rows in self._groups:
            way = plan.get(path)
            there = rows if wanted is None or way is None else rows & wanted
            if way is not None and there:
                _, before = ways.get(id(way), (way, 0))
                ways[id(way)] = (way, before | there)
        constants = [(way.texts, rows) for way, rows in ways.values() if isinstance(way, Constant)]
        if constants:
            yield Constants(constants)
        for way, rows in ways.values():
            if not isinstance(way, Constant):
                yield from way.parts(self._lines, rows)

    def others(self, _: str) -> Iterator[list[tuple[int, bytes]]]:
        """Yield nothing: lines with lists or fractions are not plain."""
        yield from ()


def _names_in(kinds: _Kinds) -> tuple[str, ...] | None:
    """Return the names of the values of a shape's events; None where it is not plain."""
    if any(kinds.get(keys) not in allowed for keys, allowed in _NEEDED.items()):
        return None
    names = []
    for keys, kind in kinds.items():
        allowed = _ALLOWED.get(keys)
        if allowed is not None:
            if kind not in allowed:
                return None
        elif keys[:2] == _DATA:
            if kind not in _VALUES:
                return None
            if kind is not Kind.NOTHING:
                names.append(keys[2])
        elif _is_attribute(keys) and kind not in _SIMPLE:
            return None
    is_whole = all(
        kinds.get((*_SYSTEM, name)) is not Kind.OBJECT or (*_SYSTEM, name, ATTRIBUTES) in kinds
        for name in _NODES
    )
    return tuple(names) if is_whole else None


def _is_attribute(keys: tuple[str, ...]) -> bool:
    return len(keys) > 4 and keys[:2] == _SYSTEM and keys[2] in _NODES and keys[3] == ATTRIBUTES
