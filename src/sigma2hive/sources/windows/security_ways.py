"""Ways to the fields of Security events: the same as `security` makes of them one by one.

Takes the plan of a shape; changes it. What is seldom asked for is read of whole documents.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from sigma2hive.sources.windows.commandline import split_outside_quotes
from sigma2hive.sources.windows.draft import EVENT_DATA, Draft, last_part, table
from sigma2hive.sources.windows.raw import number_of
from sigma2hive.sources.windows.security import (
    NAMELESS,
    cleaned_address,
    codes,
    is_known,
    rights_in,
    run,
)
from sigma2hive.sources.windows.ways import (
    Joined,
    Mapped,
    Plan,
    Text,
    Way,
    Whole,
    constants,
    last_of,
)

#: What the steps may write that only whole documents say; some of it only for a few event ids.
_SELDOM = (
    *(f"user.target.{part}" for part in ("id", "name", "domain")),
    *(f"user.target.group.{part}" for part in ("id", "name", "domain")),
    *(f"user.effective.{part}" for part in ("id", "name", "domain")),
    *(f"group.{part}" for part in ("id", "name", "domain")),
    *(f"winlog.computerObject.{part}" for part in ("id", "name", "domain")),
    *("user.changes.name", "related.user", "related.ip", "winlog.logon.failure.reason"),
    *("process.pid", "process.parent.pid"),
)


def plan_security(plan: Plan, names: dict[str, str], kind: tuple[str, str], flavour: str) -> None:
    """Bring the plan of an event into ECS; `kind` is its provider and id."""
    provider, code = kind
    if is_known(provider):
        _Security(plan, names, code).plan(provider, flavour)


class _Security:
    def __init__(self, plan: Plan, names: dict[str, str], code: str) -> None:
        self._plan = plan
        self._code = code
        self._texts = {key: Text(name) for key, name in names.items()}

    def plan(self, provider: str, flavour: str) -> None:
        # What is the same in all events of a code stands in one without any values, too.
        draft = Draft(self._code, flavour)
        run(draft, provider)
        self._plan.update(constants(draft.root))
        self._plan.update((path, Whole(path)) for path in _SELDOM)
        self._names()
        self._lists()
        self._taken()
        self._accounts()
        self._origin(flavour)
        self._processes(flavour)
        self._share()

    def _concerns(self, group: str) -> bool:
        return self._code in codes(group)

    def _write(self, path: str, *ways: Way | None) -> None:
        """Plan what is written in turn, each over the one before."""
        there = [way for way in ways if way is not None]
        if there:
            self._plan[path] = last_of(*there)

    def _text(self, name: str, is_concerned: bool) -> Way | None:
        return self._texts.get(name) if is_concerned else None

    def _names(self) -> None:
        for path, name, named in (
            ("winlog.logon.type", "LogonType", _logon_type),
            ("service.type", "ServiceType", _service_type),
        ):
            if name in self._texts:
                self._plan[path] = Mapped(self._texts[name], named)
        self._write("service.name", self._texts.get("ServiceName"))
        encryption = self._texts.get("TicketEncryptionType")
        if encryption is not None:
            self._plan[f"{EVENT_DATA}TicketEncryptionTypeDescription"] = last_of(
                *filter(None, [self._texts.get("TicketEncryptionTypeDescription")]),
                Mapped(encryption, _encryption),
            )

    def _change(self, name: str, function: Callable[[str], Any]) -> None:
        """Plan what the steps leave of an EventData value."""
        way = self._texts.get(name)
        if way is not None:
            self._plan[EVENT_DATA + name] = Mapped(way, function)

    def _lists(self) -> None:
        for name in ("AccessList", "AccessMask"):
            self._change(name, _rights_or)
        if "NewUacValue" in self._texts and "UserAccountControl" in self._texts:
            path = f"{EVENT_DATA}UserAccountControl"
            self._plan[path] = Whole(path)
        if self._concerns("privilege_lists"):
            self._change("PrivilegeList", str.split)
        if self._concerns("sid_lists"):
            self._change("SidList", _between_blanks)

    def _taken(self) -> None:
        """Plan what is left of that which is moved to a field of ECS, where that can have it."""
        if self._concerns("sessions"):
            path = f"{EVENT_DATA}ClientAddress"
            if "ClientAddress" in self._texts:
                self._plan[path] = Whole(path)
        elif self._concerns("moved"):
            self._change("ClientAddress", _if_nameless)
        if self._concerns("moved"):
            self._change("IpAddress", _if_nameless)
            self._change("ProcessId", _if_no_number)
            self._change("IpPort", _if_no_number)  # nor is "-" one
        if self._code == "4688":
            self._change("NewProcessId", _if_no_number)

    def _accounts(self) -> None:
        session, target = self._concerns("sessions"), self._concerns("target_user")
        subject = self._concerns("subject_user")
        name = self._text("TargetUserName", target)
        self._write(
            "user.name",
            self._text("AccountName", session),
            Mapped(name, _account_in) if name else None,
            self._text("SubjectUserName", subject),
        )
        self._write(
            "user.domain",
            self._text("AccountDomain", session),
            self._text("TargetDomainName", target),
            self._text("SubjectDomainName", subject),
        )
        self._write(
            "user.id",
            self._text("TargetSid", target),
            self._text("TargetUserSid", target),
            self._text("SubjectUserSid", subject),
        )
        self._write(
            "winlog.logon.id",
            self._text("LogonID", session),
            self._text("TargetLogonId", self._concerns("target_logon")),
            # A cleared log's is in UserData.
            self._text("SubjectLogonId", self._code != "1102"),
        )

    def _origin(self, flavour: str) -> None:
        moved = self._concerns("moved")
        client = self._text("ClientAddress", self._concerns("sessions"))
        address, port = self._text("IpAddress", moved), self._text("IpPort", moved)
        self._write(
            "source.ip",
            Mapped(Mapped(client, _session_address), _cleaned(flavour)) if client else None,
            Mapped(Mapped(address, _if_named), _cleaned(flavour)) if address else None,
        )
        if port is not None:
            self._plan["source.port"] = Mapped(port, number_of)
        self._write(
            "source.domain",
            self._text("ClientName", self._concerns("sessions")),
            self._text("WorkstationName", moved),
        )
        if moved:
            self._plan.pop(f"{EVENT_DATA}WorkstationName", None)

    def _processes(self, flavour: str) -> None:
        if self._concerns("moved"):
            self._process("process", "ProcessName")
        if self._code != "4688":
            return
        self._process("process", "NewProcessName")
        self._process("process.parent", "ParentProcessName")
        line = self._texts.get("CommandLine")
        if line is not None:
            self._plan["process.command_line"] = line
            self._plan["process.args"] = Mapped(line, split_outside_quotes)
            if flavour != "elastic-agent":
                self._plan["process.args_count"] = Mapped(line, _count_arguments)

    def _process(self, entity: str, name: str) -> None:
        way = self._texts.get(name)
        if way is not None:
            self._plan[f"{entity}.executable"] = way
            self._plan[f"{entity}.name"] = Mapped(way, _file_name)
            self._plan.pop(EVENT_DATA + name, None)

    def _share(self) -> None:
        if not self._concerns("shares"):
            return
        for path, name in (
            ("file.name", "RelativeTargetName"),
            ("file.directory", "ShareLocalPath"),
        ):
            self._write(path, self._texts.get(name))
        file = self._texts.get("RelativeTargetName")
        if file is None:
            return
        self._plan["file.extension"] = Mapped(file, _extension)
        for path, name in (
            ("file.path", "ShareLocalPath"),
            ("file.target_path", "ShareName"),
        ):
            folder = self._texts.get(name)
            if folder is not None:
                self._plan[path] = Joined(folder, file, _inside)


def _if_nameless(value: str) -> str | None:
    return value if value in NAMELESS else None


def _if_named(value: str) -> str | None:
    return None if value in NAMELESS else value


def _session_address(address: str) -> str | None:
    return {"LOCAL": "127.0.0.1", "-": None, "Unknown": None}.get(address, address)


@cache
def _cleaned(flavour: str) -> Callable[[str], str]:
    return partial(cleaned_address, flavour)


def _logon_type(number: str) -> str | None:
    named: str | None = table("security")["logon_types"].get(number)
    return named


def _service_type(number: str) -> str | None:
    named: str | None = table("security")["service_types"].get(number)
    return named


def _if_no_number(value: str) -> str | None:
    return value if number_of(value) is None else None


def _extension(name: str) -> str:
    _, dot, extension = name.rpartition(".")
    return extension if dot else ""


def _inside(folder: str, name: str) -> str:
    return f"{folder}\\{name}"


def _encryption(code: str) -> str | None:
    named: str | None = table("security")["encryption_types"].get(code.lower())
    return named


def _rights_or(text: str) -> list[str] | str:
    return rights_in(text) or text


def _between_blanks(text: str) -> list[str]:
    return text.split(" ")


def _account_in(name: str) -> str:
    return name.partition("@")[0]


def _count_arguments(line: str) -> int:
    return len(split_outside_quotes(line))


def _file_name(path: str) -> str:
    return last_part(path) or path
