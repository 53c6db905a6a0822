"""Everything that looks for mistakes, asked one after the other.

Takes a `Project` with its repository; gives all findings, in no order. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import ConfigurationError, Diagnostic, Diagnostics, Location
from sigma2hive.model.checks import Drift
from sigma2hive.records import dataclass
from sigma2hive.repository import shown_path
from sigma2hive.workflows.check.artefacts import find_drift
from sigma2hive.workflows.check.asked import CheckOptions
from sigma2hive.workflows.check.elsewhere import with_other_profiles
from sigma2hive.workflows.check.failing_tests import find_failing_tests
from sigma2hive.workflows.check.linting import lint
from sigma2hive.workflows.check.named import find_unknown_names
from sigma2hive.workflows.check.snapshots import find_blind, find_blind_now, find_old
from sigma2hive.workflows.project import Project


@dataclass(frozen=True, slots=True)
class Gathered:
    """All findings, the paths of the rule files, and artefacts that are not as they should be.

    `is_unanswered` where a server was out of reach, `is_whole` unless a server refused to answer or
    artefacts could not be compared: what they would have said is not among the findings.
    """

    findings: list[Diagnostic]
    files: tuple[str, ...]
    drifts: tuple[Drift, ...] = ()
    is_unanswered: bool = False
    is_whole: bool = True


def gather(project: Project, asked: CheckOptions, command: str) -> Gathered:
    """Return all that is wrong with a project; `command` would write the artefacts to compare.

    Raises:
        ConfigurationError: a suite of validators is not installed; a server that is to be asked is
            not in the settings.
    """
    root = project.settings.root
    findings = Diagnostics(list(project.findings))
    find_old(project, findings)
    fields = find_blind_now if asked.servers.elasticsearch else find_blind
    refused = [_asking("--elasticsearch", fields, project, findings)]
    if asked.servers.thehive:
        refused.append(_asking("--thehive", find_unknown_names, project, findings))
    files = project.rule_files
    lint(project, files, asked.suites, findings)
    find_failing_tests(project, findings)
    drifts: tuple[Drift, ...] = ()
    is_compared = True
    if asked.against is not None:
        try:
            drifts = find_drift(project, asked.against, command, findings)
        except ConfigurationError as error:  # no reason to keep the rest from people
            findings.extend(error.diagnostics)
            is_compared = False
    findings.show_from(root)
    with_other_profiles(project, findings)
    shown = tuple(shown_path(file, root) for file in files)
    return Gathered(
        list(dict.fromkeys(findings)),
        shown,
        drifts,
        is_unanswered=any(error is not None and error.passes for error in refused),
        is_whole=is_compared and all(error is None or error.passes for error in refused),
    )


def _asking(
    option: str,
    find: Callable[[Project, Diagnostics], None],
    project: Project,
    findings: Diagnostics,
) -> ServerError | None:
    """Let `find` ask a server; a server's error is a finding, and returned."""
    try:
        find(project, findings)
    except ServerError as error:
        findings.error("S2H507", Location(option), error.message, error.hint)
        return error
    return None
