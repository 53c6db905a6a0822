"""Events of the Security channel by columns: the same as `security` makes of them one by one.

Takes the plan of a shape; changes it. What is seldom asked for is read of whole documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sigma2hive.sources.windows.columns import (
    Column,
    Plan,
    constant,
    joined,
    last_of,
    mapped,
    text,
    whole,
)
from sigma2hive.sources.windows.commandline import split_outside_quotes
from sigma2hive.sources.windows.draft import EVENT_DATA, Draft, last_part, table
from sigma2hive.sources.windows.raw import number_of
from sigma2hive.sources.windows.security import NAMELESS, codes, is_known, rights_in, run

#: What the steps may write of which no column is known; some of it only for a few event ids.
_SELDOM = (
    *(f"user.target.{part}" for part in ("id", "name", "domain")),
    *(f"user.target.group.{part}" for part in ("id", "name", "domain")),
    *(f"user.effective.{part}" for part in ("id", "name", "domain")),
    *(f"group.{part}" for part in ("id", "name", "domain")),
    *(f"winlog.computerObject.{part}" for part in ("id", "name", "domain")),
    *("user.changes.name", "related.user", "related.ip", "source.ip", "source.port"),
    *("winlog.logon.type", "winlog.logon.failure.reason", "service.name", "service.type"),
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
        self._texts = {key: text(name) for key, name in names.items()}

    def plan(self, provider: str, flavour: str) -> None:
        # What is the same in all events of a code stands in one without any values, too.
        draft = Draft(self._code, flavour)
        run(draft, provider)
        self._plan.update((path, constant(value)) for path, value in draft.root.items())
        self._plan.update((path, whole(path)) for path in _SELDOM)
        self._names()
        self._lists()
        self._taken()
        self._accounts()
        self._origin()
        self._processes(flavour)
        self._share()

    def _concerns(self, group: str) -> bool:
        return self._code in codes(group)

    def _write(self, path: str, *columns: Column | None) -> None:
        """Plan what is written in turn, each over the one before."""
        there = [column for column in columns if column is not None]
        if there:
            self._plan[path] = last_of(*there)

    def _text(self, name: str, is_concerned: bool) -> Column | None:
        return self._texts.get(name) if is_concerned else None

    def _names(self) -> None:
        encryption = self._texts.get("TicketEncryptionType")
        if encryption is not None:
            names = table("security")["encryption_types"]
            self._plan[f"{EVENT_DATA}TicketEncryptionTypeDescription"] = last_of(
                *filter(None, [self._texts.get("TicketEncryptionTypeDescription")]),
                mapped(encryption, lambda code: names.get(code.lower())),
            )

    def _change(self, name: str, function: Callable[[str], Any]) -> None:
        """Plan what the steps leave of an EventData value."""
        column = self._texts.get(name)
        if column is not None:
            self._plan[EVENT_DATA + name] = mapped(column, function)

    def _lists(self) -> None:
        for name in ("AccessList", "AccessMask"):
            self._change(name, lambda value: rights_in(value) or value)
        if "NewUacValue" in self._texts and "UserAccountControl" in self._texts:
            path = f"{EVENT_DATA}UserAccountControl"
            self._plan[path] = whole(path)
        if self._concerns("privilege_lists"):
            self._change("PrivilegeList", str.split)
        if self._concerns("sid_lists"):
            self._change("SidList", lambda value: value.split(" "))

    def _taken(self) -> None:
        """Plan what is left of that which is moved to a field of ECS, where that can have it."""
        if self._concerns("sessions"):
            path = f"{EVENT_DATA}ClientAddress"
            if "ClientAddress" in self._texts:
                self._plan[path] = whole(path)
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
            mapped(name, lambda value: value.partition("@")[0]) if name else None,
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

    def _origin(self) -> None:
        moved = self._concerns("moved")
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
            self._plan["process.args"] = mapped(line, split_outside_quotes)
            if flavour != "elastic-agent":
                self._plan["process.args_count"] = mapped(
                    line, lambda value: len(split_outside_quotes(value))
                )

    def _process(self, entity: str, name: str) -> None:
        column = self._texts.get(name)
        if column is not None:
            self._plan[f"{entity}.executable"] = column
            self._plan[f"{entity}.name"] = mapped(column, lambda path: last_part(path) or path)
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
        self._plan["file.extension"] = mapped(file, _extension)
        for path, name in (
            ("file.path", "ShareLocalPath"),
            ("file.target_path", "ShareName"),
        ):
            folder = self._texts.get(name)
            if folder is not None:
                self._plan[path] = joined(folder, file, _inside)


def _if_nameless(value: str) -> str | None:
    return value if value in NAMELESS else None


def _if_no_number(value: str) -> str | None:
    return value if number_of(value) is None else None


def _extension(name: str) -> str:
    _, dot, extension = name.rpartition(".")
    return extension if dot else ""


def _inside(folder: str | None, name: str | None) -> str | None:
    return f"{folder}\\{name}" if folder and name else None
