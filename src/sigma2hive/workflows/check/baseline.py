"""Findings that were there before anybody checked: a file of them, so that only new ones count.

Takes findings with fingerprints; gives those in the file set aside, and a finding for each entry
that is no more. The file is JSON, sorted, one entry a finding, to be reviewed in Git.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sigma2hive.diagnostics import ConfigurationError, Diagnostic, Diagnostics, Location
from sigma2hive.model.checks import Checked, SetAside
from sigma2hive.repository import shown_path
from sigma2hive.workflows.check.ignoring import ABOUT_SETTING_ASIDE
from sigma2hive.workflows.writing import telling_of_disk, write_report
from sigma2hive.yamlmarks import read_content

_OPTION = "--baseline"
_KEY = "sigma2hive_baseline"
_MARK = '{\n  "' + _KEY + '": 1,'
#: An entry's line as we write it; somebody's editor may have written it otherwise.
_FINGERPRINT = re.compile(r'\s*"fingerprint": "([^"]+)"')
_MAX_BYTES = 64 * 1024 * 1024


def write_baseline(file: Path, checked: Iterable[Checked], severities: Iterable[str]) -> int:
    """Write all findings of some severities that no comment sets aside; return how many.

    Raises:
        ConfigurationError: the file cannot be written, or is none of ours (S2H109).
    """
    taken, wanted = [], set(severities)
    for entry in checked:
        finding = entry.finding
        if entry.set_aside is SetAside.IGNORED or finding.code in ABOUT_SETTING_ASIDE:
            continue
        if finding.severity.value in wanted:
            place = {"code": finding.code, "path": finding.location.path}
            taken.append({**place, "fingerprint": entry.fingerprint, "message": finding.message})
    taken.sort(key=lambda entry: (entry["path"], entry["code"], entry["fingerprint"]))
    text = json.dumps({_KEY: 1, "findings": taken}, indent=2, ensure_ascii=False) + "\n"
    write_report(file, text, _MARK, _OPTION)
    return len(taken)


def apply_baseline(
    file: Path, checked: Iterable[Checked], root: Path, whole: bool
) -> tuple[list[Checked], list[Diagnostic]]:
    """Return the findings with those of the file set aside, and its entries that are no more.

    `whole` where the check looked at everything: only then is it known what is no more.

    Raises:
        ConfigurationError: the file cannot be read, or is none of ours.
    """
    text, entries = _load(file, root)
    known = {entry["fingerprint"] for entry in entries}
    result = [
        replace(entry, set_aside=SetAside.BASELINE)
        if entry.set_aside is None and entry.fingerprint in known
        else entry
        for entry in checked
    ]
    gone = Diagnostics()
    found = {entry.fingerprint for entry in result if entry.set_aside is SetAside.BASELINE}
    lines = {
        entry_line[1]: number
        for number, line in enumerate(text.split("\n"), 1)
        if (entry_line := _FINGERPRINT.match(line))
    }
    for entry in entries if whole else ():
        if entry["fingerprint"] not in found:
            place = Location(shown_path(file, root), lines.get(entry["fingerprint"], 0), 1)
            message = f"{entry['code']} in {entry['path']} is found no more: {entry['message']}"
            hint = "write the baseline again with --write-baseline, so that it cannot come back"
            gone.warning("S2H235", place, message, hint)
    return result, list(gone)


def _load(file: Path, root: Path) -> tuple[str, list[dict[str, str]]]:
    problem = Diagnostics()
    shown = shown_path(file, root)
    with telling_of_disk(file, "file", _OPTION):
        content = read_content(file, shown, problem, _MAX_BYTES)
    if content is None:
        raise ConfigurationError(problem, root)
    try:
        text = content.decode("utf-8")
        said: Any = json.loads(text)
        entries: list[dict[str, str]] = said["findings"] if said[_KEY] == 1 else [{}]
        keys = ("code", "path", "fingerprint", "message")
        if all(isinstance(entry[key], str) for entry in entries for key in keys):
            return text, entries
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    message = "the file is no baseline of sigma2hive"
    problem.error("S2H107", Location(shown), message, "write one with --write-baseline")
    raise ConfigurationError(problem, root)
