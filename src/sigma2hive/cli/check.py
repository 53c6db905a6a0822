"""`sigma2hive compile --check`: what was found, as text or in a form for other programs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from sigma2hive.cli.exits import Exit, errors_as_exits
from sigma2hive.cli.merging import said_once
from sigma2hive.cli.options import READABLE_OR_NOT
from sigma2hive.cli.output import columns_of, say
from sigma2hive.cli.rendering import SourceFiles, render_diagnostic
from sigma2hive.diagnostics import ConfigurationError, Diagnostic, Severity
from sigma2hive.model.checks import CheckReport, Drift, SetAside, is_at_least
from sigma2hive.model.visible import visible
from sigma2hive.records import dataclass
from sigma2hive.reports import CHECK_REPORTS
from sigma2hive.workflows.check.asked import CheckOptions
from sigma2hive.workflows.project import ProjectOptions

_TEXT = "text"
_NEVER = "never"
#: Findings of one code that are shown with source line and hint, and differences that are shown.
_SHOWN_IN_FULL = 5
#: Lines of a difference that are shown.
_DIFF_LINES = 40
#: From the gravest down, as people ask for them.
_SEVERITIES = [Severity.ERROR, Severity.WARNING, Severity.INFO]
_LEVELS = [severity.value for severity in _SEVERITIES]


@dataclass(frozen=True, slots=True)
class Shown:
    """How a report is shown: its form, and from which severity on in text."""

    form: str
    least: Severity


class _OfCheck(click.Option):
    """An option that means nothing without --check."""


_option = partial(click.option, cls=_OfCheck)


def check_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--check and what belongs to it."""
    for option in (
        _option(
            "--validators",
            "suites",
            multiple=True,
            type=click.Choice(["sigmahq"]),
            help="With --check: run published validators too, those that need no server.",
        ),
        _option(
            "--thehive",
            "asks_thehive",
            is_flag=True,
            help="With --check: ask TheHive whether it has the custom fields, observable types, "
            "case templates and techniques that mappings and rules name.",
        ),
        _option(
            "--elasticsearch",
            "asks_elasticsearch",
            is_flag=True,
            help="With --check: ask the cluster which fields it has now, and whether the "
            "snapshot in the profile says the same.",
        ),
        _option(
            "--changed-since",
            metavar="REF",
            help="With --check: tell only of what changed since this branch left a Git ref, and of "
            "what depends on it.",
        ),
        _option(
            "--write-baseline",
            is_flag=True,
            help="With --check and --baseline: write the file, so that only new findings count.",
        ),
        _option(
            "--baseline",
            type=READABLE_OR_NOT,
            metavar="FILE",
            help="With --check: findings that are known and do not count.",
        ),
        _option(
            "--fail-on",
            type=click.Choice([*_LEVELS, _NEVER]),
            default=Severity.WARNING.value,
            show_default=True,
            help="With --check: end with 1 for findings so grave or graver.",
        ),
        _option(
            "--level",
            type=click.Choice(_LEVELS),
            default=Severity.WARNING.value,
            show_default=True,
            help="With --check: show findings so grave or graver; json has all.",
        ),
        _option(
            "--format",
            "form",
            type=click.Choice([_TEXT, *CHECK_REPORTS]),
            default=_TEXT,
            show_default=True,
            help="With --check: how findings are printed, for people or for other programs.",
        ),
        click.option(
            "--check",
            "is_check",
            is_flag=True,
            help="Write nothing; tell what is wrong with rules, mappings and tests, and, with "
            "--target and --output, which artefacts are not what the rules make.",
        ),
    ):
        command = option(command)
    return command


def refuse_options_of_check(context: click.Context) -> None:
    """Tell people who forgot --check: CI would stay green, and nothing would have been looked at.

    Raises:
        click.UsageError: an option that only --check heeds is on the command line.
    """
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if isinstance(option, _OfCheck) and source is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[0]} is for --check only", context)


def severity_or_never(name: str) -> Severity | None:
    """Return what --fail-on says."""
    return None if name == _NEVER else Severity(name)


