"""What rules make of an event, part by part.

Takes a `Project`, which rule is meant and which events; gives explanations. A correlation is
explained by the rules that it counts, and by the values that it would group the event by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.engine import explain, explain_rule
from sigma2hive.model.events import Event
from sigma2hive.model.explanations import ExplainedFilter, ExplainedRule, Saw
from sigma2hive.model.fields import Field
from sigma2hive.model.folding import fold
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule, RuleInfo
from sigma2hive.records import dataclass
from sigma2hive.repository import shown_path
from sigma2hive.sinks import DEFAULT_INBOX, Inbox
from sigma2hive.sources import Limits, Piece, SourceOptions, read_event, read_events
from sigma2hive.workflows.project import Project

_PLACED = re.compile(r"(?P<path>.+)(?P<place>[:#][0-9]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one rule makes of one event.

    `counted_by` is the correlation that was asked for, None where it was the rule itself; `groups`
    are its grouping fields with the values that the event has there.
    """

    event: Event
    rule: ExplainedRule
    counted_by: RuleInfo | None = None
    groups: tuple[tuple[str, tuple[Saw, ...]], ...] = ()


def source_options(project: Project) -> SourceOptions:
    """Return how the project reads events."""
    limits = project.settings.limits
    return SourceOptions(
        flavour=project.profile.windows_events,
        root=project.settings.root,
        limits=Limits(limits.max_event_bytes, limits.max_event_fields),
        time_fields=project.profile.time_fields,
    )


def find_rules(project: Project, asked: str) -> list[CompiledRule | CompiledCorrelation]:
    """Return the rules that are meant: those of a file, or by id, name or title in any case."""
    path = shown_path(Path(asked), project.settings.root)
    wanted = fold(asked)
    every: list[CompiledRule | CompiledCorrelation] = [*project.compiled.rules]
    every += project.compiled.correlations
    of_file = [entry for entry in every if entry.info.location.path == path]
    named = [
        entry
        for entry in every
        if wanted in (fold(entry.info.id), fold(entry.info.name), fold(entry.info.title))
    ]
    return of_file or named


def find_events(project: Project, asked: str) -> Iterator[Event | Diagnostic]:
    """Yield the events that are meant: of a file, of `FILE:LINE` or `FILE#RECORD`, of an alert.

    An alert of the inbox is meant by its number or the start of its sourceRef.

    Raises:
        SinkError: the inbox cannot be read, or several alerts may be meant.
    """
    options = source_options(project)
    path = Path(asked)
    placed = _PLACED.fullmatch(asked)
    if path.exists():
        yield from read_events([path], options)
    elif placed is not None and Path(placed["path"]).exists():
        for entry in read_events([Path(placed["path"])], options):
            if _is_at(placed["place"], entry):
                yield entry
    else:
        yield from _events_of_alert(project, asked)


def _is_at(place: str, entry: Event | Diagnostic) -> bool:
    """Whether it is about that line or record; a finding without a line is about the file."""
    if isinstance(entry, Event):
        return entry.origin.endswith(place)
    line = entry.location.line
    return not line or place == f":{line}"


def explain_on(
    project: Project, rule: CompiledRule | CompiledCorrelation, event: Event
) -> Iterator[Explanation]:
    """Yield what the rule makes of the event; of a correlation, what each rule that it counts."""
    if isinstance(rule, CompiledRule):
        yield Explanation(event, explain_rule(rule, event.values))
        return
    for base in _base_rules(project, rule):
        explained = explain_rule(base, event.values)
        only = tuple(
            ExplainedFilter(entry.info, explain(entry.condition, event.values))
            for entry in rule.only.get(base.info.id, ())
        )
        explained = ExplainedRule(
            explained.info, explained.gate, explained.condition, (*explained.filters, *only)
        )
        groups = tuple(
            (name, tuple(Saw(field.path, field.values_of(event.values)) for field in fields))
            for name, fields in _grouped_by(rule, base.info.id)
        )
        yield Explanation(event, explained, rule.info, groups)


def _base_rules(project: Project, correlation: CompiledCorrelation) -> Iterator[CompiledRule]:
    rules = {rule.info.id: rule for rule in project.compiled.rules}
    for rule_id in correlation.leaves:
        yield rules[rule_id]


def _grouped_by(
    correlation: CompiledCorrelation, rule_id: str
) -> Iterator[tuple[str, tuple[Field, ...]]]:
    """Yield each grouping name with the fields that it is read from in events of a rule."""
    for name, by_rule in correlation.group_by:
        below = (inner.fields.get(name, {}) for inner in correlation.chained.values())
        found = [entry[rule_id] for entry in (by_rule, *below) if rule_id in entry]
        if found:
            yield name, found[0]


def _events_of_alert(project: Project, reference: str) -> Iterator[Event | Diagnostic]:
    file = project.settings.state / DEFAULT_INBOX.name
    if not file.is_file():
        return
    with closing(Inbox(file, read_only=True)) as inbox:
        stored = inbox.load_alert(reference)
    options = source_options(project)
    for event in stored.alert.events if stored is not None else ():
        yield read_event(Piece(event.raw, event.origin, event.time_ns), options)
