"""A check from its beginning to its report.

Takes what a command line asks for; gives a `CheckReport`. What ends other commands, settings or
mappings that cannot be used, is in the report too, so that every format shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError, Diagnostic, Severity
from sigma2hive.model.checks import CheckReport
from sigma2hive.repository import SourceFiles
from sigma2hive.workflows.check.fingerprints import fingerprinted
from sigma2hive.workflows.check.gathering import Against, Gathered, gather
from sigma2hive.workflows.compile import NOT_THERE
from sigma2hive.workflows.project import ProjectOptions, load_project


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What a command line asks of a check.

    `against` are artefacts to compare with what would be written; a check fails for findings of
    `fails_from` and above, None is never.
    """

    against: Against | None = None
    fails_from: Severity | None = Severity.WARNING


def check(options: ProjectOptions, asked: CheckOptions) -> tuple[CheckReport, Path]:
    """Return what is wrong, and the folder that paths are seen from. Writes nothing.

    Raises:
        ConfigurationError: settings, mappings or the profile cannot be used.
    """
    project = load_project(replace(options, with_repository=True))
    gathered = gather(project, asked.against)
    report = report_of(gathered.findings, project.settings.root)
    missing = any(finding.code in NOT_THERE for finding in project.findings.errors)
    report = replace(
        report,
        profile=project.profile.name,
        rules=len(project.compiled.rules) + len(project.compiled.correlations),
        files=_files(gathered),
        drifts=gathered.drifts,
        fails_from=asked.fails_from,
        is_usable=bool(project.compiled.rules) and not missing,
    )
    return report, project.settings.root


def report_of(findings: ConfigurationError | list[Diagnostic], root: Path) -> CheckReport:
    """Return a report of nothing but findings: of an error, one that says so."""
    is_error = isinstance(findings, ConfigurationError)
    found = list(findings.diagnostics) if isinstance(findings, ConfigurationError) else findings
    found.sort(key=lambda finding: (finding.location, finding.code))
    checked = tuple(fingerprinted(found, SourceFiles(root)))
    return CheckReport(checked, is_usable=not is_error)


def _files(gathered: Gathered) -> tuple[str, ...]:
    return tuple(sorted(set(gathered.files)))
