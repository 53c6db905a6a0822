"""Events of the Security channel, as the security pipelines of Winlogbeat and the Agent leave them.

Takes a draft; changes it. Which event ids are treated how stands in data/windows/security.json.
Both programs run the same steps; the Agent also writes addresses without "::ffff:" everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from sigma2hive.model.folding import fold
from sigma2hive.sources.windows.commandline import split_outside_quotes
from sigma2hive.sources.windows.draft import Draft, last_part, table
from sigma2hive.sources.windows.raw import number_of

_MAPPED_V4 = re.compile(r"\[?::ffff:([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)(?:\](?::[0-9]+)?)?")
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")
#: What Windows writes where there is no name or address.
NAMELESS = ("", "-")
#: Every bit that User Account Control has a name for.
_ACCOUNT_CONTROL_BITS = 0x3FFFFF


def run(draft: Draft, provider: str) -> None:
    """Bring a Security event into ECS, where its provider is one that the pipelines know."""
    if not is_known(provider):
        return
    if not draft.is_agent:
        draft.put("event.module", "security")
    for key, value in table("security")["events"].get(draft.code, {}).items():
        draft.put(f"event.{key}", list(value) if isinstance(value, list) else value)
    for step in _steps_of(draft.code):
        step(draft)


@lru_cache(maxsize=256)
def is_known(provider: str) -> bool:
    """Whether the pipelines know a provider."""
    return any(fold(provider) == fold(known) for known in table("security")["providers"])


@lru_cache(maxsize=1024)
def _steps_of(code: str) -> tuple[Callable[[Draft], None], ...]:
    return tuple(step for step, group in _STEPS if group is None or code in codes(group))


def _concerns(draft: Draft, group: str) -> bool:
    return draft.code in codes(group)


@cache
def codes(group: str) -> frozenset[str]:
    """Return the event ids that a list of the table has."""
    return frozenset(table("security")[group])


def _name_codes(draft: Draft) -> None:
    """Write the names of logon types, failure reasons, ticket and service types."""
    names = table("security")
    draft.put("winlog.logon.type", names["logon_types"].get(draft.text("LogonType")))
    reason = draft.text("FailureReason").replace("%%", "")
    draft.put("winlog.logon.failure.reason", names["failure_reasons"].get(reason, reason))
    if encryption := draft.text("TicketEncryptionType"):
        named = names["encryption_types"].get(encryption.lower())
        draft.put("winlog.event_data.TicketEncryptionTypeDescription", named)
    draft.put("service.name", draft.text("ServiceName"))
    draft.put("service.type", names["service_types"].get(draft.text("ServiceType")))


def _split_lists(draft: Draft) -> None:
    """Make lists of the values that are several: access rights without their "%%"."""
    for name in ("AccessList", "AccessMask"):
        if rights := rights_in(draft.text(name)):
            draft.data[name] = rights
    control = number_of(draft.text("NewUacValue"))
    if control is not None and control & _ACCOUNT_CONTROL_BITS:
        lines = draft.text("UserAccountControl").split("\n")
        changes = [line.replace("%%", "").strip() for line in lines]
        if draft.text("UserAccountControl") not in NAMELESS:
            draft.data["UserAccountControl"] = [change for change in changes if change]
    if _concerns(draft, "privilege_lists") and draft.text("PrivilegeList"):
        draft.data["PrivilegeList"] = draft.text("PrivilegeList").split()
    if _concerns(draft, "sid_lists") and draft.text("SidList"):
        draft.data["SidList"] = draft.text("SidList").split(" ")


def rights_in(text: str) -> list[str]:
    """Return the access rights of a list, without their "%%"."""
    return [word.replace("%%", "") for word in text.split()]


def _write_session(draft: Draft) -> None:
    draft.put("user.name", draft.text("AccountName"))
    draft.relate("user", draft.text("AccountName"))
    draft.put("user.domain", draft.text("AccountDomain"))
    address = draft.text("ClientAddress")
    if address == "LOCAL":
        address = draft.data["ClientAddress"] = "127.0.0.1"
    if address not in ("", "-", "Unknown"):
        draft.put("source.ip", address)
        draft.relate("ip", address)
    draft.put("source.domain", draft.text("ClientName"))
    draft.put("winlog.logon.id", draft.text("LogonID"))


def _write_target_user(draft: Draft) -> None:
    """Write the account that a logon is about."""
    name = draft.text("TargetUserName").partition("@")[0]
    for key, value in (
        ("id", draft.text("TargetUserSid") or draft.text("TargetSid")),
        ("name", name),
        ("domain", draft.text("TargetDomainName")),
    ):
        taken = draft.get(f"user.{key}") is not None
        draft.put(f"user.target.{key}" if taken else f"user.{key}", value)
    draft.relate("user", name)


def _write_group(draft: Draft) -> None:
    parts = _UNESCAPED_COMMA.split(draft.text("MemberName"))
    member = _without(parts[0], "CN=")
    if member:
        draft.put("user.target.name", member)
        draft.relate("user", member)
        if len(parts) >= 4:
            draft.put("user.target.domain", _without(parts[3], "DC="))
    draft.put("group.id", draft.text("TargetSid") or draft.text("TargetUserSid"))
    draft.put("group.name", draft.text("TargetUserName"))
    draft.put("group.domain", _without(draft.text("TargetDomainName"), "DC="))
    if draft.below("user.target"):
        for key, value in draft.below("group").items():
            draft.put(f"user.target.group.{key}", value)


def _without(text: str, mark: str) -> str:
    return text.replace(mark, "").replace(mark.lower(), "")


def _write_computer(draft: Draft) -> None:
    draft.put("winlog.computerObject.id", draft.text("TargetSid"))
    draft.put("winlog.computerObject.name", draft.text("TargetUserName"))
    draft.put("winlog.computerObject.domain", draft.text("TargetDomainName"))


def _write_subject(draft: Draft) -> None:
    """Write who did it, and the session it was done in."""
    if _concerns(draft, "target_logon"):
        draft.put("winlog.logon.id", draft.text("TargetLogonId"))
    subject: Callable[[str], Any] = draft.text
    if draft.code == "1102":
        subject = _user_data(draft)
    if _concerns(draft, "subject_user") or draft.code == "1102":
        draft.put("user.id", subject("SubjectUserSid"))
        draft.put("user.name", subject("SubjectUserName"))
        draft.put("user.domain", subject("SubjectDomainName"))
        draft.relate("user", subject("SubjectUserName"))
    draft.put("winlog.logon.id", subject("SubjectLogonId"))


def _user_data(draft: Draft) -> Callable[[str], Any]:
    values = draft.get("winlog.user_data") or {}
    return lambda name: values.get(name, "")


def _write_other_account(draft: Draft) -> None:
    """Write the account that something is done to, or that is used instead of one's own."""
    if _concerns(draft, "target_object"):
        _write_account(draft, "user.target", draft.text("TargetSid"))
    if _concerns(draft, "effective_user"):
        _write_account(draft, "user.effective", draft.text("TargetUserSid"))


