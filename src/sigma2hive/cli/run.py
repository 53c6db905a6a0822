"""`sigma2hive run`: read events, match all rules, deliver the alerts."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click

from sigma2hive.alerts import Detail
from sigma2hive.cli.blindness import print_blindness
from sigma2hive.cli.exits import (
    Exit,
    errors_as_exits,
    print_findings,
    print_first_findings,
    print_sink_error,
)
from sigma2hive.cli.options import (
    Span,
    events_option,
    json_option,
    print_settings_file,
    processes_option,
    project_options,
)
from sigma2hive.cli.output import OutputError, say, tell
from sigma2hive.cli.run_report import NOT_READ, Raised, Report
from sigma2hive.clients.errors import ServerError
from sigma2hive.clock import WallClock
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.rules import Blindness
from sigma2hive.records import dataclass
from sigma2hive.repository import Versions
from sigma2hive.runner.cores import Sharing
from sigma2hive.runner.delivery import check_delivery, open_delivery, sink_requests
from sigma2hive.runner.inputs import Input, share_files, source_options
from sigma2hive.runner.matching import Matcher
from sigma2hive.runner.naming import naming_of
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.runner.own import sink_files
from sigma2hive.runner.state import EpisodeStore
from sigma2hive.settings import SERVICE_WAYS
from sigma2hive.signals import expect_no_service
from sigma2hive.sinks import Sink, SinkRequest
from sigma2hive.sources import collect_seldom
from sigma2hive.workflows.project import Loaded, Project, ProjectOptions, load_project

_PROGRESS_EVERY = 1_000
_STANDARD_OUTPUT = "jsonl:-"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for beyond the repository."""

    once: bool
    events: tuple[Path, ...]
    processes: int | None
    since: timedelta | None
    sinks: tuple[str, ...]
    dry_run: bool
    live: bool
    new_identity: bool
    way: str | None
    as_json: bool
    strict: bool


