"""`sigma2hive run`: read events, match all rules, deliver the alerts."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from sigma2hive.cli.blindness import blindness_as_json, print_blindness
from sigma2hive.cli.exits import Exit, errors_as_exits, print_findings
from sigma2hive.cli.options import Span, json_option, project_options
from sigma2hive.cli.run_report import Report, alert_as_json, alert_line
from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.clients.errors import ServerError
from sigma2hive.compiler import Blindness, find_blindness
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.matching import Candidate
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.runner.querying import Search, Window
from sigma2hive.runner.state import DEFAULT_STATE, EpisodeStore
from sigma2hive.settings import Settings
from sigma2hive.sinks import Sink, SinkRequest, check_sink, open_sink
from sigma2hive.sources import Limits, SourceOptions, read_events
from sigma2hive.workflows.project import Project, ProjectOptions, load_project

_PROGRESS_EVERY = 1_000
#: Findings that say that something a person named was not read at all.
_NOT_READ = frozenset({"S2H505", "S2H108"})


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for beyond the repository."""

    events: tuple[Path, ...]
    since: timedelta | None
    sinks: tuple[str, ...]
    dry_run: bool
    as_json: bool
    strict: bool

    @property
    def to_stderr(self) -> bool:
        """Whether stdout belongs to a program: text for people then goes to stderr."""
        return self.as_json or (not self.dry_run and "jsonl:-" in self.sinks)


