"""PowerShell events: the classic log and the operational one.

Takes a draft; changes it. Which field goes where stands in data/windows/powershell.json. Windows'
own message of these events is known, and rules search in it, so it is put together here.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sigma2hive.sources.windows.commandline import split_arguments
from sigma2hive.sources.windows.draft import (
    Draft,
    make_moves,
    set_account,
    set_file_parts,
    table,
)

_BLANKS = " \n\t"
_BLANK = re.compile(r"\s+")
#: The parts of what a command was invoked with.
_DETAILS = ("type", "related_command", "name", "value")
#: Longer texts are not kept.
_LONGEST_KEPT, _LONGEST_LINE_KEPT = 256, 16_384


def run_classic(draft: Draft) -> None:
    """Bring an event of the channel "Windows PowerShell" into ECS."""
    first, second, third = (draft.text(f"param{number}") for number in (1, 2, 3))
    draft.put("message", _classic_message(draft.code, first, second, third))
    for name, value in _pairs(second if draft.code == "800" else third, "\n\t").items():
        draft.data[name] = value
    _describe(draft, table("powershell")["classic_types"])
    make_moves(draft, "powershell", "classic")
    set_account(draft, draft.text("UserId"))
    if draft.code == "800":
        _write_details(draft, third)
    _split_command_line(draft)
    _move_script(draft)
    draft.remove(table("powershell")["classic_removed"])
    draft.drop_values(("",))


def run_operational(draft: Draft) -> None:
    """Bring an event of the channel "Microsoft-Windows-PowerShell/Operational" into ECS."""
    draft.put("message", _operational_message(draft))
    if draft.code == "4103":
        for name, value in _pairs(draft.text("ContextInfo"), "\n").items():
            draft.data[name] = value
    draft.data = {without_blanks(name): value for name, value in draft.data.items()}
    _describe(draft, table("powershell")["operational_types"])
    draft.put("user.id", draft.get("winlog.user.identifier"))
    _set_users(draft)
    make_moves(draft, "powershell", "operational")
    if draft.code == "4103":
        _write_details(draft, draft.text("Payload"))
    _split_command_line(draft)
    if draft.text("Path"):
        draft.data.setdefault("ScriptName", draft.data.pop("Path"))
    _move_script(draft)
    draft.remove(table("powershell")["operational_removed"])
    draft.drop_values(("",))


def _describe(draft: Draft, types: dict[str, str]) -> None:
    if not draft.is_agent:
        draft.put("event.module", "powershell")
    draft.put("event.category", "process")
    draft.put("event.type", types.get(draft.code, "info"))


def _pairs(text: str, separator: str) -> dict[str, str]:
    """Return the "name=value" pieces of a text, without empty ones, blanks in names left out.

    A piece without "=" belongs to the value before it, which had a line break.
    """
    found: dict[str, str] = {}
    name, more = "", [""]
    for piece in text.split(separator):
        key, equals, value = piece.partition("=")
        if equals:
            if len(more) > 1:
                found[name] = separator.join(more)
            name = without_blanks(key)
            found[name], more = value, [value]
        elif name and piece.strip():
            more.append(piece)
    if len(more) > 1:
        found[name] = separator.join(more)
    return {key: value for key, kept in found.items() if key and (value := kept.strip(_BLANKS))}


def without_blanks(name: str) -> str:
    """Return a name without the blanks in it."""
    # Names of few characters come again and again.
    return _known_name(name) if len(name) <= _LONGEST_KEPT else _BLANK.sub("", name)


@lru_cache(maxsize=1024)
def _known_name(name: str) -> str:
    return _BLANK.sub("", name)


def _set_users(draft: Draft) -> None:
    """Write the user; where one is connected from elsewhere, that one, and both ends."""
    set_account(draft, draft.text("ConnectedUser"), "source.user")
    if draft.get("source.user.name") is None:
        set_account(draft, draft.text("User"))
    else:
        set_account(draft, draft.text("User"), "destination.user")
        set_account(draft, draft.text("ConnectedUser"))


def _split_command_line(draft: Draft) -> None:
    command_line = draft.get("process.command_line")
    if command_line:
        arguments = list(_arguments(command_line))
        draft.put("process.args", arguments)
        draft.put("process.args_count", len(arguments))


def _arguments(command_line: str) -> list[str]:
    # It is that of the program that runs scripts, which each of its events has.
    is_kept = len(command_line) <= _LONGEST_LINE_KEPT
    return _known_arguments(command_line) if is_kept else split_arguments(command_line)


_known_arguments = lru_cache(maxsize=16)(split_arguments)


def _move_script(draft: Draft) -> None:
    script = draft.text("ScriptName")
    if script:
        del draft.data["ScriptName"]
        draft.put("file.path", script)
        set_file_parts(draft, script)


def _write_details(draft: Draft, text: str) -> None:
    details = [
        _known_detail(line) if len(line) <= _LONGEST_KEPT else _detail(line)
        for line in text.split("\n")
        if line.strip()
    ]
    for part in _DETAILS:
        # As an index has them: of a list of objects each part is a list.
        found = [detail[part] for detail in details if part in detail]
        draft.put(f"powershell.command.invocation_details.{part}", found or None)


def _detail(line: str) -> dict[str, str]:
    """Read "ParameterBinding(Out-Null): name="InputObject"; value="x"" and its like."""
    end = line.rfind("):")
    start = line.rfind("(", 1, max(end - 1, 1))
    if start < 1:
        return {"value": line}
    detail = {"type": line[:start], "related_command": line[start + 1 : end]}
    value = line[end + 2 :].strip()
    name, bound = _binding(value) if detail["type"] == "ParameterBinding" else ("", value)
    if name:
        detail["name"] = name
    if bound:
        detail["value"] = bound
    return detail


#: The same commands are bound to the same values over and over. Nobody changes what is given.
_known_detail = lru_cache(maxsize=2048)(_detail)


def _binding(text: str) -> tuple[str, str]:
    """Return name and value of "name=…; value=…"; no name where it is not so."""
    at = text.rfind("value=")
    while at > 0 and text.startswith("name="):
        # Walked by index: a slice for each "value=" of a long line would take minutes.
        end = at
        while end > 0 and text[end - 1].isspace():
            end -= 1
        if text[end - 1] == ";":
            return text[len("name=") : end - 1], text[at + len("value=") :]
        at = text.rfind("value=", 0, at)
    return "", text


def _classic_message(code: str, first: str, second: str, third: str) -> str:
    if code in ("400", "403"):
        return f"Engine state is changed from {second} to {first}. \n\nDetails: \n{third}"
    if code == "600":
        return f'Provider "{first}" is {second}. \n\nDetails: \n{third}'
    if code == "800":
        return (
            f"Pipeline execution details for command line: {first}. \n\n"
            f"Context Information: \n{second} \n\nDetails: \n{third}"
        )
    return ""


def _operational_message(draft: Draft) -> str:
    if draft.code == "4103":
        return (
            f"{draft.text('Payload')}\n\n\nContext:\n{draft.text('ContextInfo')}\n\n\n"
            f"User Data:\n{draft.text('UserData')}"
        ).rstrip("\n")
    if draft.code == "4104":
        part = f"{draft.text('MessageNumber')} of {draft.text('MessageTotal')}"
        return (
            f"Creating Scriptblock text ({part}):\n{draft.text('ScriptBlockText')}\n\n"
            f"ScriptBlock ID: {draft.text('ScriptBlockId')}\nPath: {draft.text('Path')}"
        )
    return ""
