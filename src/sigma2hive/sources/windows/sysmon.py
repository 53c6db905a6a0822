"""Sysmon events, as the Sysmon pipelines of Winlogbeat and the Elastic Agent leave them.

Takes a draft; changes it. Which field goes where stands in data/windows/sysmon.json.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from sigma2hive.model.times import parse_time_ns, render_time
from sigma2hive.sources.windows.commandline import split_arguments
from sigma2hive.sources.windows.draft import (
    Draft,
    last_part,
    make_moves,
    set_account,
    set_file_parts,
    table,
)

_MAPPED_V4 = re.compile(r"\[?::ffff:([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)(?:\](?::[0-9]+)?)?")
_DWORD = re.compile(r"DWORD \(0x([0-9A-F]{8})\)", re.IGNORECASE)
_QWORD = re.compile(r"QWORD \(0x([0-9A-F]{8})-0x([0-9A-F]{8})\)", re.IGNORECASE)
#: Event ids of changes to the registry.
REGISTRY_EVENTS = ("12", "13", "14")


def run(draft: Draft) -> None:
    """Bring a Sysmon event into ECS."""
    sysmon = table("sysmon")
    draft.drop_values(sysmon["dropped_values"])
    _describe(draft)
    make_moves(draft, "sysmon", "before_hashes")
    hashes = _hashes_of(draft)
    if draft.code in sysmon["process_hashes"][draft.flavour]:
        _write_hashes(draft, "process", hashes)
    make_moves(draft, "sysmon", "process")
    _split_command_lines(draft)
    _name_processes(draft)
    if draft.code in sysmon["file_hashes"][draft.flavour] and not draft.below("process.hash"):
        _write_hashes(draft, "file", hashes)
    make_moves(draft, "sysmon", "file")
    if draft.text("SignatureStatus") == "Valid":
        draft.put("file.code_signature.valid", True)
    set_file_parts(draft, draft.get("file.path") or "")
    _write_network(draft)
    draft.put("user.id", draft.get("winlog.user.identifier"))
    set_account(draft, draft.text("User"))
    make_moves(draft, "sysmon", "extra")
    _translate_dns_status(draft)
    for end in ("source", "destination"):
        draft.relate("ip", draft.get(f"{end}.ip"))
    if draft.code in REGISTRY_EVENTS:
        _write_registry(draft)
    draft.remove(sysmon["removed"][draft.flavour])
    draft.drop_values(("", "-"))


def _describe(draft: Draft) -> None:
    if not draft.is_agent:
        draft.put("event.module", "sysmon")
    draft.put("event.created", draft.get("@timestamp"))
    # Sysmon's own time is when it happened; SystemTime is when the log was written.
    happened = parse_time_ns(draft.text("UtcTime")) if "-" in draft.text("UtcTime") else None
    if happened is not None:
        draft.put("@timestamp", render_time(happened))
    for key, value in table("sysmon")["events"].get(draft.code, {}).items():
        draft.put(f"event.{key}", list(value) if isinstance(value, list) else value)


def _hashes_of(draft: Draft) -> dict[str, str]:
    """Return algorithm → hash in lower case, without those that are all zeros."""
    text = draft.text("Hash") or draft.text("Hashes")
    pairs = (piece.partition("=") for piece in text.split(","))
    found = {name.lower(): value.lower() for name, equals, value in pairs if equals}
    kept = {name: value for name, value in found.items() if name and value.strip("0")}
    for value in kept.values():
        draft.relate("hash", value)
    return kept


def _write_hashes(draft: Draft, entity: str, hashes: dict[str, str]) -> None:
    for name, value in hashes.items():
        path = f"{entity}.pe.imphash" if name == "imphash" else f"{entity}.hash.{name}"
        draft.put(path, value)


def _split_command_lines(draft: Draft) -> None:
    for entity in ("process", "process.parent"):
        command_line = draft.get(f"{entity}.command_line")
        if command_line:
            arguments = split_arguments(command_line)
            draft.put(f"{entity}.args", arguments)
            draft.put(f"{entity}.args_count", len(arguments))


def _name_processes(draft: Draft) -> None:
    for entity in ("process", "process.parent"):
        draft.put(f"{entity}.name", last_part(draft.get(f"{entity}.executable") or ""))


def _write_network(draft: Draft) -> None:
    make_moves(draft, "sysmon", "network")
    if draft.code == "22":
        draft.put("network.protocol", "dns")
    directions = {"true": "egress", "false": "ingress"}
    draft.put("network.direction", directions.get(draft.text("Initiated").lower()))
    kinds = {"true": "ipv6", "false": "ipv4"}
    draft.put("network.type", kinds.get(draft.text("SourceIsIpv6").lower()))
    if draft.get("dns.question.name"):
        _write_answers(draft)
        draft.relate("hosts", draft.get("dns.question.name"))


def _write_answers(draft: Draft) -> None:
    """Read QueryResults: "type:  5 name;::ffff:192.0.2.1;" has a CNAME and an address."""
    types = table("dns")["types"]
    answers: list[dict[str, str]] = []
    addresses: list[str] = []
    for result in draft.text("QueryResults").split(";"):
        words = result.split()
        if not words:
            continue
        if result.startswith("type:"):
            answer = {"type": types[words[1]]} if words[1:2] and words[1] in types else {}
            if len(words) == 3:
                answer["data"] = words[2]
                draft.relate("hosts", words[2])
            answers.append(answer)
        elif (address := _plain_address(result)) is not None:
            addresses.append(address)
    answers.extend(
        {"type": "AAAA" if ":" in address else "A", "data": address} for address in addresses
    )
    draft.put("dns.resolved_ip", addresses or None)
    draft.put("dns.answers", answers or None)
    for address in addresses:
        draft.relate("ip", address)


def _plain_address(text: str) -> str | None:
    mapped = _MAPPED_V4.fullmatch(text)
    address = mapped[1] if mapped else text
    try:
        ip_address(address)
    except ValueError:
        return None
    return address


def _translate_dns_status(draft: Draft) -> None:
    status = draft.get("sysmon.dns.status")
    if status is not None:
        draft.put("sysmon.dns.status", table("dns")["status"].get(status, status))


def _write_registry(draft: Draft) -> None:
    path = draft.text("TargetObject")
    if not path:
        return
    draft.put("registry.path", path)
    for field, part in registry_parts(path).items():
        draft.put(field, part)
    details = draft.text("Details")
    if details:
        kind, text = typed_data(details)
        draft.put("registry.data.strings", [text])
        draft.put("registry.data.type", kind)


def registry_parts(path: str) -> dict[str, str]:
    """Return hive, key and value of a path; without the first two where the hive has no name."""
    tokens = path.rstrip("\\").split("\\")
    hive = table("sysmon")["hives"].get(tokens[0])
    named = {} if hive is None else {"registry.hive": hive, "registry.key": "\\".join(tokens[1:])}
    return {**named, "registry.value": tokens[-1]}


def typed_data(details: str) -> tuple[str, str]:
    """Return the type and the text that the pipelines make of Sysmon's Details."""
    if qword := _QWORD.fullmatch(details):
        # They shift the high half by 8 bits, not 32; what they index is what rules must meet.
        return "SZ_QWORD", str((int(qword[1], 16) << 8) + int(qword[2], 16))
    if dword := _DWORD.fullmatch(details):
        return "SZ_DWORD", str(int(dword[1], 16))
    return ("REG_BINARY" if details == "Binary Data" else "REG_SZ"), details
