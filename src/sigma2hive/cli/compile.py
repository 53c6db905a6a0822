"""`sigma2hive compile`: write rules in the form that something else reads."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sigma2hive.cli.blindness import blindness_as_json, print_blindness
from sigma2hive.cli.check import Shown, check_options, run_check, severity_or_never
from sigma2hive.cli.exits import Exit, errors_as_exits, print_findings
from sigma2hive.cli.options import json_option, project_options
from sigma2hive.cli.rendering import diagnostic_as_json
from sigma2hive.compiler import TARGETS, find_blindness
from sigma2hive.diagnostics import Severity
from sigma2hive.workflows.artefacts import Changes
from sigma2hive.workflows.check import Against, CheckOptions, Servers
from sigma2hive.workflows.compile import Written, write_target
from sigma2hive.workflows.project import Project, ProjectOptions, load_project


@click.command("compile")
@project_options
@click.option(
    "--target",
    type=click.Choice(list(TARGETS)),
    help="What to write: dsl is Elasticsearch's Query DSL, one JSON manifest a rule; lucene, eql "
    "and esql are text, as JSON and to paste, exact or refused; elastalert is rules of "
    "ElastAlert 2, one YAML file each, that send alerts to TheHive by themselves.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the files. Files of ours in it that no rule has any more are removed.",
)
@click.option(
    "--allow-approximate",
    is_flag=True,
    help="Also write correlations that the target counts otherwise; its file says how.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="End with 1 when anything was left out, or a rule is blind; with --check, for notes too.",
)
@check_options
@json_option
def compile_rules(
    settings_file: Path | None,
    rules: tuple[Path, ...],
    profile: str | None,
    target: str | None,
    output: Path | None,
    allow_approximate: bool,
    strict: bool,
    is_check: bool,
    form: str,
    level: str,
    fail_on: str,
    baseline: Path | None,
    write_baseline: bool,
    changed_since: str | None,
    suites: tuple[str, ...],
    asks_elasticsearch: bool,
    asks_thehive: bool,
    as_json: bool,
) -> None:
    """Write one file a rule, the same text for the same rule, to be reviewed in Git.

    With --check nothing is written: a pull request is told what is wrong, and that ends with 1.

    \b
    Example:
      sigma2hive compile --target dsl --output compiled
      sigma2hive compile --target dsl --rules sigma_rules/windows --profile elastic-agent \\
        --output compiled/elastic-agent
      sigma2hive compile --check
      sigma2hive compile --check --target dsl --output compiled --format github
      sigma2hive compile --check --changed-since origin/main --baseline known-findings.json
      sigma2hive compile --check --elasticsearch --thehive
    """
    options = ProjectOptions(
        Path.cwd(), settings_file, rules, profile, allow_approximate=allow_approximate
    )
    if is_check:
        if (target is None) != (output is None):
            raise click.UsageError("--check compares artefacts where --target and --output name it")
        against = Against(TARGETS[target], output) if target and output else None
        fails_from = Severity.INFO if strict else severity_or_never(fail_on)
        shown = Shown("json" if as_json else form, Severity(level))
        if write_baseline and (baseline is None or changed_since is not None):
            raise click.UsageError("--write-baseline needs --baseline FILE, and all of the rules")
        servers = Servers(elasticsearch=asks_elasticsearch, thehive=asks_thehive)
        asked = CheckOptions(
            against, fails_from, baseline, write_baseline, changed_since, suites, servers
        )
        run_check(options, asked, shown)
    if target is None or output is None:
        missing = "--target" if target is None else "--output"
        raise click.UsageError(f"Missing option '{missing}'.")
    with errors_as_exits():
        project = load_project(options)
        written = write_target(project, TARGETS[target], output)
    blindness = find_blindness(project.compiled.rules, project.profile)
    if as_json:
        written.findings.extend(blindness.findings)
        report = {"target": target, "output": output.as_posix(), **_as_json(project, written)}
        report["blindness"] = blindness_as_json(blindness)
        click.echo(json.dumps(report, indent=2))
    else:
        print_findings(written.findings, project.settings.root)
        print_blindness(blindness, project.settings.root)
        click.echo(_summary(project, written))
    code = _exit_code(project, written, strict)
    if strict and blindness.blind and code is Exit.FINE:
        code = Exit.FINDINGS
    raise click.exceptions.Exit(code)


def _as_json(project: Project, written: Written) -> dict[str, object]:
    changes = written.changes or Changes((), (), ())
    return {
        "profile": project.profile.name,
        "written": list(changes.written),
        "unchanged": list(changes.unchanged),
        "removed": list(changes.removed),
        "left_out": len(written.left_out),
        "findings": [diagnostic_as_json(finding) for finding in written.findings],
    }


def _summary(project: Project, written: Written) -> str:
    changes = written.changes
    if changes is None:
        is_any = bool(project.compiled.rules)
        reason = "a path is not there" if is_any else "no rule could be used"
        return f"nothing was written, since {reason}"
    files = len(changes.written) + len(changes.unchanged)
    return (
        f"{files:,} file{'' if files == 1 else 's'} for {project.profile.name}: "
        f"{len(changes.written):,} written, {len(changes.unchanged):,} unchanged, "
        f"{len(changes.removed):,} removed; {len(written.left_out):,} left out"
    )


def _exit_code(project: Project, written: Written, strict: bool) -> Exit:
    if written.changes is None or not project.compiled.rules:
        return Exit.CONFIGURATION
    if strict and (written.left_out or written.findings.errors):
        return Exit.FINDINGS
    return Exit.FINE
