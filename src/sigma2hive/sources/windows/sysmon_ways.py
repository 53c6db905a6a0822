"""Ways to the fields of Sysmon events: the same as `sysmon` makes of them one by one.

Takes the plan of a shape; changes it. What is seldom asked for is read of whole documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from sigma2hive.model.events import TIME_FIELD
from sigma2hive.sources.windows.commandline import split_arguments
from sigma2hive.sources.windows.draft import (
    EVENT_DATA,
    Draft,
    last_part,
    moves_of_event,
    read_moved,
    set_file_parts,
    table,
)
from sigma2hive.sources.windows.sysmon import REGISTRY_EVENTS, registry_parts, run, typed_data
from sigma2hive.sources.windows.ways import (
    LOGGED,
    Beside,
    Mapped,
    Plan,
    Text,
    Whole,
    constants,
    last_of,
    one_time,
)

_HASHES = ("md5", "sha1", "sha256", "imphash")
_PLAIN_HASHES = re.compile(r"-?|(?:(?:MD5|SHA1|SHA256|IMPHASH)=[0-9A-Fa-f]+(?:,|$))+")
_SECTIONS = ("before_hashes", "process", "file", "network", "extra")
_DNS = ("dns.answers.type", "dns.answers.data", "dns.resolved_ip")
_RELATED = ("hash", "user", "ip", "hosts")
_BOTH_HASHES = ("process", "file")


def is_plain(hashes: str) -> bool:
    """Whether a text has no hashes but those that ways are known to."""
    return _PLAIN_HASHES.fullmatch(hashes) is not None


def plan_sysmon(plan: Plan, names: dict[str, str], code: str, flavour: str) -> None:
    """Bring the plan of a Sysmon event into ECS; `names` are those of its values, by their keys."""
    _Sysmon(plan, names, code, flavour).plan()


class _Sysmon:
    def __init__(self, plan: Plan, names: dict[str, str], code: str, flavour: str) -> None:
        self._plan = plan
        self._code = code
        self._flavour = flavour
        self._table = table("sysmon")
        dropped = frozenset(self._table["dropped_values"])
        self._texts = {key: Text(name, dropped) for key, name in names.items()}
        #: What moves wrote; where several may, whole documents say which did.
        self._moved: set[str] = set()

    def plan(self) -> None:
        self._plan.update((EVENT_DATA + key, way) for key, way in self._texts.items())
        self._constants()
        for section in _SECTIONS:
            self._move(section)
        self._hashes()
        self._processes()
        self._files()
        self._network()
        self._user()
        self._registry()
        for kind in _RELATED:
            self._plan[f"related.{kind}"] = Whole(f"related.{kind}")
        for name in self._table["removed"][self._flavour]:
            self._plan.pop(EVENT_DATA + name, None)

    def _constants(self) -> None:
        # What is the same in all events of a code stands in one without any values, too.
        draft = Draft(self._code, self._flavour)
        run(draft)
        self._plan.update(constants(draft.root))
        self._plan["event.created"] = self._plan[TIME_FIELD] = LOGGED
        if "UtcTime" in self._texts:
            # Sysmon's own time is when it happened.
            happened = Mapped(self._texts["UtcTime"], one_time)
            self._plan[TIME_FIELD] = last_of(LOGGED, happened)

    def _move(self, section: str) -> None:
        for move in moves_of_event("sysmon", section, self._code):
            way = self._texts.get(move.source)
            if way is None:
                continue
            target, is_first = move.target, move.target not in self._moved
            self._moved.add(target)
            if move.how != "move":
                made = Mapped(way, read_moved(move))
                self._plan[target] = made if is_first else last_of(self._plan[target], made)
            elif is_first and target.removeprefix(EVENT_DATA) not in self._texts:
                self._plan[target] = way
                self._plan.pop(EVENT_DATA + move.source, None)
            else:
                for path in (target, EVENT_DATA + move.source):
                    self._plan[path] = Whole(path)

    def _derive(self, path: str, source: str, function: Callable[[Any], Any]) -> None:
        """Plan what is made of another field, where the event may have that."""
        way = self._plan.get(source)
        if way is not None:
            is_taken = path in self._plan
            self._plan[path] = Whole(path) if is_taken else Mapped(way, function)

    def _hashes(self) -> None:
        way = self._texts.get("Hash") or self._texts.get("Hashes")
        entities = [
            entity
            for entity in _BOTH_HASHES
            if self._code in self._table[f"{entity}_hashes"][self._flavour]
        ]
        if way is None:
            return
        is_clear = len(entities) == 1 and not {"Hash", "Hashes"} <= self._texts.keys()
        for entity in entities:
            for name in _HASHES:
                inside = "pe" if name == "imphash" else "hash"
                path = f"{entity}.{inside}.{name}"
                self._plan[path] = Mapped(way, _hash(name)) if is_clear else Whole(path)

    def _processes(self) -> None:
        for entity in ("process", "process.parent"):
            self._derive(f"{entity}.args", f"{entity}.command_line", split_arguments)
            self._derive(f"{entity}.args_count", f"{entity}.command_line", _count_arguments)
            self._derive(f"{entity}.name", f"{entity}.executable", last_part)

    def _files(self) -> None:
        way = self._texts.get("SignatureStatus")
        if way is not None:
            self._plan["file.code_signature.valid"] = Mapped(way, _if_valid)
        for path in ("file.name", "file.directory", "file.extension"):
            self._derive(path, "file.path", _file_part(path))

    def _network(self) -> None:
        for name, path, named in (
            ("Initiated", "network.direction", _direction),
            ("SourceIsIpv6", "network.type", _network_type),
        ):
            if name in self._texts:
                self._plan[path] = Mapped(self._texts[name], named)
        if "dns.question.name" in self._plan:
            self._plan.update((path, Whole(path)) for path in _DNS)
        if "sysmon.dns.status" in self._plan:
            status = self._plan["sysmon.dns.status"]
            self._plan["sysmon.dns.status"] = Mapped(status, _dns_status)

    def _user(self) -> None:
        self._plan["user.id"] = self._plan["winlog.user.identifier"]
        if "User" in self._texts:
            for number, path in enumerate(("user.domain", "user.name")):
                self._plan[path] = Mapped(self._texts["User"], _account_part(number))

    def _registry(self) -> None:
        path = self._texts.get("TargetObject")
        if path is None or self._code not in REGISTRY_EVENTS:
            return
        self._plan["registry.path"] = path
        for field in ("registry.hive", "registry.key", "registry.value"):
            self._plan[field] = Mapped(path, _registry_part(field))
        details = self._texts.get("Details")
        if details is not None:
            for field, typed in (("type", _registry_type), ("strings", _registry_string)):
                self._plan[f"registry.data.{field}"] = Beside(Mapped(details, typed), path)


@cache
def _hash(wanted: str) -> Callable[[str], str | None]:
    def read(hashes: str) -> str | None:
        found = None
        for piece in hashes.split(","):
            name, _, value = piece.partition("=")
            if name.lower() == wanted:
                found = value.lower()
        return found if found and found.strip("0") else None

    return read


def _count_arguments(line: str) -> int:
    return len(split_arguments(line))


def _if_valid(status: str) -> bool | None:
    return True if status == "Valid" else None


def _direction(initiated: str) -> str | None:
    return {"true": "egress", "false": "ingress"}.get(initiated.lower())


def _network_type(is_ipv6: str) -> str | None:
    return {"true": "ipv6", "false": "ipv4"}.get(is_ipv6.lower())


def _dns_status(number: str) -> str:
    status: str = table("dns")["status"].get(number, number)
    return status


@cache
def _file_part(path: str) -> Callable[[str], Any]:
    def read(file: str) -> Any:
        draft = Draft("", "")
        set_file_parts(draft, file)
        return draft.get(path)

    return read


@cache
def _account_part(number: int) -> Callable[[str], str | None]:
    def read(account: str) -> str | None:
        parts = account.split("\\")
        return parts[number] if len(parts) == 2 and parts[1] else None

    return read


@cache
def _registry_part(field: str) -> Callable[[str], Any]:
    def read(path: str) -> Any:
        return registry_parts(path).get(field)

    return read


def _registry_type(details: str) -> str:
    return typed_data(details)[0]


def _registry_string(details: str) -> str:
    return typed_data(details)[1]