def _write_account(draft: Draft, path: str, identifier: str) -> None:
    name = draft.text("TargetUserName").partition("@")[0]
    for key, value in (
        ("id", identifier),
        ("name", name),
        ("domain", draft.text("TargetDomainName")),
    ):
        if value not in NAMELESS:
            draft.put(f"{path}.{key}", value)
    if name not in NAMELESS:
        draft.relate("user", name)


def _move_common(draft: Draft) -> None:
    """Move process and origin out of event_data."""
    _move_number(draft, "ProcessId", "process.pid")
    draft.put("process.executable", draft.data.pop("ProcessName", None))
    if draft.text("IpAddress") not in NAMELESS:
        draft.put("source.ip", draft.data.pop("IpAddress"))
    if draft.text("IpPort") not in NAMELESS:
        _move_number(draft, "IpPort", "source.port")
    draft.put("source.domain", draft.data.pop("WorkstationName", None))
    if draft.text("ClientAddress") not in NAMELESS:
        draft.put("related.ip", [draft.data.pop("ClientAddress")])
    _name_process(draft, "process")


def _move_number(draft: Draft, name: str, path: str) -> None:
    """Move a number, 0x hexadecimal or decimal; what is none stays where it is."""
    number = number_of(draft.text(name))
    if number is not None:
        draft.put(path, number)
        draft.data.pop(name)