@click.command()
@project_options
@click.option("--once", is_flag=True, help="One pass over the events, then end.")
@click.option(
    "--events",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Event file or folder: NDJSON (also .gz), JSON arrays, .evtx (repeatable).",
)
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
    help="Where alerts go: inbox, inbox:FILE, jsonl:FILE or jsonl:- (repeatable).",
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

    Events come from files, or with --since from the Elasticsearch that the settings name.
    Alerts go to the inbox (a local file) unless --sink or the settings say otherwise; nothing is
    sent to any server.

    \b
    Example:
      sigma2hive run --once --events examples/attack-story
      sigma2hive run --once --events logs/ --rules sigma_rules/windows --profile winlogbeat \\
        --sink jsonl:alerts.jsonl
      sigma2hive run --once --since 24h --dry-run
    """
    if not once:
        raise click.UsageError("only single passes work so far: add --once")
    with errors_as_exits():
        options = ProjectOptions(Path.cwd(), settings_file, rules, profile)
        project = load_project(options)
        code = _run(project, _Asked(**asked))  # type: ignore[arg-type]  # click fills the names
    raise click.exceptions.Exit(code)


def _run(project: Project, asked: _Asked) -> Exit:
    with ExitStack() as stack:
        found, unsearched = _source(project, asked, stack)
        print_findings(project.findings, project.settings.root)
        blindness = _blindness(project, asked)
        summary = Summary()
        raised: list[dict[str, object]] = []
        with _opened(project, asked) as (sinks, episodes), _progress(summary) as progress:
            work = Pass(
                compiled=project.compiled,
                mappings=project.mappings,
                sinks=sinks,
                episodes=episodes,
                unsearched=unsearched,
                progress=progress,
                profile=project.profile,
            )
            for alert in run_pass(work, found, summary):
                if asked.as_json:
                    raised.append(alert_as_json(alert))
                else:
                    click.echo(alert_line(alert), err=asked.to_stderr)
    report = Report(project, summary, asked.dry_run, unsearched)
    if asked.as_json:
        content = {**report.as_json(raised), "blindness": blindness_as_json(blindness)}
        click.echo(json.dumps(content, indent=2))
    else:
        print_findings(report.shown_put_aside(), project.settings.root)
        click.echo("\n".join(report.lines()), err=asked.to_stderr)
    code = _exit_code(project, summary, unsearched, asked)
    return Exit.FINDINGS if asked.strict and blindness.blind and code is Exit.FINE else code


def _blindness(project: Project, asked: _Asked) -> Blindness:
    """Tell where rules are blind on indices that are to be searched; files hold what they hold."""
    if asked.since is None:
        return Blindness()
    seen = find_blindness(project.compiled.rules, project.profile)
    print_blindness(seen, project.settings.root)
    project.findings.extend(seen.findings)
    return seen


def _source(
    project: Project, asked: _Asked, stack: ExitStack
) -> tuple[Iterable[Event | Candidate | Diagnostic], Mapping[str, ServerError]]:
    """Return what to look at, and where the rules will be that cannot be searched."""
    if asked.since is not None:
        if asked.events:
            raise click.UsageError("--since searches Elasticsearch: leave --events out")
        if not project.settings.elasticsearch.urls:
            raise click.UsageError(
                "no Elasticsearch to search: name it under elasticsearch in sigma2hive.yml, or in "
                "SIGMA2HIVE_ELASTICSEARCH_URLS"
            )
        client = stack.enter_context(open_client(project.settings.elasticsearch))
        end_ns = time.time_ns()
        window = Window(end_ns - int(asked.since.total_seconds()) * NANOSECONDS, end_ns)
        search = Search(client, project.compiled.rules, window)
        return search, search.failures
    paths = asked.events or project.settings.sources.events
    if not paths:
        raise click.UsageError(
            "no events to read: name files or folders with --events, or under sources in "
            "sigma2hive.yml; or search Elasticsearch with --since"
        )
    return read_events(paths, _source_options(project)), {}


def _source_options(project: Project) -> SourceOptions:
    limits = project.settings.limits
    return SourceOptions(
        flavour=project.profile.windows_events,
        root=project.settings.root,
        limits=Limits(limits.max_event_bytes, limits.max_event_fields),
    )


@contextmanager
def _opened(
    project: Project, asked: _Asked
) -> Iterator[tuple[Sequence[Sink], EpisodeStore | None]]:
    """Open what a run writes to; a dry run opens nothing, and an error leaves nothing half."""
    if asked.dry_run:
        yield (), None
        return
    settings = project.settings
    with ExitStack() as stack:
        sinks: list[Sink] = []
        stack.push(lambda kind, *_: _finish(sinks, failed=kind is not None))
        requests = _requests(asked, settings)
        for request in requests:
            check_sink(request)
        for request in requests:
            sinks.append(open_sink(request))
        episodes = stack.enter_context(EpisodeStore(settings.state / DEFAULT_STATE.name))
        yield sinks, episodes


def _requests(asked: _Asked, settings: Settings) -> list[SinkRequest]:
    # A path on the command line counts from where the person stands.
    folder = Path.cwd() if asked.sinks else settings.root
    specs = dict.fromkeys(asked.sinks or settings.sinks)
    return [SinkRequest(spec, folder, settings.state) for spec in specs]


def _finish(sinks: Sequence[Sink], *, failed: bool) -> bool:
    for sink in sinks:
        if failed:
            sink.discard()
        else:
            sink.close()
    return False


@contextmanager
def _progress(summary: Summary) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many events were read; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return

    def show(count: int) -> None:
        if count % _PROGRESS_EVERY == 0:
            click.echo(f"\r{count:,} events, {summary.alerts:,} alerts", nl=False, err=True)

    try:
        yield show
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


def _exit_code(
    project: Project, summary: Summary, unsearched: Mapping[str, ServerError], asked: _Asked
) -> Exit:
    if unsearched:
        passing = any(error.passes for error in unsearched.values())
        return Exit.UNREACHABLE if passing else Exit.CONFIGURATION
    if any(finding.code in _NOT_READ for finding in (*project.findings, *summary.put_aside)):
        return Exit.CONFIGURATION
    if not project.compiled.rules:
        return Exit.CONFIGURATION
    if asked.strict and (project.findings.errors or summary.put_aside.errors):
        return Exit.FINDINGS
    return Exit.FINE
