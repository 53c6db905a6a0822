"""A check from its beginning to its report.

Takes what a command line asks for; gives a `CheckReport`. What ends other commands, settings or
mappings that cannot be used, is in the report too, so that every format shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError, Diagnostic, Severity
from sigma2hive.model.checks import Checked, CheckReport, is_at_least
from sigma2hive.repository import SourceFiles, changed_files
from sigma2hive.workflows.check.artefacts import writing_command
from sigma2hive.workflows.check.asked import CheckOptions
from sigma2hive.workflows.check.baseline import apply_baseline, write_baseline
from sigma2hive.workflows.check.fingerprints import fingerprinted
from sigma2hive.workflows.check.gathering import gather
from sigma2hive.workflows.check.ignoring import set_aside
from sigma2hive.workflows.check.linting import lint_of
from sigma2hive.workflows.check.scope import within
from sigma2hive.workflows.compile import NOT_THERE, load_for_targets
from sigma2hive.workflows.project import ProjectOptions


def check(options: ProjectOptions, asked: CheckOptions) -> tuple[CheckReport, Path]:
    """Return what is wrong, and the folder that paths are seen from.

    Writes nothing but a baseline that is asked for.

    Raises:
        ConfigurationError: settings, mappings, profile or baseline cannot be used; no such ref.
    """
    targets = [place.target for place in asked.against.places] if asked.against else []
    project = load_for_targets(replace(options, with_repository=True), targets, lint_of)
    root = project.settings.root
    changed = None
    if asked.changed_since is not None:
        changed = changed_files(root, asked.changed_since)
    command = writing_command(options, asked.against) if asked.against else ""
    gathered = gather(project, asked, command)
    findings, files = gathered.findings, gathered.files
    if changed is not None:
        findings = within(findings, project, changed)
        files = tuple(path for path in files if root / path in changed)
    sources = SourceFiles(root)
    checked, recorded = _weighed(_told(findings, sources), files, sources, asked)
    missing = any(finding.code in NOT_THERE for finding in project.findings.errors)
    report = CheckReport(
        checked,
        profile=project.profile.name,
        rules=len(project.compiled.rules) + len(project.compiled.correlations),
        files=tuple(sorted(files)),
        drifts=gathered.drifts,
        fails_from=asked.fails_from,
        is_usable=bool(project.compiled.rules) and not missing,
        is_unanswered=gathered.is_unanswered,
        is_whole=gathered.is_whole,
        recorded=recorded,
    )
    return report, root


def report_of(findings: ConfigurationError | list[Diagnostic], root: Path) -> CheckReport:
    """Return a report of nothing but findings: of an error, one that says so."""
    is_error = isinstance(findings, ConfigurationError)
    found = list(findings.diagnostics) if isinstance(findings, ConfigurationError) else findings
    return CheckReport(_told(found, SourceFiles(root)), is_usable=not is_error)


def _told(findings: Sequence[Diagnostic], sources: SourceFiles) -> tuple[Checked, ...]:
    """Return the findings in the order in which they are told."""
    found = sorted(findings, key=lambda finding: (finding.location, finding.code))
    return tuple(fingerprinted(found, sources))


def _weighed(
    checked: Sequence[Checked], files: tuple[str, ...], sources: SourceFiles, asked: CheckOptions
) -> tuple[tuple[Checked, ...], int | None]:
    """Return the findings, those set aside marked, with what is wrong about setting aside.

    Also how many a baseline was written with, where that was asked for.
    """
    recorded = None
    is_whole = asked.changed_since is None
    result, wrong = set_aside(checked, files, sources, _looked_for(asked))
    if asked.baseline is not None:
        if asked.is_baseline_written:
            recorded = write_baseline(asked.baseline, result, _severities_from(asked.fails_from))
        result, gone = apply_baseline(asked.baseline, result, sources.root, is_whole)
        wrong += gone
    result += fingerprinted(wrong, sources)
    result.sort(key=lambda entry: (entry.finding.location, entry.finding.code))
    return tuple(result), recorded


def _looked_for(asked: CheckOptions) -> Callable[[str], bool]:
    """Return what says of a code whether it is certain that this check would have found it."""

    def was_looked_for(code: str) -> bool:
        if code.startswith("S2H3") or code == "S2H110":
            return asked.against is not None
        if code == "S2H236":
            return bool(asked.suites)
        # Another profile, or a snapshot, may find what this one does not.
        return not code.startswith("S2H4") and code not in ("S2H220", "S2H228", "S2H229")

    return was_looked_for


def _severities_from(least: Severity | None) -> list[str]:
    return [one.value for one in Severity if least is None or is_at_least(one, least)]