def run_check(options: ProjectOptions, asked: CheckOptions, shown: Shown) -> NoReturn:
    """Check, print the report on standard output, and end with the exit code."""
    # Here, since whoever writes artefacts waits for none of this.
    from sigma2hive.workflows.check import check, report_of  # noqa: PLC0415

    with errors_as_exits():
        try:
            report, root = check(options, asked)
        except ConfigurationError as error:
            root = error.root or Path.cwd()
            report = replace(report_of(error, root), fails_from=asked.fails_from)
    if shown.form == _TEXT:
        for line in _lines(report, root, shown.least):
            say(line)
    elif text := CHECK_REPORTS[shown.form](_from(report, shown)):
        say(text.removesuffix("\n"))
    raise click.exceptions.Exit(_exit_code(report))


def _from(report: CheckReport, shown: Shown) -> CheckReport:
    """Return the report without what is not to be shown; a program that reads JSON gets all."""
    if shown.form == "json":
        return report
    kept = (entry for entry in report.checked if is_at_least(entry.finding.severity, shown.least))
    return replace(report, checked=tuple(kept))


def _exit_code(report: CheckReport) -> Exit:
    if not report.is_usable or not report.is_whole:
        return Exit.CONFIGURATION
    if report.is_unanswered:
        return Exit.UNREACHABLE
    return Exit.FINDINGS if report.failing else Exit.FINE


def _lines(report: CheckReport, root: Path, least: Severity) -> Iterator[str]:
    found = [finding for finding in report.open if is_at_least(finding.severity, least)]
    yield from _finding_lines(said_once(found), root)
    changed = [drift for drift in report.drifts if drift.is_change]
    for drift in changed[:_SHOWN_IN_FULL]:
        yield from _diff_lines(drift)
    if (more := len(changed) - _SHOWN_IN_FULL) > 0:
        yield f"{more:,} more differences; --format json has them"
    yield from _summary(report, least)


def _finding_lines(findings: Iterable[Diagnostic], root: Path) -> Iterator[str]:
    """Yield the first findings of each code in full, and how many more there are."""
    by_code: dict[str, list[Diagnostic]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    files = SourceFiles(root)
    columns = columns_of(sys.stdout)
    for code, found in sorted(by_code.items()):
        for finding in found[:_SHOWN_IN_FULL]:
            yield render_diagnostic(finding, files.lines(finding.location), columns)
        total = sum(finding.count for finding in found)
        if more := total - sum(finding.count for finding in found[:_SHOWN_IN_FULL]):
            yield f"{code}: {more:,} more, {total:,} in all; --format json lists them"


def _diff_lines(drift: Drift) -> Iterator[str]:
    lines = drift.diff.splitlines()
    for line in lines[:_DIFF_LINES]:
        yield visible(line)
    if len(lines) > _DIFF_LINES:
        yield f"… {len(lines) - _DIFF_LINES:,} more lines of {visible(drift.path)}"


def _summary(report: CheckReport, least: Severity) -> Iterator[str]:
    counts = report.counts
    parts = [_counted(counts[severity], severity) for severity in _SEVERITIES]
    told = ", ".join(part for part in parts if part) or "nothing to find"
    if report.is_usable:
        rules = f"{report.rules:,} rule{'' if report.rules == 1 else 's'}"
        yield f"{rules} for {visible(report.profile)}: {told}"
    elif report.profile:
        yield f"no rule could be used, or a path cannot be read: {told}"
    else:
        yield f"nothing was checked, since settings or mappings cannot be used: {told}"
    if not report.is_whole or report.is_unanswered:
        yield "this is not all: something that was asked for could not be looked at"
    aside = [
        f"{count:,} {words}"
        for why, words in (
            (SetAside.IGNORED, "ignored in files"),
            (SetAside.BASELINE, "in the baseline"),
        )
        if (count := report.set_aside(why))
    ]
    if report.recorded is not None:
        plural = "" if report.recorded == 1 else "s"
        yield f"baseline written with {report.recorded:,} finding{plural}"
    if aside:
        yield f"set aside: {', '.join(aside)}"
    hidden = sum(counts[severity] for severity in _SEVERITIES if not is_at_least(severity, least))
    if hidden:
        yield f"{hidden:,} not shown; --level info shows all"
    failing = Counter(finding.code for finding in report.failing).most_common(3)
    if failing:
        most = ", ".join(f"{code} ({count:,})" for code, count in failing)
        yield f"to mend: {most}; docs/diagnostics.md says what each means"


def _counted(count: int, severity: Severity) -> str:
    if not count:
        return ""
    word = "note" if severity is Severity.INFO else severity.value
    return f"{count:,} {word}{'' if count == 1 else 's'}"