def _name_process(draft: Draft, entity: str) -> None:
    executable = draft.get(f"{entity}.executable")
    if executable and draft.get(f"{entity}.name") is None:
        draft.put(f"{entity}.name", last_part(executable) or executable)


def _write_created_process(draft: Draft) -> None:
    if draft.code != "4688":
        return
    _move_number(draft, "NewProcessId", "process.pid")
    draft.put("process.executable", draft.data.pop("NewProcessName", None))
    draft.put("process.parent.executable", draft.data.pop("ParentProcessName", None))
    _name_process(draft, "process")
    _name_process(draft, "process.parent")
    # The id of the parent is copied, not moved.
    draft.put("process.parent.pid", number_of(draft.text("ProcessId")))
    command_line = draft.text("CommandLine")
    if command_line:
        arguments = split_outside_quotes(command_line)
        draft.put("process.args", arguments)
        if not draft.is_agent:
            draft.put("process.args_count", len(arguments))
        draft.put("process.command_line", command_line)


def _write_related(draft: Draft) -> None:
    names = []
    if _concerns(draft, "related_subject"):
        names.append("SubjectUserName")
    if _concerns(draft, "related_target"):
        names.append("TargetUserName")
    for name in (*names, "NewTargetUserName", "OldTargetUserName"):
        if draft.text(name) != "-":
            draft.relate("user", draft.text(name))
    draft.put("user.target.name", draft.text("OldTargetUserName"))
    draft.put("user.changes.name", draft.text("NewTargetUserName"))


def _clean_address(draft: Draft) -> None:
    address = draft.get("source.ip")
    if not isinstance(address, str):
        return
    address = cleaned_address(draft.flavour, address)
    draft.put("source.ip", address)
    if address != "-":
        draft.relate("ip", address)


def cleaned_address(flavour: str, address: str) -> str:
    """Return an address as it is in IPv4 where it is one; the Agent leaves no "::ffff:"."""
    mapped = _MAPPED_V4.fullmatch(address)
    address = mapped[1] if mapped else address
    return address.replace("::ffff:", "") or address if flavour == "elastic-agent" else address


def _write_share(draft: Draft) -> None:
    name, directory = draft.text("RelativeTargetName"), draft.text("ShareLocalPath")
    draft.put("file.name", name)
    draft.put("file.directory", directory)
    if not name:
        return
    if directory:
        draft.put("file.path", f"{directory}\\{name}")
    if draft.text("ShareName"):
        draft.put("file.target_path", f"{draft.text('ShareName')}\\{name}")
    _, dot, extension = name.rpartition(".")
    if dot:
        draft.put("file.extension", extension)


#: In this order, each with the list of the event ids that it is for, where it is not for all.
_STEPS: tuple[tuple[Callable[[Draft], None], str | None], ...] = (
    (_name_codes, None),
    (_split_lists, None),
    (_write_session, "sessions"),
    (_write_target_user, "target_user"),
    (_write_group, "groups"),
    (_write_computer, "computers"),
    (_write_subject, None),
    (_write_other_account, None),
    (_move_common, "moved"),
    (_write_created_process, None),
    (_write_related, None),
    (_clean_address, None),
    (_write_share, "shares"),
)
