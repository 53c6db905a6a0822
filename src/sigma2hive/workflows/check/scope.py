"""What a change touches: the files that changed, and those that mean something else by it.

Takes a project and the paths that changed; gives the findings that a change may have caused. More
is said rather than less: a mapping, a profile or a setting touches everything.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.model.rule_tests import RuleTest
from sigma2hive.model.rules import FilterRule, RuleInfo
from sigma2hive.repository import shown_path
from sigma2hive.workflows.project import Project
from sigma2hive.workflows.testing import tests_of

#: Findings that a change of one file brings about in another: ids, titles and names that several
#: files share or miss, and artefacts.
_ELSEWHERE = frozenset(
    {"S2H110", "S2H208", "S2H209", "S2H210", "S2H216", "S2H217", "S2H221", "S2H108"}
)


def within(
    findings: Iterable[Diagnostic], project: Project, changed: frozenset[Path]
) -> list[Diagnostic]:
    """Return the findings that the changed files may have caused."""
    if not changed:
        return []
    if _touches_all(project, changed):
        return list(findings)
    root = project.settings.root
    paths = touched_paths(project, frozenset(shown_path(path, root) for path in changed))
    return [
        finding
        for finding in findings
        if finding.location.path in paths or finding.code in _ELSEWHERE
    ]


def _touches_all(project: Project, changed: frozenset[Path]) -> bool:
    settings = project.settings
    roots = [settings.mappings, *(path for path in (settings.placeholders, settings.file) if path)]
    whole = {(settings.root / path).resolve() for path in roots}
    return any(path in whole or not whole.isdisjoint(path.parents) for path in changed)


def touched_paths(project: Project, changed: frozenset[str]) -> frozenset[str]:
    """Return the shown paths of what changed, and of all that depends on it."""
    repository = project.repository
    infos = [*repository.alerting, *(entry.info for entry in repository.filters)]
    refused = [entry.info for entry in repository.refused]
    touched = {info.id: info for info in (*infos, *refused) if info.location.path in changed}
    # A filter decides what its rules find, a correlation whether its rules are heard.
    for entry in repository.filters:
        if entry.info.id in touched:
            touched |= {rule.id: rule for rule in _filtered(entry, project)}
    counting = [(entry.info, entry.rules) for entry in repository.correlations]
    counting += [(entry.info, entry.rules) for entry in repository.refused]
    for counter, rules in counting:
        if counter.id in touched:
            touched |= {info.id: info for info in infos if _is_named(info, set(rules))}
    _add_referring(project, touched)
    paths = {info.location.path for info in touched.values()} | changed
    for test in tests_of(project, (), Diagnostics()):
        if test.rule_id in touched or _is_touched(test, changed, project):
            paths.add(test.location.path)
    return frozenset(paths)


def _add_referring(project: Project, touched: dict[str, RuleInfo]) -> None:
    """Add what refers to anything that is touched, and what refers to that."""
    repository = project.repository
    referring = [
        *((entry.info, entry.rules) for entry in repository.correlations),
        *((entry.info, entry.rules) for entry in repository.refused),
        *((entry.info, entry.rules or ()) for entry in repository.filters),
    ]
    is_growing = True
    while is_growing:
        names = {name for info in touched.values() for name in (info.id, info.name) if name}
        found = {
            info.id: info
            for info, rules in referring
            if info.id not in touched and not names.isdisjoint(rules)
        }
        touched |= found
        is_growing = bool(found)


def _filtered(entry: FilterRule, project: Project) -> Iterable[RuleInfo]:
    for rule in project.repository.rules:
        if entry.rules is None:
            if entry.logsource.covers(rule.logsource):
                yield rule.info
        elif _is_named(rule.info, set(entry.rules)):
            yield rule.info


def _is_named(info: RuleInfo, names: set[str]) -> bool:
    return info.id in names or (bool(info.name) and info.name in names)


def _is_touched(test: RuleTest, changed: frozenset[str], project: Project) -> bool:
    paths = (sample.path for sample in test.samples if sample.path is not None)
    files = (Path(os.path.normpath(path)) for path in paths)
    root = project.settings.root
    return test.location.path in changed or any(shown_path(file, root) in changed for file in files)