@click.command()
@project_options
@click.option(
    "--once", is_flag=True, help="One cycle over new events, then end; files are read once anyway."
)
@events_option
@processes_option
@click.option(
    "--since",
    type=Span(),
    metavar="SPAN",
    help="Search Elasticsearch over the last SPAN (30m, 24h, 7d) instead of reading files.",
)
@click.option(
    "--sink",
    "sinks",
    multiple=True,
    metavar="SINK",
    help="Where alerts go: inbox, inbox:FILE, jsonl:FILE, jsonl:-, thehive, "
    "thehive:ORGANISATION, webhook:URL or elasticsearch:INDEX (repeatable).",
)
@click.option(
    "--live",
    is_flag=True,
    help="Really send to TheHive and webhooks; without it, say what would be sent.",
)
@click.option(
    "--new-identity",
    is_flag=True,
    help="Take a change of type or source in alerts.yml: alerts of old events arrive anew.",
)
@click.option(
    "--way",
    type=click.Choice(SERVICE_WAYS),
    help="How the service matches new events: fetch them (stream), ask for each rule (query), or "
    "what costs less (auto).",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would be raised.")
@click.option(
    "--strict", is_flag=True, help="End with 1 when anything was left out, or a rule is blind."
)
@json_option
def run(
    settings_file: Path | None,
    rules: tuple[Path, ...],
    profile: str | None,
    once: bool,
    **asked: object,
) -> None:
    """Match every rule on every event, and deliver each match as one alert.

    Without --events and --since it is a service: it goes on reading new events of the Elasticsearch
    that the settings name, until it is told to end (Ctrl-C, SIGTERM); SIGHUP loads the rules anew.
    Events come from files with --events, and with --since from a search of Elasticsearch.

    Alerts go to the inbox (a local file) unless --sink or the settings say otherwise. To TheHive
    and webhooks they are sent with --live only.

    \b
    Example:
      sigma2hive run --once --events examples/attack-story
      sigma2hive run --once --events logs/ --rules sigma_rules/windows --profile winlogbeat \\
        --sink jsonl:alerts.jsonl
      sigma2hive run --once --since 24h --dry-run
      sigma2hive run --once --since 24h --sink inbox --sink thehive --live
      sigma2hive run --dry-run
      sigma2hive run --sink thehive --live
      sigma2hive run --sink thehive --live --way auto
    """
    with errors_as_exits():
        options = ProjectOptions(Path.cwd(), settings_file, rules, profile)
        began_ns = time.time_ns()
        project = load_project(options)
        code = _run(project, began_ns, options, _Asked(once=once, **asked))  # type: ignore[arg-type]
    raise click.exceptions.Exit(code)


def _run(project: Project, began_ns: int, options: ProjectOptions, asked: _Asked) -> Exit:
    settings = project.settings
    if asked.live:
        thehive = replace(settings.thehive, live=True)
        webhook = replace(settings.webhook, live=True)
        settings = replace(settings, thehive=thehive, webhook=webhook)
    if asked.way is not None:
        if asked.events or asked.since is not None:
            raise click.UsageError("--way is the service's: leave --events and --since out")
        settings = replace(settings, service=replace(settings.service, way=asked.way))
    requests = sink_requests(settings, asked.sinks, Path.cwd())
    if asked.live and not any(request.kind in ("thehive", "webhook") for request in requests):
        raise click.UsageError(
            "--live sends to TheHive and webhooks, but alerts go elsewhere: add --sink thehive, or "
            "name it under sinks in sigma2hive.yml"
        )
    on_stdout = any(request.spec == _STANDARD_OUTPUT for request in requests)
    if on_stdout and asked.as_json:
        raise click.UsageError(f"--json and the sink {_STANDARD_OUTPUT} both want standard output")
    if asked.since is None and not asked.events and settings.elasticsearch.urls:
        loaded = Loaded(replace(project, settings=settings), began_ns)
        return _serve(loaded, options, requests, asked)
    expect_no_service()
    collect_seldom()
    detail = _detail(asked)
    is_explained = detail is Detail.WHOLE
    matcher = Matcher(project.compiled, is_explained=is_explained, program=project.program)
    source = _input(project, asked, matcher)
    print_settings_file(settings)
    print_findings(project.findings, settings.root)
    blindness = _blindness(project, asked)
    summary, raised = Summary(), Raised()
    with ExitStack() as stack:
        # It may fork: before a sink has threads.
        looked_at = stack.enter_context(source)
        sinks, episodes = stack.enter_context(_delivery(project, requests, asked, summary))
        looked_at.remember(episodes)
        work = Pass(
            compiled=project.compiled,
            mappings=project.mappings,
            sinks=sinks,
            episodes=episodes,
            detail=detail,
            unsearched=looked_at.unsearched,
            progress=stack.enter_context(_progress(summary)),
            profile=project.profile,
            matcher=matcher,
            kibana=settings.kibana,
            version_of=stack.enter_context(Versions(settings.root)).of,
        )
        for alert in run_pass(work, looked_at.found, summary):
            raised.add(alert)
    summary.put_aside.found.extend(_strange(matcher, project))
    report = Report(
        project,
        summary,
        asked.dry_run,
        looked_at.unsearched,
        blindness,
        looked_at.passed_over,
        asked.since,
    )
    code = _exit_code(report, asked)
    # Whoever reads may be slow or gone: all is delivered by now.
    try:
        _print(report, raised, asked, tell if on_stdout and not asked.dry_run else say)
    except OutputError as error:
        if error.is_wanted:
            raise
    return code


def _detail(asked: _Asked) -> Detail:
    """A dry run shows titles, and counts with --json; the rest is for those who get alerts."""
    if not asked.dry_run:
        return Detail.WHOLE
    return Detail.COUNTED if asked.as_json else Detail.LISTED


def _serve(
    loaded: Loaded, options: ProjectOptions, requests: list[SinkRequest], asked: _Asked
) -> Exit:
    """Run the service, or one cycle of it: new events of Elasticsearch, each read once."""
    from sigma2hive.cli.serving import Serving, serve  # noqa: PLC0415

    project = loaded.project
    print_settings_file(project.settings)
    naming = naming_of(project.mappings.alerts, is_new_wanted=asked.new_identity)
    naming.check(project.settings)
    return serve(
        Serving(
            options,
            loaded,
            project.settings,
            requests,
            naming,
            once=asked.once,
            dry_run=asked.dry_run,
            as_json=asked.as_json,
        ),
        click.get_current_context().obj or WallClock(),
    )


def _strange(matcher: Matcher, project: Project) -> Iterator[Diagnostic]:
    """Yield what there is to say where no event was of any rule's log source."""
    if matcher.strangers.are_all:
        # It reads all profiles, which is seldom of use.
        from sigma2hive.workflows.strangers import findings_about  # noqa: PLC0415

        yield from findings_about(matcher.strangers, project)


def _blindness(project: Project, asked: _Asked) -> Blindness:
    """Tell where rules are blind on indices that are to be searched; files hold what they hold."""
    if asked.since is None:
        return Blindness()
    from sigma2hive.compiler import find_blindness  # noqa: PLC0415

    seen = find_blindness(project.compiled.rules, project.profile)
    print_blindness(seen, project.settings.root)
    project.findings.extend(seen.findings)
    return seen


def _print(
    report: Report, raised: Raised, asked: _Asked, print_text: Callable[[str], None]
) -> None:
    if asked.as_json:
        print_text(json.dumps(report.as_json(raised), indent=2))
    else:
        if lines := list(raised.lines()):
            print_text("\n".join(lines))
        print_first_findings(report.summary.put_aside, report.project.settings.root)
        print_findings(report.summary.delivered.findings, report.project.settings.root)
        print_text("\n".join([*report.would_have_raised(raised), *report.lines()]))
    for error in report.summary.delivered.failed.values():
        print_sink_error(error)


def _input(project: Project, asked: _Asked, matcher: Matcher) -> AbstractContextManager[Input]:
    settings = project.settings
    if asked.since is not None:
        if asked.events:
            raise click.UsageError("--since searches Elasticsearch: leave --events out")
        if not settings.elasticsearch.urls:
            raise click.UsageError(
                "no Elasticsearch to search: name it under elasticsearch in sigma2hive.yml, or in "
                "SIGMA2HIVE_ELASTICSEARCH_URLS"
            )
        from sigma2hive.runner.searching import search_back  # noqa: PLC0415

        # What alerts go to is not searched for more.
        known = replace(settings, sinks=(*settings.sinks, *asked.sinks))
        return search_back(asked.since, known, project.compiled, project.profile)
    paths = asked.events or settings.sources.events
    if not paths:
        raise click.UsageError(
            "no events to read: name files or folders with --events, or under sources in "
            "sigma2hive.yml; or search Elasticsearch with --since"
        )
    options = source_options(settings, project.profile, sink_files(asked.sinks, Path.cwd()))
    sharing = Sharing(asked.processes or settings.sources.processes)
    return share_files(paths, options, matcher, sharing)


@contextmanager
def _delivery(
    project: Project, requests: list[SinkRequest], asked: _Asked, summary: Summary
) -> Iterator[tuple[tuple[Sink, ...], EpisodeStore | None]]:
    """Open what a run writes to; a dry run only finds out whether it could be."""
    state = project.settings.state
    naming = naming_of(project.mappings.alerts, is_new_wanted=asked.new_identity)
    naming.check(project.settings)
    if asked.dry_run:
        check_delivery(requests, state)
        yield (), None
        return
    with open_delivery(requests, state, summary.delivered) as (sinks, episodes):
        naming.remember(episodes)
        yield tuple(sinks), episodes


@contextmanager
def _progress(summary: Summary) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many events were read; elsewhere nothing."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return

    started, shown = time.monotonic(), 0

    def show(count: int) -> None:
        nonlocal shown
        if count - shown >= _PROGRESS_EVERY:
            shown = count
            rate = int(count / max(time.monotonic() - started, 0.001))
            alerts = summary.delivered.alerts
            tell(f"\r{count:,} events, {rate:,} a second, {alerts:,} alerts", ends_line=False)

    try:
        yield show
    finally:
        tell("\r\x1b[K", ends_line=False)


def _exit_code(report: Report, asked: _Asked) -> Exit:
    project, summary = report.project, report.summary
    if failed := summary.delivered.failed.values():
        passes = all(error.passes for error in failed)
        return Exit.UNREACHABLE if passes else Exit.CONFIGURATION
    if report.unsearched:
        return _unsearched_code(report.unsearched)
    if any(finding.code in NOT_READ for finding in (*project.findings, *summary.put_aside)):
        return Exit.CONFIGURATION
    if not project.compiled.rules:
        return Exit.CONFIGURATION
    left_out = project.findings.errors or summary.put_aside.found
    if asked.strict and (left_out or report.blindness.blind or summary.delivered.findings.found):
        return Exit.FINDINGS
    return Exit.FINE


def _unsearched_code(unsearched: Mapping[str, ServerError]) -> Exit:
    passing = any(error.passes for error in unsearched.values())
    return Exit.UNREACHABLE if passing else Exit.CONFIGURATION
