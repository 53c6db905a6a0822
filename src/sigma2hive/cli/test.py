"""`sigma2hive test`: run the tests of rules."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import click

from sigma2hive.cli.exits import Exit, errors_as_exits, print_findings
from sigma2hive.cli.options import READABLE_OR_NOT, NamedPath, json_option, project_options
from sigma2hive.cli.output import say, tell
from sigma2hive.cli.rendering import diagnostic_as_json
from sigma2hive.cli.test_view import report_lines
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.results_of_tests import TestReport
from sigma2hive.records import dataclass
from sigma2hive.reports import JUNIT_MARK, junit_xml, test_report_as_json
from sigma2hive.workflows.project import Project, ProjectOptions, load_project
from sigma2hive.workflows.testing import (
    Least,
    Watched,
    gate_findings,
    open_cluster,
    run_tests,
    tests_of,
)
from sigma2hive.workflows.writing import write_report


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for beyond the repository."""

    regression: tuple[Path, ...]
    least: Least
    url: str | None
    junit: Path | None
    strict: bool
    verbose: bool
    as_json: bool


@click.command("test")
@project_options
@click.option(
    "--regression-data",
    "regression",
    multiple=True,
    type=READABLE_OR_NOT,
    metavar="PATH",
    help="SigmaHQ's tests: an info.yml or a folder of them, as regression_data (repeatable).",
)
@click.option(
    "--least-positive",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Tests that a rule must have of what it must match.",
)
@click.option(
    "--least-negative",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Tests that a rule must have of what it must not match.",
)
@click.option(
    "--elasticsearch",
    "url",
    metavar="URL",
    help="Also search the same events on this cluster, in an index that is removed afterwards.",
)
@click.option(
    "--junit", type=NamedPath(path_type=Path), metavar="FILE", help="Write JUnit's XML as well."
)
@click.option("--watch", is_flag=True, help="Run again what changes, until Ctrl-C.")
@click.option("--strict", is_flag=True, help="End with 1 also when a rule or test was left out.")
@click.option("-v", "--verbose", is_flag=True, help="Show each test, and what its variants tell.")
@json_option
def test(
    settings_file: Path | None,
    rules: tuple[Path, ...],
    profile: str | None,
    regression: tuple[Path, ...],
    least_positive: int,
    least_negative: int,
    url: str | None,
    junit: Path | None,
    watch: bool,
    strict: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Run the tests of rules: what they must match, and what they must not.

    Tests stand beside a rule (NAME.test.yaml), or in its own attribute (sigma2hive: tests). Each
    event is also tried in another letter case, and without each field that the rule looks at. No
    server is needed. Ends with 1 when a test failed, cannot be used, or a rule has too few.

    \b
    Example:
      sigma2hive test
      sigma2hive test --rules sigma_rules/windows --junit results.xml
      sigma2hive test --rules sigma/rules --regression-data sigma/regression_data \\
        --least-negative 0
      sigma2hive test --elasticsearch https://elastic.example:9200
    """
    options = ProjectOptions(Path.cwd(), settings_file, rules, profile, with_repository=True)
    asked = _Asked(
        regression, Least(least_positive, least_negative), url, junit, strict, verbose, as_json
    )
    if watch and (as_json or junit):
        raise click.UsageError("--watch is for people: leave --json and --junit out")
    code, watched = _run(options, asked)
    while watch:
        tell("watching; Ctrl-C ends it")
        changed = watched.wait()
        try:
            code, watched = _run(options, asked, changed)
        except click.exceptions.Exit:
            # What is wrong was told, and may be mended by the next change.
            watched = watched.as_it_is_now()
    raise click.exceptions.Exit(code)


def _run(
    options: ProjectOptions, asked: _Asked, changed: frozenset[Path] | None = None
) -> tuple[Exit, Watched]:
    """Run all tests, or those that any of the `changed` files is about."""
    with errors_as_exits():
        project = load_project(options)
        findings = Diagnostics()
        tests = tests_of(project, asked.regression, findings)
        watched = Watched.of(project, tests)
        concerned = None if changed is None else watched.rules_of(changed, project)
        if concerned is not None:
            tests = [entry for entry in tests if entry.rule_id in concerned]
        asking = nullcontext() if asked.url is None else open_cluster(project, asked.url)
        with asking as cluster:
            report = run_tests(project, tests, asked.least, cluster)
        if concerned is not None:
            few = (rule for rule in report.rules if rule.info.id in concerned)
            report = replace(report, rules=tuple(few))
        findings.found.extend([*gate_findings(report), *report.findings])
        if asked.junit is not None:
            write_report(asked.junit, junit_xml(report), JUNIT_MARK, "--junit")
    root = project.settings.root
    print_findings(project.findings, root)
    if asked.as_json:
        said = test_report_as_json(report)
        every = (*project.findings, *findings)
        said["findings"] = [diagnostic_as_json(finding) for finding in every]
        said["left_out"] = len(project.left_out)
        say(json.dumps(said, indent=2))
    else:
        print_findings(findings, root)
        for line in report_lines(report, verbose=asked.verbose):
            say(line)
    return _exit_code(project, report, findings, asked), watched


def _exit_code(project: Project, report: TestReport, findings: Diagnostics, asked: _Asked) -> Exit:
    every = (*project.findings, *findings)
    if any(finding.code == "S2H108" for finding in every) or not report.rules:
        return Exit.CONFIGURATION
    if report.failed or findings.errors:
        return Exit.FINDINGS
    if asked.strict and (project.findings.errors or report.skipped):
        return Exit.FINDINGS
    return Exit.FINE
