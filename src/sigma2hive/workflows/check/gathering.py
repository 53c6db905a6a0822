"""Everything that looks for mistakes, asked one after the other.

Takes a `Project` with its repository; gives all findings, in no order. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sigma2hive.compiler import Target, find_blindness, lint_rules
from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.model.checks import Drift
from sigma2hive.repository import lint_files, rule_files, shown_path
from sigma2hive.workflows.check.artefacts import find_drift
from sigma2hive.workflows.check.failing_tests import find_failing_tests
from sigma2hive.workflows.project import Project


@dataclass(frozen=True, slots=True)
class Against:
    """Artefacts that are committed: of a target, in a folder."""

    target: Target
    folder: Path


@dataclass(frozen=True, slots=True)
class Gathered:
    """All findings, the paths of the rule files, and artefacts that are not as they should be."""

    findings: list[Diagnostic]
    files: tuple[str, ...]
    drifts: tuple[Drift, ...] = ()


def gather(project: Project, against: Against | None, suites: Sequence[str] = ()) -> Gathered:
    """Return all that is wrong with a project.

    Raises:
        ConfigurationError: a target's settings cannot be used, or its folder not be read; a suite
            of validators is not installed.
    """
    root = project.settings.root
    findings = Diagnostics(list(project.findings))
    findings.extend(find_blindness(project.compiled.rules, project.profile).findings)
    files = [
        file for file in rule_files(project.paths, root, Diagnostics()) if isinstance(file, Path)
    ]
    _lint(project, files, suites, findings)
    find_failing_tests(project, findings)
    drifts: tuple[Drift, ...] = ()
    if against is not None:
        drifts = find_drift(project, against.target, against.folder, findings)
    findings.show_from(root)
    shown = tuple(shown_path(file, root) for file in files)
    return Gathered(list(dict.fromkeys(findings)), shown, drifts)


def _lint(
    project: Project, files: list[Path], suites: Sequence[str], findings: Diagnostics
) -> None:
    linted = lint_files(files, project.settings.root, suites)
    findings.extend(linted.findings)
    rules = project.compiled.by_id()
    lint_rules(project.repository.rules, rules, project.profile, linted.conditions, findings)
