"""`sigma2hive backtest`: what the rules would have raised over past events."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click

from sigma2hive.cli.backtest_report import BacktestReport
from sigma2hive.cli.exits import Exit, errors_as_exits, print_findings, print_first_findings
from sigma2hive.cli.options import (
    Moment,
    NamedPath,
    Span,
    events_option,
    json_option,
    print_settings_file,
    processes_option,
    project_options,
)
from sigma2hive.cli.output import say, tell
from sigma2hive.cli.run_report import NOT_READ
from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import Diagnostic, Severity
from sigma2hive.model.backtests import Backtest
from sigma2hive.model.rules import Level
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.records import dataclass
from sigma2hive.reports.backtest import BACKTEST_MARK, render_html
from sigma2hive.runner.cores import Sharing
from sigma2hive.runner.querying import Window
from sigma2hive.settings import NoiseLimits
from sigma2hive.workflows.backtest import (
    JOURNAL,
    BacktestRequest,
    FilePast,
    Found,
    HistoryPast,
    Resumption,
    run_backtest,
)
from sigma2hive.workflows.project import Project, ProjectOptions, load_project
from sigma2hive.workflows.writing import write_report

_PROGRESS_EVERY = 5_000


class LevelLimit(click.ParamType[tuple[Level, int]]):
    """A level and a number, as high=5."""

    name = "limit"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Level, int]:
        """Return both.

        Raises:
            click.BadParameter: it is no such pair.
        """
        if isinstance(value, tuple):
            return value
        level, _, number = str(value).partition("=")
        known = ", ".join(entry.value for entry in Level)
        if level not in set(Level):
            self.fail(f"{level!r} is no level; known are {known}", param, ctx)
        if not (number.isascii() and number.isdecimal() and int(number[:9]) > 0):
            self.fail(f"{value!r}: write a whole number above 0, as {level}=5", param, ctx)
        return Level(level), int(number)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for beyond the repository."""

    events: tuple[Path, ...]
    processes: int | None
    since: timedelta | int | None
    until: timedelta | int | None
    slice_: timedelta | None
    restart: bool
    by: tuple[str, ...]
    against: str | None
    max_per_day: tuple[tuple[Level, int], ...]
    suggest: int
    html: Path | None
    as_json: bool
    strict: bool


