"""Which other profile has a place for a log source that the chosen one has none for.

Takes a `Project` and findings; gives the findings with better hints. Reads profiles only where one
is needed, since each costs as much as a hundred rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.profiles import Profile
from sigma2hive.repository import SCHEMAS_FOLDER
from sigma2hive.schema import known_profiles, load_profile
from sigma2hive.workflows.project import Project

_CODE = "S2H404"


def with_other_profiles(project: Project, findings: Diagnostics) -> None:
    """Say in hints which profiles have a place for a log source."""
    unplaced = {
        rule.logsource_place: rule.logsource
        for rule in project.repository.rules
        if project.profile.place(rule.logsource) is None
    }
    if not unplaced:
        return
    others = list(_others(project))
    for number, finding in enumerate(findings.found):
        if finding.code == _CODE and finding.location in unplaced:
            source = unplaced[finding.location]
            if names := [other.name for other in others if other.place(source) is not None]:
                hint = f"take a profile that has one, {' or '.join(names)}; or {finding.hint}"
                findings.found[number] = replace(finding, hint=hint)


def _others(project: Project) -> Iterator[Profile]:
    own = project.settings.mappings / SCHEMAS_FOLDER
    for name in known_profiles(own):
        # What is wrong with a profile that nobody asked for is no finding here.
        other = load_profile(name, own, Diagnostics())
        if other is not None and name != project.profile.name:
            yield other
