"""Committed artefacts that are not what the rules make, as findings and as diffs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path

from sigma2hive.compiler import Target
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.checks import Drift
from sigma2hive.repository import shown_path
from sigma2hive.workflows.artefacts import Changes, files_of, plan_changes
from sigma2hive.workflows.compile import make_artefacts
from sigma2hive.workflows.project import Project
from sigma2hive.workflows.writing import telling_of_disk

_CODE = "S2H110"


def find_drift(
    project: Project, target: Target, folder: Path, findings: Diagnostics
) -> tuple[Drift, ...]:
    """Report what a target refuses, and each file that writing would change; return the diffs.

    Raises:
        ConfigurationError: the folder cannot be read, holds something else in our place, or a
            setting of the target cannot be used.
    """
    made = make_artefacts(project, target)
    findings.extend(made.refusals)
    root = project.settings.root
    shown = shown_path(folder, root)
    hint = f"run `sigma2hive compile --target {target.name} --output {shown}`, and commit"
    if not made.artefacts and not project.compiled.rules:
        return ()
    with telling_of_disk(folder, "folder"):
        if not folder.is_dir():
            findings.error(_CODE, Location(shown), "there is no folder of artefacts", hint)
            return ()
        changes = plan_changes(folder, made.target, made.artefacts)
        texts = files_of(made.artefacts)
        drifts = tuple(_drifts(folder, changes, texts, root))
    for drift in drifts:
        findings.error(_CODE, Location(drift.path), _told(drift), hint)
    return drifts


def _drifts(
    folder: Path, changes: Changes, texts: Mapping[str, str], root: Path
) -> Iterator[Drift]:
    for name in sorted((*changes.written, *changes.removed)):
        path = folder / name
        shown = shown_path(path, root)
        old = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        new = texts.get(name, "")
        lines = unified_diff(
            old.splitlines(), new.splitlines(), f"a/{shown}", f"b/{shown}", n=2, lineterm=""
        )
        yield Drift(shown, "\n".join(lines), path.exists(), name in texts)


def _told(drift: Drift) -> str:
    if not drift.is_there:
        return "the artefact is missing"
    if not drift.is_wanted:
        return "no rule has this artefact any more"
    lines = drift.diff.splitlines()[2:]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    if not added and not removed:
        return "the artefact has other line breaks than would be written"
    return f"the artefact is not what the rules make: {added} lines come, {removed} go"
