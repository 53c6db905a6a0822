"""`sigma2hive matches`: what the service has found, whatever became of it."""

from __future__ import annotations

import base64
import json
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from sigma2hive.cli.columns import wrap
from sigma2hive.cli.exits import errors_as_exits
from sigma2hive.cli.naming import Condition, check_fields, rules_named
from sigma2hive.cli.options import Moment, json_option, settings_option
from sigma2hive.cli.output import say, tell
from sigma2hive.model.service import Fate, MatchFilter, RecordedMatch
from sigma2hive.model.times import NANOSECONDS, moment_of, render_time
from sigma2hive.model.visible import visible
from sigma2hive.records import dataclass
from sigma2hive.runner.building import AlertMaker
from sigma2hive.runner.floods.groups import shown_group
from sigma2hive.runner.floods.quiet import is_meant
from sigma2hive.runner.store import open_state
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.workflows.project import Project, ProjectOptions, load_project

_NOTHING = "the service has not run here yet: `sigma2hive run` starts it"


@click.command()
@settings_option
@click.option("--rule", metavar="RULE", help="Only of this rule: its file, id, name or title.")
@click.option(
    "--fate",
    type=click.Choice([fate.value for fate in Fate]),
    help="Only those of which this became.",
)
@click.option(
    "--since",
    type=Moment(),
    metavar="TIME",
    help="Only those found since: 30m, 24h, 7d, or a date with or without a time of day.",
)
@click.option("--until", type=Moment(), metavar="TIME", help="Only those found before.")
@click.option(
    "--where",
    multiple=True,
    type=Condition(),
    metavar="FIELD=VALUE",
    help="Only of events with this value, in any letter case (repeatable: all must hold).",
)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), metavar="N")
@json_option
def matches(
    settings_file: Path | None,
    rule: str | None,
    fate: str | None,
    since: timedelta | int | None,
    until: timedelta | int | None,
    where: tuple[tuple[str, str], ...],
    limit: int,
    as_json: bool,
) -> None:
    """List what the service has found, the latest first, whatever became of it.

    Every match is kept until retention ends: those of alerts, those that a summary tells of, muted
    ones, those of rules in shadow. --json has the raw events.

    \b
    Example:
      sigma2hive matches --rule win_failed_logon --fate muted --since 24h
      sigma2hive matches --where user.name=anna --json
    """
    with errors_as_exits():
        project = load_project(ProjectOptions(Path.cwd(), settings_file))
        with open_state(project.settings) as store:
            if store is None:
                if as_json:
                    say("[]")
                tell(_NOTHING)
                return
            now_ns = time.time_ns()
            wanted = MatchFilter(
                fate=None if fate is None else Fate(fate),
                since_ns=_time_ns(since, now_ns),
                until_ns=_time_ns(until, now_ns),
            )
            found = _found(project, store, _Asked(rule, wanted, where, limit + 1))
    shown = found[:limit]
    titles = _titles(project)
    if as_json:
        say(json.dumps([_as_json(entry, titles) for entry in shown], indent=2))
    else:
        for entry in shown:
            for line in _lines(entry, titles):
                say(line)
    if len(found) > limit:
        tell(f"there are more; --limit {limit} shows the latest {limit}")
    if not found:
        tell("no matches")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for: a rule as it was typed, a filter, conditions and how many at most."""

    rule: str | None
    wanted: MatchFilter
    where: tuple[tuple[str, str], ...]
    limit: int


def _found(project: Project, store: StateStore, asked: _Asked) -> list[RecordedMatch]:
    found: list[RecordedMatch] = []
    for rule_id in _rule_ids(project, store, asked):
        wanted = replace(asked.wanted, rule_id=rule_id)
        if asked.where:
            found += _with_values(project, store, wanted, asked)
        else:
            found += store.find(wanted, asked.limit)
    found.sort(key=lambda entry: entry.found_ns, reverse=True)
    return found[: asked.limit]


def _with_values(
    project: Project, store: StateStore, wanted: MatchFilter, asked: _Asked
) -> list[RecordedMatch]:
    """Return the latest matches whose events have the values, by any name of their fields."""
    maker = AlertMaker(project.compiled, project.mappings, project.profile)
    latest = deque(
        (
            entry
            for entry in store.walk(wanted)
            if is_meant(entry.event, maker.facts_by_id(entry.rule_id), asked.where)
        ),
        maxlen=asked.limit,
    )
    return list(reversed(latest))


def _rule_ids(project: Project, store: StateStore, asked: _Asked) -> list[str]:
    """Return the ids that are meant; [""] is any. A rule that is gone is known by its id."""
    if asked.rule is None:
        return [""]
    if asked.rule.lower() in store.rules():
        return [asked.rule.lower()]
    rules = rules_named(project, asked.rule)
    for entry in rules:
        check_fields(project, entry, asked.where)
    return [entry.info.id for entry in rules]


def _time_ns(asked: timedelta | int | None, now_ns: int) -> int | None:
    if isinstance(asked, timedelta):
        return now_ns - int(asked.total_seconds()) * NANOSECONDS
    return asked


def _titles(project: Project) -> Mapping[str, str]:
    compiled = project.compiled
    infos = [entry.info for entry in compiled.rules]
    infos += [entry.info for entry in compiled.correlations]
    return {info.id: info.title for info in infos}


def _lines(entry: RecordedMatch, titles: Mapping[str, str]) -> Iterator[str]:
    head = f"{moment_of(entry.found_ns):%Y-%m-%d %H:%M:%S}  {entry.fate.value:11}  "
    title = titles.get(entry.rule_id, entry.rule_id)
    yield from wrap(visible(title), head, " " * len(head))
    group = shown_group(entry.grouped_by) if entry.grouped_by else ""
    text = f"{group}  {entry.event.origin or entry.index}".strip()
    yield from wrap(visible(text), "    ", "    ")


def _as_json(entry: RecordedMatch, titles: Mapping[str, str]) -> dict[str, Any]:
    event = entry.event
    said: dict[str, Any] = {
        "rule_id": entry.rule_id,
        "rule_title": titles.get(entry.rule_id, ""),
        "fate": entry.fate.value,
        "found": render_time(entry.found_ns),
        "group": json.loads(entry.grouped_by) if entry.grouped_by else [],
        "alert": None if entry.alert is None else dict(zip(_ALERT, entry.alert, strict=True)),
        "muted_by": entry.muted_by,
        "index": entry.index,
        "time": render_time(event.time_ns),
        "key": event.key.as_json(),
        "origin": event.origin,
    }
    try:
        said["raw"] = event.raw.decode("utf-8")
    except UnicodeDecodeError:
        said["raw_base64"] = base64.b64encode(event.raw).decode("ascii")
    return said


_ALERT = ("type", "source", "sourceRef")