@click.command()
@project_options
@events_option
@processes_option
@click.option(
    "--since",
    type=Moment(),
    metavar="TIME",
    help="Search Elasticsearch from this time on: 30d (ago), or 2026-11-01T06:00Z.",
)
@click.option("--until", type=Moment(), metavar="TIME", help="Search up to this time; else to now.")
@click.option(
    "--slice",
    "slice_",
    type=Span(),
    metavar="SPAN",
    help="Search so long a time at once; by default a tenth of the whole, at least 1h.",
)
@click.option("--restart", is_flag=True, help="Begin anew, where an interrupted one would go on.")
@click.option(
    "--by", multiple=True, metavar="FIELD", help="Count hits by values of a field (repeatable)."
)
@click.option(
    "--against",
    metavar="REF",
    help="Compare with the rules, mappings and settings at a Git ref: main, HEAD~1, v1.2.",
)
@click.option(
    "--max-per-day",
    multiple=True,
    type=LevelLimit(),
    metavar="LEVEL=N",
    help="End with 1 when a rule of this level raises more alerts on a day (repeatable).",
)
@click.option(
    "--suggest",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="Suggest a filter for so many noisy rules, each tried on the same events.",
)
@click.option(
    "--html",
    type=NamedPath(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write one self-contained page.",
)
@click.option("--strict", is_flag=True, help="End with 1 when anything was left out.")
@json_option
def backtest(
    settings_file: Path | None, rules: tuple[Path, ...], profile: str | None, **asked: object
) -> None:
    """Tell what the rules would have raised over past events, and which are noisy.

    Events come from files, or with --since from the history in Elasticsearch. Nothing is sent, and
    no alert is kept. Ends with 1 when a rule raises more alerts a day than its level may, by
    --max-per-day or backtest.max_per_day in sigma2hive.yml.

    \b
    Example:
      sigma2hive backtest --events examples/attack-story
      sigma2hive backtest --events logs/ --by User --html backtest.html
      sigma2hive backtest --events logs/ --against main --max-per-day high=5
      sigma2hive backtest --since 30d --until 1d --rules sigma_rules/windows
    """
    with errors_as_exits():
        options = ProjectOptions(Path.cwd(), settings_file, rules, profile)
        project = load_project(options)
        code = _backtest(project, options, _Asked(**asked))  # type: ignore[arg-type]
    raise click.exceptions.Exit(code)


def _backtest(project: Project, options: ProjectOptions, asked: _Asked) -> Exit:
    _check(project, asked)
    limits = {**_limits_of(project.settings.backtest.max_per_day), **dict(asked.max_per_day)}
    request = BacktestRequest(options, asked.by, asked.against, limits, asked.suggest)
    print_settings_file(project.settings)
    print_findings(project.findings, project.settings.root)
    found = Found()
    with _progress(found) as progress:
        if asked.since is None:
            paths = asked.events or project.settings.sources.events
            sharing = Sharing(asked.processes or project.settings.sources.processes)
            result = run_backtest(
                project, FilePast(paths, project, sharing, progress), request, found
            )
        else:
            result = _over_history(project, request, asked, found, progress)
    if asked.html is not None:
        write_report(asked.html, render_html(result), BACKTEST_MARK, "--html")
    report = BacktestReport(project, result, found, limits, asked.by)
    if asked.as_json:
        say(json.dumps(report.as_json(), indent=2))
    else:
        print_first_findings(found.findings, project.settings.root)
        say("\n".join(report.lines()))
    if asked.html is not None:
        tell(f"page: {asked.html}")
    return _exit_code(project, result, found, asked)


def _check(project: Project, asked: _Asked) -> None:
    if asked.since is not None:
        if asked.events:
            raise click.UsageError("--since searches Elasticsearch: leave --events out")
        if not project.settings.elasticsearch.urls:
            raise click.UsageError(
                "no Elasticsearch to search: name it under elasticsearch in sigma2hive.yml, or in "
                "SIGMA2HIVE_ELASTICSEARCH_URLS"
            )
        return
    if asked.until is not None or asked.slice_ is not None or asked.restart:
        raise click.UsageError("--until, --slice and --restart are for a search: add --since")
    if not (asked.events or project.settings.sources.events):
        raise click.UsageError(
            "no events to read: name files or folders with --events, or under sources in "
            "sigma2hive.yml; or search Elasticsearch with --since"
        )


def _limits_of(limits: NoiseLimits) -> dict[Level, int]:
    numbers = {level: getattr(limits, level.value) for level in Level}
    return {level: number for level, number in numbers.items() if number is not None}


def _over_history(
    project: Project,
    request: BacktestRequest,
    asked: _Asked,
    found: Found,
    progress: Callable[[int], None],
) -> Backtest:
    now_ns = time.time_ns()
    window = Window(_time_of(asked.since, now_ns), _time_of(asked.until, now_ns))
    if window.start_ns >= window.end_ns:
        raise click.UsageError("--since is not before --until: there is no time between them")
    question = (str(asked.since), str(asked.until), str(asked.slice_))
    resumption = Resumption(project.settings.state / JOURNAL, question, now_ns, asked.restart)
    slice_ns = _nanoseconds(asked.slice_) if asked.slice_ else 0
    with open_client(project.settings.elasticsearch) as client:
        past = HistoryPast(client, window, slice_ns, resumption, progress)
        try:
            return run_backtest(project, past, request, found)
        except (ServerError, KeyboardInterrupt):
            if found.finished:
                tell(
                    f"{found.finished:,} of {found.parts:,} slices are finished and kept: the same "
                    "command goes on from there"
                )
            raise


def _time_of(moment: timedelta | int | None, now_ns: int) -> int:
    if moment is None:
        return now_ns
    return moment if isinstance(moment, int) else now_ns - _nanoseconds(moment)


def _nanoseconds(span: timedelta) -> int:
    return int(span.total_seconds()) * NANOSECONDS


@contextmanager
def _progress(found: Found) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far it is; elsewhere nothing."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    shown = 0

    def show(count: int) -> None:
        nonlocal shown
        if count - shown >= _PROGRESS_EVERY or count < shown:
            shown = count
            part = f"slice {found.finished + 1:,} of {found.parts:,}, " if found.parts > 1 else ""
            tell(f"\r{part}{count:,} events\x1b[K", ends_line=False)

    try:
        yield show
    finally:
        tell("\r\x1b[K", ends_line=False)


def _is_strict_about(finding: Diagnostic) -> bool:
    return finding.severity is Severity.ERROR or finding.code == "S2H508"


def _exit_code(project: Project, result: Backtest, found: Found, asked: _Asked) -> Exit:
    findings = (*project.findings, *found.findings)
    if found.unsearched or any(finding.code in NOT_READ for finding in findings):
        return Exit.CONFIGURATION
    if not project.compiled.rules:
        return Exit.CONFIGURATION
    if result.excesses:
        return Exit.FINDINGS
    if asked.strict and (project.findings.errors or any(map(_is_strict_about, found.findings))):
        return Exit.FINDINGS
    return Exit.FINE
