"""`sigma2hive inbox`: look at the alerts that a run put into the inbox."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import click

from sigma2hive.cli.alert_view import alert_view, raw_logs, summary_rows
from sigma2hive.cli.exits import Exit, errors_as_exits
from sigma2hive.cli.options import Command, json_option, settings_option
from sigma2hive.diagnostics import ConfigurationError, Diagnostics
from sigma2hive.model.times import render_time
from sigma2hive.settings import load_settings
from sigma2hive.sinks import DEFAULT_INBOX, AlertFilter, AlertSummary, Inbox
from sigma2hive.sinks.lines import render_line


@click.group()
def inbox() -> None:
    """Alerts that were put into the inbox, a local SQLite file."""


def _inbox_option(command: Command) -> Command:
    return click.option(
        "--inbox",
        "file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Inbox file; by default inbox.db in the settings' state folder.",
    )(command)


@inbox.command("list")
@settings_option
@_inbox_option
@click.option("--rule", "rule_id", default="", metavar="ID", help="Only alerts of this rule.")
@click.option("--title", default="", metavar="TEXT", help="Only titles with this part.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), metavar="N")
@json_option
def list_alerts(
    settings_file: Path | None,
    file: Path | None,
    rule_id: str,
    title: str,
    limit: int,
    as_json: bool,
) -> None:
    """List alerts, the latest first.

    \b
    Example:
      sigma2hive inbox list --title powershell
    """
    with errors_as_exits(), _opened(settings_file, file) as store:
        filters = AlertFilter(rule_id=rule_id, title=title)
        summaries = store.list_alerts(limit + 1, filters)
    shown, more = summaries[:limit], len(summaries) > limit
    if as_json:
        click.echo(json.dumps([_as_json(entry) for entry in shown], indent=2))
        return
    for line in summary_rows(shown):
        click.echo(line)
    if more:
        click.echo(f"there are more; --limit {limit} shows the latest {limit}", err=True)
    if not shown:
        click.echo("no alerts", err=True)


@inbox.command()
@settings_option
@_inbox_option
@click.argument("reference", metavar="NUMBER|SOURCEREF")
@click.option("--raw", is_flag=True, help="Print only the raw logs, byte for byte, one a line.")
@json_option
def show(
    settings_file: Path | None, file: Path | None, reference: str, raw: bool, as_json: bool
) -> None:
    """Show one alert as an analyst sees it, by its number or the start of its sourceRef.

    \b
    Example:
      sigma2hive inbox show 3
      sigma2hive inbox show 3 --raw | jq .
    """
    with errors_as_exits(), _opened(settings_file, file) as store:
        stored = store.load_alert(reference)
    if stored is None:
        click.echo(f"error: no alert {reference!r} in the inbox; see `inbox list`", err=True)
        raise click.exceptions.Exit(Exit.FINDINGS)
    if raw:
        click.echo(raw_logs(stored.alert), nl=False)
    elif as_json:
        click.echo(render_line(stored.alert))
    else:
        for line in alert_view(stored):
            click.echo(line)


def _opened(settings_file: Path | None, file: Path | None) -> closing[Inbox]:
    if file is None:
        problems = Diagnostics()
        settings = load_settings(Path.cwd(), settings_file, problems)
        if problems.errors:
            raise ConfigurationError(problems, settings.root)
        file = settings.state / DEFAULT_INBOX.name
    return closing(Inbox(file, create=False))


def _as_json(entry: AlertSummary) -> dict[str, object]:
    return {
        "number": entry.number,
        "sourceRef": entry.source_ref,
        "rule_id": entry.rule_id,
        "title": entry.title,
        "severity": entry.severity,
        "date": render_time(entry.date_ns),
        "events": entry.events,
    }
