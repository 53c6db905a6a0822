"""Everything that looks for mistakes, asked one after the other.

Takes a `Project` with its repository; gives all findings, in no order. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sigma2hive.clients.errors import ServerError
from sigma2hive.compiler import lint_rules
from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location
from sigma2hive.model.checks import Drift
from sigma2hive.repository import lint_files, rule_files, shown_path
from sigma2hive.workflows.check.artefacts import find_drift
from sigma2hive.workflows.check.asked import Servers
from sigma2hive.workflows.check.failing_tests import find_failing_tests
from sigma2hive.workflows.check.named import find_unknown_names
from sigma2hive.workflows.check.snapshots import find_blind, find_blind_now, find_old
from sigma2hive.workflows.places import Output
from sigma2hive.workflows.project import Project


@dataclass(frozen=True, slots=True)
class Gathered:
    """All findings, the paths of the rule files, and artefacts that are not as they should be.

    `is_unanswered` where a server was out of reach: what it would have said is not among them.
    """

    findings: list[Diagnostic]
    files: tuple[str, ...]
    drifts: tuple[Drift, ...] = ()
    is_unanswered: bool = False


def gather(
    project: Project, against: Output | None, suites: Sequence[str], servers: Servers
) -> Gathered:
    """Return all that is wrong with a project.

    Raises:
        ConfigurationError: a target's settings cannot be used, or its folder not be read; a suite
            of validators is not installed; a server that is to be asked is not in the settings.
    """
    root = project.settings.root
    findings = Diagnostics(list(project.findings))
    find_old(project, findings)
    fields = find_blind_now if servers.elasticsearch else find_blind
    is_answered = _is_answered("--elasticsearch", fields, project, findings)
    if servers.thehive:
        is_answered &= _is_answered("--thehive", find_unknown_names, project, findings)
    files = [
        file for file in rule_files(project.paths, root, Diagnostics()) if isinstance(file, Path)
    ]
    _lint(project, files, suites, findings)
    find_failing_tests(project, findings)
    drifts: tuple[Drift, ...] = ()
    if against is not None:
        drifts = find_drift(project, against, findings)
    findings.show_from(root)
    shown = tuple(shown_path(file, root) for file in files)
    return Gathered(list(dict.fromkeys(findings)), shown, drifts, not is_answered)


def _is_answered(
    option: str,
    find: Callable[[Project, Diagnostics], None],
    project: Project,
    findings: Diagnostics,
) -> bool:
    """Let `find` ask a server; a server's error is a finding. Return whether it was in reach."""
    try:
        find(project, findings)
    except ServerError as error:
        findings.error("S2H507", Location(option), error.message, error.hint)
        return not error.passes
    return True


def _lint(
    project: Project, files: list[Path], suites: Sequence[str], findings: Diagnostics
) -> None:
    linted = lint_files(files, project.settings.root, suites)
    findings.extend(linted.findings)
    rules = project.compiled.by_id()
    lint_rules(project.repository.rules, rules, project.profile, linted.conditions, findings)
