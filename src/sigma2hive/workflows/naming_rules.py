"""Rules and fields as people name them on a command line.

Takes a project and what was typed; gives rules, or what is nearest to a name that is none.
"""

from __future__ import annotations

from sigma2hive.alerts import KnownFields
from sigma2hive.diagnostics import nearest
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule
from sigma2hive.workflows.project import Project


def nearest_rule(project: Project, asked: str) -> str:
    """Return the hint for a rule that is not there."""
    compiled = project.compiled
    infos = [entry.info for entry in compiled.rules]
    infos += [entry.info for entry in compiled.correlations]
    names = [name for info in infos for name in (info.name, info.title, info.id) if name]
    return nearest(asked, names, "name its file, id, name or title")


def unknown_field(project: Project, rule: CompiledRule | CompiledCorrelation, name: str) -> str:
    """Return the hint for a field that no event of a rule is known to have; "" for one that is."""
    rules = project.compiled.by_id()
    leaves = rule.leaves if isinstance(rule, CompiledCorrelation) else (rule.info.id,)
    logsources = dict.fromkeys(rules[rule_id].logsource for rule_id in leaves)
    places = [
        place(logsource)
        for logsource in logsources
        for place in (project.profile.place, project.profile.alert_place)
    ]
    asked = {field for rule_id in leaves for field in rules[rule_id].fields}
    if isinstance(rule, CompiledCorrelation):
        asked.update(name for name, _ in (*rule.group_by, *rule.values))
    known = KnownFields(tuple(place for place in places if place is not None), frozenset(asked))
    return known.unknown(name)
