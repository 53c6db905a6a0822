"""A Sigma filter for what makes a rule noisy, made of the values that most of its alerts share.

Takes tallies; gives filter documents as an alert offers them for muting, and the project with them
among its rules, read as if somebody had saved them there.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sigma2hive.alerts import AlertContext, Facts, filter_document, mute_selection
from sigma2hive.model.folding import fold
from sigma2hive.model.matches import Match
from sigma2hive.model.rules import Compiled, CompiledRule
from sigma2hive.records import dataclass
from sigma2hive.workflows.backtest.sides import Episode, asked_positively
from sigma2hive.workflows.backtest.tallies import RuleTally
from sigma2hive.workflows.project import Project, ProjectOptions, load_project

#: A rule with fewer alerts is not noisy, whatever they share.
LEAST_ALERTS = 5
#: The share of a rule's alerts that a filter must take away to be worth it.
_LEAST_SHARE = 0.25
#: What goes along with the most frequent value, in so much of its alerts, narrows the filter.
_GOES_ALONG = 0.9

_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A filter for a rule, not tried yet."""

    rule_id: str
    selection: tuple[tuple[str, str], ...]
    document: str


def propose_for_rule(
    rule: CompiledRule, tally: RuleTally, context: AlertContext
) -> Proposal | None:
    """Return a filter for a rule of single events; None where its alerts share too little."""
    if rule.silent or tally.hits < LEAST_ALERTS:
        return None
    choices = [
        (json.loads(shown), tally.choices.counts[key]) for key, shown in tally.choices.shown.items()
    ]
    fixed = {
        name
        for choice, _ in choices
        for name in choice
        if _names_of(name, context) & asked_positively(rule.unfiltered)
    }
    selection = _choose(choices, fixed, tally.hits)
    return _proposal(
        rule.info.id, selection, filter_document(rule.info, context.logsource, selection)
    )


def propose_for_correlation(episodes: Sequence[Episode], context: AlertContext) -> Proposal | None:
    """Return a filter for the most frequent group of a correlation."""
    if len(episodes) < LEAST_ALERTS:
        return None
    counts = Counter(entry.firing.stored.group for entry in episodes)
    group, count = counts.most_common(1)[0]
    if count < _LEAST_SHARE * len(episodes):
        return None
    one = next(entry for entry in episodes if entry.firing.stored.group == group)
    info = one.correlation.info
    match = Match(info, one.firing.events, None, group=one.firing.shown)
    selection = mute_selection(Facts(match, context), ()) if one.firing.shown else {}
    return _proposal(info.id, selection, filter_document(info, context.logsource, selection))


def _proposal(rule_id: str, selection: Mapping[str, str], document: str) -> Proposal | None:
    return Proposal(rule_id, tuple(selection.items()), document) if document else None


def _names_of(name: str, context: AlertContext) -> set[str]:
    """Return a field's name, and the paths that it stands for."""
    places = context.lookup.places[:1]
    return {name, *(entry.path for place in places for entry in place.resolve(name))}


def _choose(
    choices: Sequence[tuple[dict[str, str], int]], fixed: set[str], hits: int
) -> dict[str, str]:
    """Return the most frequent value, with all that nearly always goes along with it.

    What the rule itself asks for is no way to tell its alerts apart, but may go along. A value that
    every hit has is taken only where there is no other: it would take the whole rule away.
    """
    pairs = [{(name, fold(value)) for name, value in choice.items()} for choice, _ in choices]
    counts: Counter[_Pair] = Counter()
    for found, (_, count) in zip(pairs, choices, strict=True):
        counts.update(dict.fromkeys(found, count))
    starts = [
        (count < hits, count, pair)
        for pair, count in counts.items()
        if pair[0] not in fixed and count >= _LEAST_SHARE * hits
    ]
    if not starts:
        return {}
    _, count, start = max(starts)
    chosen = {start}
    while True:
        along: Counter[_Pair] = Counter()
        for found, (_, number) in zip(pairs, choices, strict=True):
            if chosen <= found:
                along.update(dict.fromkeys(found - chosen, number))
        enough = [(number, pair) for pair, number in along.items() if number >= _GOES_ALONG * count]
        if not enough:
            break
        chosen.add(max(enough)[1])
    spelled = next(
        choice for found, (choice, _) in zip(pairs, choices, strict=True) if chosen <= found
    )
    return {name: value for name, value in spelled.items() if (name, fold(value)) in chosen}


@contextmanager
def project_with(
    proposals: Sequence[Proposal], compiled: Compiled, project: Project, options: ProjectOptions
) -> Iterator[Project]:
    """Give the project with these filters saved among its rules; of the rules only `compiled`.

    To read all of them again would cost more than to look at the events.
    """
    with tempfile.TemporaryDirectory(prefix="sigma2hive-") as folder:
        for number, proposal in enumerate(proposals):
            file = Path(folder) / f"suggested_{number}.yml"
            file.write_text(proposal.document + "\n", encoding="utf-8")
        rules = (*_files_of(compiled, project.settings.root), Path(folder))
        yield load_project(replace(options, rules=rules))


def _files_of(compiled: Compiled, root: Path) -> list[Path]:
    """Return the files of some rules, and of the filters that they have."""
    infos = [rule.info for rule in compiled.rules]
    infos += [correlation.info for correlation in compiled.correlations]
    for rule in compiled.rules:
        infos += [entry.info for entry in rule.filters]
    for correlation in compiled.correlations:
        infos += [entry.info for found in correlation.only.values() for entry in found]
    shown = dict.fromkeys(info.location.path for info in infos)
    # A place is from the root, or where it lies outside as typed.
    return [root / path if (root / path).exists() else Path.cwd() / path for path in shown]
