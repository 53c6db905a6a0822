"""`sigma2hive explain`: what each part of a rule saw in an event."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from sigma2hive.cli.columns import wrap
from sigma2hive.cli.exits import Exit, errors_as_exits, print_findings
from sigma2hive.cli.options import json_option, settings_option
from sigma2hive.cli.output import say, tell
from sigma2hive.cli.rendering import diagnostic_as_json
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.model.explanations import Explained, Part
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule
from sigma2hive.model.times import render_time
from sigma2hive.model.visible import visible
from sigma2hive.reports import Line, explanation_as_json, shown_value, tree_lines
from sigma2hive.repository import shown_path
from sigma2hive.workflows.explain import Explanation, explain_on, find_events, find_rules
from sigma2hive.workflows.project import Project, ProjectOptions, load_project

#: Events that are explained of one file.
MAX_EVENTS = 10

_MARKS = {True: "true   ", False: "false  ", None: "       "}
_STEP = "  "


@click.command()
@settings_option
@click.option(
    "--profile",
    metavar="NAME",
    help="Which fields the events have: winlogbeat, elastic-agent, ecs, windows-flat, "
    "or one of your own.",
)
@click.argument("rule")
@click.argument("event")
@json_option
def explain(
    settings_file: Path | None, profile: str | None, rule: str, event: str, as_json: bool
) -> None:
    """Show what each part of a rule's condition saw in an event, and whether it holds.

    RULE is a file, or the id, name or title of a rule. EVENT is a file of events, one line of it
    (FILE:7, in an .evtx file FILE#8123 by its record), or an alert in the inbox by its number or
    sourceRef. Of a correlation, the rules that it counts are explained.

    \b
    Example:
      sigma2hive explain sigma_rules/windows/posh_ps_download_and_run.yml logs/ps.ndjson:1
      sigma2hive explain win_failed_logon_with_address 9
    """
    with errors_as_exits():
        also = (Path(rule),) if Path(rule).is_file() else ()
        project = load_project(ProjectOptions(Path.cwd(), settings_file, (), profile, also))
        rules = _rules(project, rule)
        found = list(islice(find_events(project, event), MAX_EVENTS + 1))
        events = [entry for entry in found if isinstance(entry, Event)][:MAX_EVENTS]
        put_aside = [entry for entry in found if isinstance(entry, Diagnostic)]
        explained = [
            explanation
            for one in events
            for entry in rules
            for explanation in explain_on(project, entry, one)
        ]
    print_findings(put_aside, project.settings.root)
    if as_json:
        say(json.dumps(_as_json(project, explained, put_aside), indent=2))
    elif events:
        for line in _lines(explained):
            say(line)
    if not events:
        if not put_aside:
            tell(
                f"error: no event {visible(event)!r}: name a file, FILE:LINE, or an alert's number"
            )
        raise click.exceptions.Exit(Exit.CONFIGURATION)
    if len(found) > MAX_EVENTS:
        tell(f"only the first {MAX_EVENTS} events were looked at; FILE:LINE names one")


def _rules(project: Project, asked: str) -> list[CompiledRule | CompiledCorrelation]:
    """Return the rules that are meant, or end the command."""
    rules = find_rules(project, asked)
    if rules:
        of_file = [entry for entry in rules if isinstance(entry, CompiledCorrelation)]
        # The rules of a correlation's file are explained with it.
        counted = {rule_id for entry in of_file for rule_id in (*entry.rules, *entry.leaves)}
        return [entry for entry in rules if entry.info.id not in counted]
    path = shown_path(Path(asked), project.settings.root)
    findings = [entry for entry in project.findings if entry.location.path == path]
    print_findings(findings, project.settings.root)
    what = "cannot be used" if findings else "is not there: name its file, id, name or title"
    tell(f"error: the rule {visible(asked)!r} {what}")
    raise click.exceptions.Exit(Exit.CONFIGURATION)


def _as_json(
    project: Project, explained: Iterable[Explanation], put_aside: Iterable[Diagnostic]
) -> dict[str, Any]:
    return {
        "profile": project.profile.name,
        "explanations": [_one_as_json(entry) for entry in explained],
        "put_aside": [diagnostic_as_json(entry) for entry in put_aside],
    }


def _one_as_json(entry: Explanation) -> dict[str, Any]:
    said: dict[str, Any] = {
        "event": {"origin": entry.event.origin, "time": render_time(entry.event.time_ns)},
        "rule": explanation_as_json(entry.rule),
    }
    if entry.counted_by is not None:
        said["counted_by"] = {"id": entry.counted_by.id, "title": entry.counted_by.title}
        said["group_by"] = {
            name: {saw.path: list(saw.values) for saw in fields} for name, fields in entry.groups
        }
    return said


def _lines(explained: Iterable[Explanation]) -> Iterator[str]:
    for number, entry in enumerate(explained):
        if number:
            yield ""
        yield from _one(entry)


def _one(entry: Explanation) -> Iterator[str]:
    info = entry.rule.info
    yield from _labelled("rule", visible(info.title))
    yield from _labelled("", visible(f"{info.location.path}:{info.location.line} ({info.id})"))
    if entry.counted_by is not None:
        yield from _labelled("counts", f"for {visible(entry.counted_by.title)}")
    yield from _labelled("event", f"{visible(entry.event.origin)}")
    yield from _labelled("", render_time(entry.event.time_ns))
    yield from _labelled("result", "match" if entry.rule.holds else "no match")
    yield ""
    if entry.rule.gate.parts or entry.rule.gate.part is Part.TEST:
        for line in tree_lines(entry.rule.gate):
            yield from _wrapped(line)
    yield from _tree("condition", entry.rule.condition)
    for filtering in entry.rule.filters:
        yield from _tree(f"filter '{visible(filtering.info.title)}'", filtering.condition)
    for name, fields in entry.groups:
        values = [
            f"{visible(saw.path)} {', '.join(map(shown_value, saw.values))}"
            for saw in fields
            if saw.values
        ]
        text = "; ".join(values) or "nothing: it is not counted"
        yield from wrap(f"grouped by {visible(name)}: {text}", _MARKS[None], _MARKS[None] + _STEP)


def _labelled(label: str, text: str) -> Iterator[str]:
    return wrap(text, f"{label:<8}", " " * 8)


def _tree(label: str, explained: Explained) -> Iterator[str]:
    yield from wrap(label, _MARKS[explained.holds], " " * 9)
    for line in tree_lines(explained, 1):
        yield from _wrapped(line)


def _wrapped(line: Line) -> Iterator[str]:
    indent = _STEP * min(line.depth, 12)
    before = f"{_MARKS[line.holds]}{indent}"
    if line.holds is None:
        before += "= "
    return wrap(line.text, before, " " * (len(_MARKS[None]) + len(indent) + 2))
