"""What the double holds: entities with the fields that the API gives, and indexes over them.

Takes and gives plain values; never knows HTTP. Everything is in memory; one lock around a request
(server.py) makes each request atomic, as a transaction is in TheHive.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.thehive.errors import Refused, not_found


@dataclass(eq=False, slots=True)
class Entity:
    """One thing in TheHive. `parent` is the id of the alert or case that it belongs to."""

    id: str
    kind: str
    organisation: str
    parent: str
    fields: dict[str, Any]
    hidden: dict[str, Any] = field(default_factory=dict)
    """What the API never gives: keys, passwords, contents of files."""


@dataclass(slots=True)
class Limits:
    """Sizes beyond those in the description. None is no limit.

    Source of the first two: TheHive 4's conf/play/reference-overrides.conf (maxMemoryBuffer,
    maxDiskBuffer); the number of observables is a guess, and there is none by default.
    """

    body_bytes: int | None = 256 * 1024
    multipart_bytes: int | None = 128 * 1024 * 1024
    observables: int | None = None


@dataclass(slots=True)
class Behaviour:
    """Where versions of TheHive differ, or nobody outside knows: see README.md.

    duplicate_observable: "refuse" (TheHive 4, issues 1514 and 1963: the whole alert is lost) or
    "merge". unknown_case_template: "ignore" (TheHive 4, AlertCtrl.scala) or "refuse".
    read_only: what a lapsed licence does to every change.
    """

    duplicate_observable: str = "refuse"
    unknown_case_template: str = "ignore"
    read_only: bool = False


#: Kinds that the API gives without `_type`, or with stamps of another name.
_UNTYPED = {"User", "Procedure"}
_PLAIN_STAMPS = {"Comment"}


class World:
    """All entities. Ids look like TheHive's: a tilde and a number that grows."""

    def __init__(self) -> None:
        self.counter = 4096
        self.entities: dict[str, Entity] = {}
        self.kinds: dict[str, dict[str, Entity]] = defaultdict(dict)
        #: Parent's id → kind → id.
        self.children: dict[str, dict[str, dict[str, Entity]]] = {}
        #: (organisation, type, source, sourceRef) → id: the identity of an alert.
        self.alert_keys: dict[tuple[str, str, str, str], str] = {}
        #: (alert or case, dataType, data) → id.
        self.observable_keys: dict[tuple[str, str, str], str] = {}
        self.limits = Limits()
        self.behaviour = Behaviour()
        self.fixed_time: int | None = None
        self._created: list[str] | None = None

    def now(self) -> int:
        """Return milliseconds since the epoch."""
        return time.time_ns() // 1_000_000 if self.fixed_time is None else self.fixed_time

    @contextlib.contextmanager
    def at_one_time(self) -> Iterator[int]:
        """Let the clock stand still for one request, so that doing it again gives the same."""
        before = self.fixed_time
        self.fixed_time = self.now()
        try:
            yield self.fixed_time
        finally:
            self.fixed_time = before

    def next_id(self) -> str:
        self.counter += 8
        return f"~{self.counter}"

    def create(
        self,
        kind: str,
        login: str,
        fields: dict[str, Any],
        organisation: str = "",
        parent: str = "",
    ) -> Entity:
        """Add one thing, with its id and who made it when. Absent fields (None) are left out."""
        mark = "" if kind in _PLAIN_STAMPS else "_"
        stamped: dict[str, Any] = {"_id": self.next_id()}
        if kind not in _UNTYPED:
            stamped["_type"] = kind
        stamped[f"{mark}createdBy"] = login
        stamped[f"{mark}createdAt"] = self.now()
        stamped |= {name: value for name, value in fields.items() if value is not None}
        made = Entity(stamped["_id"], kind, organisation, parent, stamped)
        self.entities[made.id] = made
        self.kinds[kind][made.id] = made
        if parent:
            self.children.setdefault(parent, {}).setdefault(kind, {})[made.id] = made
        if self._created is not None:
            self._created.append(made.id)
        return made

    def touch(self, one: Entity, login: str) -> None:
        """Note who changed it when."""
        mark = "" if one.kind in _PLAIN_STAMPS else "_"
        one.fields[f"{mark}updatedBy"] = login
        one.fields[f"{mark}updatedAt"] = self.now()

    def remove(self, one: Entity) -> None:
        """Take it out, and what belongs to it."""
        for those in list(self.children.pop(one.id, {}).values()):
            for child in list(those.values()):
                self.remove(child)
        self.entities.pop(one.id, None)
        self.kinds[one.kind].pop(one.id, None)
        self.children.get(one.parent, {}).get(one.kind, {}).pop(one.id, None)
        for index in (self.alert_keys, self.observable_keys):
            key = one.hidden.get("key")
            if key in index and index[key] == one.id:
                del index[key]

    def all_of(self, kind: str, organisation: str = "") -> Iterator[Entity]:
        """Yield what an organisation sees of a kind: its own, and what belongs to none."""
        for one in list(self.kinds[kind].values()):
            if not organisation or one.organisation in {"", organisation}:
                yield one

    def of(self, parent: Entity, kind: str) -> list[Entity]:
        """Return what belongs to an alert or case, oldest first."""
        return list(self.children.get(parent.id, {}).get(kind, {}).values())

    def named(
        self, kind: str, name: str, organisation: str = "", key: str = "name"
    ) -> Entity | None:
        """Return the one of that id or name, None where there is none."""
        one = self.entities.get(name)
        if one is not None and one.kind == kind and one.organisation in {"", organisation}:
            return one
        for one in self.all_of(kind, organisation):
            if one.fields.get(key) == name:
                return one
        return None

    def get(self, kind: str, name: str, organisation: str = "", key: str = "name") -> Entity:
        """Return the one of that id or name.

        Raises: Refused (404), whose text is that of VertexSrv.scala in ScalliGraph.
        """
        one = self.named(kind, name, organisation, key)
        if one is None:
            raise not_found(f"{kind} {name}")
        return one

    def transaction(self) -> Transaction:
        """Return a context in which a refusal takes back what was made."""
        return Transaction(self)


class Transaction:
    """All or nothing. Source: TheHive issue 1963 ("Exception raised, rollback")."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __enter__(self) -> None:
        self._world._created = []

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        made, self._world._created = self._world._created or [], None
        if kind is not None and issubclass(kind, Refused):
            for name in reversed(made):
                if one := self._world.entities.get(name):
                    self._world.remove(one)
