"""`sigma2hive compile`: write rules in the form that something else reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from sigma2hive.cli.blindness import blindness_as_json, print_blindness
from sigma2hive.cli.check import (
    Shown,
    check_options,
    refuse_options_of_check,
    run_check,
    severity_or_never,
)
from sigma2hive.cli.exits import Exit, errors_as_exits, print_first_findings
from sigma2hive.cli.merging import said_once
from sigma2hive.cli.options import READABLE_OR_NOT, json_option, project_options
from sigma2hive.cli.output import say
from sigma2hive.cli.rendering import diagnostic_as_json
from sigma2hive.compiler import TARGETS, find_blindness
from sigma2hive.diagnostics import Diagnostics, Severity
from sigma2hive.workflows.artefacts import Changes, rules_among
from sigma2hive.workflows.check import CheckOptions, Servers
from sigma2hive.workflows.compile import Written, write_targets
from sigma2hive.workflows.places import Output
from sigma2hive.workflows.project import Project, ProjectOptions

_ALL = "all"
#: What rules without a file of their own do: one, and several.
_FEEDS = ("it only feeds", "they only feed")


@click.command("compile")
@project_options
@click.option(
    "--target",
    "names",
    multiple=True,
    type=click.Choice([*TARGETS, _ALL]),
    help="What to write (repeatable, or all): dsl is Elasticsearch's Query DSL, one JSON manifest "
    "a rule; lucene, eql and esql are text, as JSON and to paste, exact or refused; elastalert is "
    "rules of ElastAlert 2, one YAML file each, that send alerts to TheHive by themselves; kibana "
    "is detection rules of Elastic Security.",
)
@click.option(
    "--output",
    type=READABLE_OR_NOT,
    metavar="DIR",
    help="Folder of the files, with a folder for each of several targets. Files of ours in it that "
    "no rule has any more are removed.",
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
    names: tuple[str, ...],
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
      sigma2hive compile --target all --output compiled
      sigma2hive compile --check
      sigma2hive compile --check --target dsl --output compiled --format github
      sigma2hive compile --check --changed-since origin/main --baseline known-findings.json
      sigma2hive compile --check --elasticsearch --thehive
    """
    options = ProjectOptions(
        Path.cwd(), settings_file, rules, profile, allow_approximate=allow_approximate
    )
    if bool(names) != (output is not None) and is_check:
        raise click.UsageError("--check compares artefacts where --target and --output name it")
    into = _output(names, output) if names and output is not None else None
    if is_check:
        fails_from = Severity.INFO if strict else severity_or_never(fail_on)
        shown = Shown("json" if as_json else form, Severity(level))
        if write_baseline and (baseline is None or changed_since is not None):
            raise click.UsageError("--write-baseline needs --baseline FILE, and all of the rules")
        servers = Servers(elasticsearch=asks_elasticsearch, thehive=asks_thehive)
        asked = CheckOptions(
            into, fails_from, baseline, write_baseline, changed_since, suites, servers
        )
        run_check(options, asked, shown)
    refuse_options_of_check(click.get_current_context())
    if into is None:
        missing = "--output" if names else "--target"
        raise click.UsageError(f"Missing option '{missing}'.")
    with errors_as_exits():
        project, written = write_targets(options, into)
    blindness = find_blindness(project.compiled.rules, project.profile)
    if as_json:
        report = _as_json(project, written, into)
        findings = [*_findings(project, written), *blindness.findings]
        report["findings"] = [diagnostic_as_json(finding) for finding in findings]
        report["blindness"] = blindness_as_json(blindness)
        say(json.dumps(report, indent=2))
    else:
        print_first_findings(said_once(_findings(project, written)), project.settings.root)
        print_blindness(blindness, project.settings.root)
        for line in _summary(project, written, into):
            say(line)
    code = _exit_code(project, written, strict)
    if strict and blindness.blind and code is Exit.FINE:
        code = Exit.FINDINGS
    raise click.exceptions.Exit(code)


def _output(names: tuple[str, ...], folder: Path) -> Output:
    chosen = tuple(TARGETS) if _ALL in names else names
    return Output.of(chosen, folder, apart=_ALL in names or len(set(names)) > 1)


def _findings(project: Project, written: Sequence[Written]) -> Diagnostics:
    found = Diagnostics(list(project.findings))
    for entry in written:
        found.extend(entry.refusals)
    return found


def _as_json(project: Project, written: Sequence[Written], into: Output) -> dict[str, object]:
    entries = [_target_as_json(project, entry) for entry in written]
    about: dict[str, object] = {"profile": project.profile.name}
    # One target is told of as it always was.
    return about | (entries[0] if not into.is_apart else {"targets": entries})


def _target_as_json(project: Project, written: Written) -> dict[str, object]:
    changes = written.changes or Changes((), (), ())
    return {
        "target": written.place.target.name,
        "output": written.place.folder.as_posix(),
        "written": list(changes.written),
        "unchanged": list(changes.unchanged),
        "removed": list(changes.removed),
        "rules": _counts(written),
        "left_out": len(project.left_out) + len(written.left_out),
        "only_counted": len(written.only_counted),
    }


def _counts(written: Written) -> dict[str, int]:
    """Return how many rules were written, are as they were, and are gone."""
    changes, target = written.changes or Changes((), (), ()), written.place.target
    touched = set(rules_among(changes.written, target))
    unchanged = set(rules_among(changes.unchanged, target)) - touched
    removed = set(rules_among(changes.removed, target)) - touched - unchanged
    return {"written": len(touched), "unchanged": len(unchanged), "removed": len(removed)}


def _summary(project: Project, written: Sequence[Written], into: Output) -> Iterator[str]:
    if any(entry.changes is None for entry in written):
        is_any = bool(project.compiled.rules)
        reason = "a path is not there or cannot be read" if is_any else "no rule could be used"
        yield f"nothing was written, since {reason}"
        return
    for entry in written:
        counts = _counts(entry)
        rules = counts["written"] + counts["unchanged"]
        name = f"{entry.place.target.name}: " if into.is_apart else ""
        left_out = len(project.left_out) + len(entry.left_out)
        yield (
            f"{name}{rules:,} rule{'' if rules == 1 else 's'} for {project.profile.name}: "
            f"{counts['written']:,} written, {counts['unchanged']:,} unchanged, "
            f"{counts['removed']:,} removed; {left_out:,} left out{_only_counted(entry)}"
        )


def _only_counted(written: Written) -> str:
    count = len(written.only_counted)
    return f", {count:,} without a file since {_FEEDS[count > 1]} correlations" if count else ""


def _exit_code(project: Project, written: Sequence[Written], strict: bool) -> Exit:
    if any(entry.changes is None for entry in written) or not project.compiled.rules:
        return Exit.CONFIGURATION
    refused = any(entry.left_out or entry.refusals.errors for entry in written)
    if strict and (refused or project.left_out or project.findings.errors):
        return Exit.FINDINGS
    return Exit.FINE
