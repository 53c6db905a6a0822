"""A document in the making, and the small moves that pipelines are made of.

Takes dotted paths and texts; changes the document that it is given. What a table says
(data/windows/*.json) becomes a tuple of `Move`, done in order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from functools import cache, lru_cache
from ipaddress import ip_address
from typing import Any

from sigma2hive.data import SHIPPED
from sigma2hive.records import dataclass
from sigma2hive.sources.windows.raw import number_of

EVENT_DATA = "winlog.event_data."


@dataclass(slots=True)
class Draft:
    """A document being built: `root` has its values by dotted paths, `data` those of its
    winlog.event_data, kept apart till last.

    `code` is the event id, `flavour` whose fields it shall have.
    """

    code: str
    flavour: str
    root: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def is_agent(self) -> bool:
        """Whether the Elastic Agent's integrations decide, not Winlogbeat's modules."""
        return self.flavour == "elastic-agent"

    def get(self, path: str) -> Any:
        """Return the value at a dotted path, None where none is."""
        return self.root.get(path)

    def below(self, prefix: str) -> dict[str, Any]:
        """Return what is inside the object at a dotted path, by its path there."""
        inside = f"{prefix}."
        return {
            path[len(inside) :]: value
            for path, value in self.root.items()
            if path.startswith(inside)
        }

    def put(self, path: str, value: Any) -> None:
        """Write a value at a dotted path; "" and None write nothing."""
        if value is None or value == "":
            return
        if path.startswith(EVENT_DATA):
            self.data[path[len(EVENT_DATA) :]] = value
        else:
            self.root[path] = value

    def text(self, name: str) -> str:
        """Return the text of an event_data value; "" where there is none or a list."""
        value = self.data.get(name)
        return value if isinstance(value, str) else ""

    def relate(self, kind: str, value: Any) -> None:
        """Add a value to related.<kind>, each once."""
        if not isinstance(value, str) or value == "":
            return
        known = self.get(f"related.{kind}")
        if known is None:
            self.put(f"related.{kind}", [value])
        elif value not in known:
            known.append(value)

    def remove(self, names: Iterable[str]) -> None:
        """Remove event_data values by name."""
        for name in names:
            self.data.pop(name, None)

    def drop_values(self, dropped: Sequence[str]) -> None:
        """Remove every event_data value that is one of `dropped`."""
        self.data = {name: value for name, value in self.data.items() if value not in dropped}


@dataclass(frozen=True, slots=True)
class Move:
    """One value on its way from event_data to an ECS field.

    `how`: "move" takes it along unless the target is taken already; "copy" leaves it; "long", "ip"
    and "boolean" leave it and write what it means, where it means that.
    """

    source: str
    target: str
    how: str


@lru_cache(maxsize=4096)
def moves_of_event(name: str, section: str, code: str) -> tuple[Move, ...]:
    """Return the moves of a section that concern events with an id."""
    return tuple(
        Move(row["from"], row["to"], row["how"])
        for row in table(name)[section]
        if code in row.get("only", (code,)) and code not in row.get("not", ())
    )


def make_moves(draft: Draft, name: str, section: str) -> None:
    """Make every move that a section of the table data/windows/<name>.json lists for the event."""
    for move in moves_of_event(name, section, draft.code):
        value = draft.data.get(move.source)
        if not value or type(value) is not str:
            continue
        if move.how == "move":
            if draft.get(move.target) is None:
                del draft.data[move.source]
                draft.put(move.target, value)
        else:
            draft.put(move.target, read_moved(move)(value))


def read_moved(move: Move) -> Callable[[str], Any]:
    """Return what makes of a text what a move that leaves it writes."""
    return _READERS[move.how]


def _ip(text: str) -> str | None:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return text


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


_READERS: Mapping[str, Callable[[str], Any]] = {
    "copy": str,
    "long": number_of,
    "ip": _ip,
    "boolean": _boolean,
}


@cache
def table(name: str) -> dict[str, Any]:
    """Return a table of data/windows/; whoever asks must not change it."""
    resource = SHIPPED.joinpath("windows", f"{name}.json")
    loaded: dict[str, Any] = json.loads(resource.read_text(encoding="utf-8"))
    return loaded


def set_account(draft: Draft, account: str, prefix: str = "user") -> None:
    """Split "DOMAIN\\name" into <prefix>.domain and <prefix>.name; anything else gives nothing."""
    parts = account.split("\\")
    if len(parts) == 2 and parts[1]:
        draft.put(f"{prefix}.domain", parts[0])
        draft.put(f"{prefix}.name", parts[1])
        draft.relate("user", parts[1])


def last_part(path: str) -> str:
    """Return what stands after the last backslash; "" where there is none."""
    _, found, name = path.rpartition("\\")
    return name if found else ""


def set_file_parts(draft: Draft, path: str) -> None:
    """Write file.name, directory and extension of a Windows path."""
    directory, found, name = path.rpartition("\\")
    if len(path) < 2 or not found:
        return
    draft.put("file.name", name)
    draft.put("file.directory", directory)
    _, dot, extension = path.rpartition(".")
    if dot:
        draft.put("file.extension", extension)
