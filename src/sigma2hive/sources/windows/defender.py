"""Microsoft Defender events, as the Elastic Agent's windows package leaves them.

Takes a draft; changes it. Winlogbeat has no pipeline for them.
"""

from __future__ import annotations

from sigma2hive.sources.windows.draft import Draft, last_part, set_account, set_file_parts

_ACTIONS = {
    "1116": "malware-detected",
    "1117": "malware-detected",
    "2000": "antivirus-updated",
    "2050": "file-uploaded",
    "5007": "antivirus-configuration-changed",
}
_CATEGORIES = {
    "1116": "malware",
    "1117": "malware",
    "2050": "file",
    "5007": "configuration",
}


def run(draft: Draft) -> None:
    """Bring a Defender event into ECS."""
    draft.put("event.action", _ACTIONS.get(draft.code))
    if draft.code == "1117" and draft.text("Action_Name") == "Quarantine":
        draft.put("event.action", "malware-quarantined")
    draft.put("event.category", [_CATEGORIES.get(draft.code, "process")])
    draft.put("event.type", ["change" if draft.code == "5007" else "info"])
    draft.put("event.reference", draft.text("FWLink"))
    set_account(draft, draft.text("User") or draft.text("Detection_User"))
    _write_file(draft)
    _move_processes(draft)


def _write_file(draft: Draft) -> None:
    found = draft.text("FileName") or draft.text("Path") or draft.text("Filename")
    # "file:_C:\…" and "containerfile:_C:\…"
    path = found.rpartition(":_")[2]
    draft.put("file.path", path)
    if path:
        set_file_parts(draft, path)
    if draft.text("Sha256") != "-":
        draft.put("file.hash.sha256", draft.text("Sha256"))


def _move_processes(draft: Draft) -> None:
    for name, path in (
        ("Target_Commandline", "process.command_line"),
        ("Parent_Commandline", "process.parent.command_line"),
    ):
        draft.put(path, draft.data.pop(name, None))
    process = draft.data.pop("Process_Name", None)
    if draft.code == "1126":
        draft.put("process.name", process)
    elif isinstance(process, str):
        draft.put("process.executable", process)
        draft.put("process.name", last_part(process) or process)
