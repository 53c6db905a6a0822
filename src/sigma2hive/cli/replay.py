"""`sigma2hive replay`: look at dead letters, and let them be sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from sigma2hive.cli.columns import wrap
from sigma2hive.cli.exits import Exit, errors_as_exits
from sigma2hive.cli.options import json_option, settings_option
from sigma2hive.cli.output import say, tell
from sigma2hive.diagnostics import ConfigurationError, Diagnostics
from sigma2hive.model.service import Delivery
from sigma2hive.model.times import render_time, shown_time
from sigma2hive.model.visible import visible
from sigma2hive.runner.store import open_state
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.settings import Settings, load_settings
from sigma2hive.sinks import MIN_START

#: Dead letters that are looked through for a sourceRef.
_MOST = 100_000
_SHOWN = 100


@click.command()
@settings_option
@click.option("--sink", default="", metavar="SINK", help="Only those of this sink.")
@click.option("--all", "is_all", is_flag=True, help="Let all of them be sent again.")
@click.argument("source_refs", metavar="[SOURCE_REF]...", nargs=-1)
@json_option
def replay(
    settings_file: Path | None,
    sink: str,
    is_all: bool,
    source_refs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Let alerts that a sink refused for good be sent again; list them if none is named.

    An alert is named by its sourceRef, or the start of it. The service sends them, or has them sent
    when it is started again; it need not be stopped for this.

    \b
    Example:
      sigma2hive replay
      sigma2hive replay --sink thehive --all
      sigma2hive replay 4be1a7c20d93
    """
    if is_all and source_refs:
        raise click.UsageError("name alerts, or let --all be sent again, not both")
    with errors_as_exits(), open_state(_settings(settings_file)) as store:
        if store is None:
            say("[]" if as_json and not (is_all or source_refs) else _nothing(as_json))
            return
        if not is_all and not source_refs:
            _list(store.dead(sink, _SHOWN + 1), as_json=as_json)
            return
        code = _replay(store, sink, source_refs, as_json=as_json)
    raise click.exceptions.Exit(code)


def _settings(settings_file: Path | None) -> Settings:
    problems = Diagnostics()
    settings = load_settings(Path.cwd(), settings_file, problems)
    if problems.errors:
        raise ConfigurationError(problems, settings.root)
    return settings


def _replay(store: StateStore, sink: str, source_refs: Sequence[str], *, as_json: bool) -> Exit:
    if not source_refs:
        say(_counted(store.replay(sink), as_json))
        return Exit.FINE
    dead = store.dead(sink, _MOST)
    found = {ref: _named(ref, dead) for ref in source_refs}
    wrong = [ref for ref, identities in found.items() if len(identities) != 1]
    for ref in wrong:
        tell(f"error: {_problem(ref, len(found[ref]))}")
    if wrong:
        tell("  hint: `sigma2hive replay` lists them; nothing was changed")
        return Exit.FINDINGS
    identities = [identity for those in found.values() for identity in those]
    say(_counted(store.replay(sink, identities), as_json))
    return Exit.FINE


def _named(ref: str, dead: Sequence[Delivery]) -> set[tuple[str, str, str]]:
    """Return the alerts that are meant: of several sinks it is one alert."""
    return {
        entry.alert.identity
        for entry in dead
        if entry.alert.source_ref == ref
        or (len(ref) >= MIN_START and entry.alert.source_ref.startswith(ref))
    }


def _problem(ref: str, number: int) -> str:
    if number:
        return f"{number} dead letters begin with {ref!r}: give more of the sourceRef"
    if len(ref) < MIN_START:
        return f"{ref!r} is no sourceRef: give {MIN_START} characters of it, or more"
    return f"there is no dead letter {ref!r}"


def _list(dead: Sequence[Delivery], *, as_json: bool) -> None:
    shown, has_more = dead[:_SHOWN], len(dead) > _SHOWN
    if as_json:
        say(json.dumps([_as_json(entry) for entry in shown], indent=2))
        return
    for entry in shown:
        for line in _lines(entry):
            say(line)
    if has_more:
        tell(f"there are more; these are the latest {_SHOWN}")
    if not shown:
        tell("no dead letters")


def _lines(entry: Delivery) -> Iterator[str]:
    yield from wrap(visible(entry.alert.title), f"{entry.alert.source_ref[:12]}  ", " " * 14)
    yield from wrap(
        f"{visible(entry.sink)}, queued {shown_time(entry.queued_ns)}: {visible(entry.reason)}",
        *(" " * 14, " " * 16),
    )


def _as_json(entry: Delivery) -> dict[str, object]:
    return {
        "sink": entry.sink,
        "sourceRef": entry.alert.source_ref,
        "rule_id": entry.alert.rule_id,
        "title": entry.alert.title,
        "severity": entry.alert.severity,
        "queued": render_time(entry.queued_ns),
        "attempts": entry.attempts,
        "reason": entry.reason,
    }


def _counted(number: int, as_json: bool) -> str:
    if as_json:
        return json.dumps({"replayed": number})
    return f"{number:,} {'waits' if number == 1 else 'wait'} to be sent again"


def _nothing(as_json: bool) -> str:
    return json.dumps({"replayed": 0}) if as_json else "the service has not run here yet"
