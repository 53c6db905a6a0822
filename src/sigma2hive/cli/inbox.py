"""`sigma2hive inbox`: look at the alerts that a run put into the inbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from sigma2hive.cli.alert_view import alert_view, raw_logs, summary_rows
from sigma2hive.cli.columns import wrap
from sigma2hive.cli.exits import Exit, errors_as_exits
from sigma2hive.cli.options import Command, NamedPath, json_option, settings_option
from sigma2hive.cli.output import say, say_bytes, tell
from sigma2hive.diagnostics import ConfigurationError, Diagnostics
from sigma2hive.model.times import render_time
from sigma2hive.model.visible import visible
from sigma2hive.settings import load_settings
from sigma2hive.sinks import (
    DEFAULT_INBOX,
    MIN_START,
    AlertFilter,
    AlertSummary,
    AmbiguousError,
    Inbox,
    StoredAlert,
)
from sigma2hive.sinks.lines import render_line

_NO_INBOX = "no inbox yet: `sigma2hive run --once --events PATH` makes one and fills it"


@click.group()
def inbox() -> None:
    """Alerts that were put into the inbox, a local SQLite file."""


def _inbox_option(command: Command) -> Command:
    return click.option(
        "--inbox",
        "file",
        type=NamedPath(path_type=Path),
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
        summaries = store.list_alerts(limit + 1, filters) if store else []
    shown, more = summaries[:limit], len(summaries) > limit
    if as_json:
        say(json.dumps([_as_json(entry) for entry in shown], indent=2))
        return
    for line in summary_rows(shown):
        say(line)
    if more:
        tell(f"there are more; --limit {limit} shows the latest {limit}")
    if not shown:
        tell("no alerts" if store else _NO_INBOX)


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
        stored = _load(store, reference)
    if raw:
        say_bytes(raw_logs(stored.alert))
    elif as_json:
        say(render_line(stored.alert))
    else:
        for line in alert_view(stored):
            say(line)


def _load(store: Inbox | None, reference: str) -> StoredAlert:
    """Return the alert that is meant, or end the command where that is not one."""
    try:
        stored = store.load_alert(reference) if store else None
    except AmbiguousError as error:
        tell(f"error: {visible(str(error))}; give more of the sourceRef, or a number:")
        for number, title in error.candidates:
            for line in wrap(visible(title), f"{number:>6}  ", " " * 8):
                tell(line)
        raise click.exceptions.Exit(Exit.FINDINGS) from None
    if stored is None:
        hint = f"give a number of `inbox list`, or {MIN_START} characters or more of a sourceRef"
        tell(f"error: no alert {reference!r} in the inbox\n  hint: {hint}" if store else _NO_INBOX)
        raise click.exceptions.Exit(Exit.FINDINGS)
    return stored


@contextmanager
def _opened(settings_file: Path | None, file: Path | None) -> Iterator[Inbox | None]:
    """Open the inbox to be read; None where no run has made the settings' one yet."""
    if file is None:
        problems = Diagnostics()
        settings = load_settings(Path.cwd(), settings_file, problems)
        if problems.errors:
            raise ConfigurationError(problems, settings.root)
        file = settings.state / DEFAULT_INBOX.name
        if _is_absent(file):
            yield None
            return
    with closing(Inbox(file, read_only=True)) as store:
        yield store


def _is_absent(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:  # opening it says what is wrong
        return False
    return False


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
