"""Committed artefacts that are not what the rules make, as findings and as diffs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path

from sigma2hive.compiler import TARGETS
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.checks import Drift
from sigma2hive.repository import shown_path
from sigma2hive.workflows.artefacts import Changes, plan_changes
from sigma2hive.workflows.compile import Plan, planned, standing_of
from sigma2hive.workflows.places import Output
from sigma2hive.workflows.project import Project, ProjectOptions
from sigma2hive.workflows.writing import telling_of_disk

_CODE = "S2H110"


def writing_command(options: ProjectOptions, into: Output) -> str:
    """Return the command line that writes what is compared, to be typed as it stands."""
    names = [place.target.name for place in into.places]
    words = ["sigma2hive", "compile"]
    for name in ["all"] if len(names) == len(TARGETS) else names:
        words += ["--target", name]
    words += ["--output", into.folder.as_posix()]
    if options.settings_file is not None:
        words += ["--settings", options.settings_file.as_posix()]
    for path in options.rules:
        words += ["--rules", path.as_posix()]
    if options.profile is not None:
        words += ["--profile", options.profile]
    if options.allow_approximate:
        words.append("--allow-approximate")
    return shlex.join(words)


def find_drift(
    project: Project, against: Output, command: str, findings: Diagnostics
) -> tuple[Drift, ...]:
    """Report what targets refuse, and each file that writing would change; return the diffs.

    `command` is the command line that would write them.

    Raises:
        ConfigurationError: a folder cannot be read, holds something else in our place, or a
            setting of a target cannot be used.
    """
    if not project.compiled.rules:
        return ()
    drifts: list[Drift] = []
    hint = f"run `{command}`, and commit"
    for plan in planned(project, against.places):
        findings.extend(plan.refusals)
        drifts += _drifts_of(plan, hint, project.settings.root, findings)
    for place in against.dropped():
        plan = Plan(place, standing_of(place))
        plan.changes = plan_changes(plan.standing, {})
        drifts += _drifts_of(plan, hint, project.settings.root, findings)
    return tuple(drifts)


def _drifts_of(plan: Plan, hint: str, root: Path, findings: Diagnostics) -> list[Drift]:
    folder = plan.place.folder
    with telling_of_disk(folder, "folder"):
        if not folder.is_dir():
            place = Location(shown_path(folder, root))
            findings.error(_CODE, place, "there is no folder of artefacts", hint)
            return []
        drifts = list(_drifts(folder, plan.changes, plan.texts, root))
    for drift in drifts:
        findings.error(_CODE, Location(drift.path), _told(drift), hint)
    return drifts


def _drifts(
    folder: Path, changes: Changes, texts: Mapping[str, bytes], root: Path
) -> Iterator[Drift]:
    for name in sorted((*changes.written, *changes.removed)):
        path = folder / name
        shown = shown_path(path, root)
        old = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        new = texts.get(name, b"").decode("utf-8")
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
    come = f"{added} line{' comes' if added == 1 else 's come'}"
    go = f"{removed} {'goes' if removed == 1 else 'go'}"
    return f"the artefact is not what the rules make: {come}, {go}"
