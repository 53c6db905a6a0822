"""What `compile` does: every rule of a project written by a target into a folder.

Takes a `Project`, a target and a folder; gives what was written and what was left out. Never prints
and never asks a server.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sigma2hive.alerts.checks import read_custom
from sigma2hive.alerts.ruling import settings_of
from sigma2hive.compiler import (
    Artefact,
    Refusal,
    RuleAlerts,
    Target,
    alerting,
    configured,
    emit_all,
    gathered,
)
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import RuleInfo
from sigma2hive.workflows.artefacts import Changes, apply_changes, plan_changes
from sigma2hive.workflows.project import Project

#: Findings that say that a path which a person named is not there. Nothing is written then: all
#: that it used to hold would look left out.
NOT_THERE = frozenset({"S2H108"})


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the rules: `changes` is None where nothing was attempted."""

    changes: Changes | None
    findings: Diagnostics
    left_out: tuple[Location, ...]


@dataclass(frozen=True, slots=True)
class MadeArtefacts:
    """What a target, as the repository's settings want it, makes of all rules; writes nothing.

    `refusals` say what it cannot say, `left_out` where that stands.
    """

    target: Target
    artefacts: tuple[Artefact, ...]
    refusals: Diagnostics
    left_out: tuple[Location, ...]


def make_artefacts(project: Project, target: Target) -> MadeArtefacts:
    """Return what a folder of the target's is to hold.

    Raises:
        ConfigurationError: a setting of the target cannot be used.
    """
    target = configured(target, project.settings, project.profile)
    target = alerting(target, project.mappings, partial(_alerts_of, project.mappings))
    refusals = Diagnostics()
    left_out: list[Location] = []
    artefacts: list[Artefact] = []
    for info, made in emit_all(target, project.compiled):
        if isinstance(made, Refusal):
            refusals.found.extend(made.findings)
            if made.findings:
                left_out.append(info.location)
        else:
            artefacts.append(made)
    artefacts += gathered(target, tuple(artefacts))
    return MadeArtefacts(target, tuple(artefacts), refusals, tuple(left_out))


def write_target(project: Project, target: Target, folder: Path) -> Written:
    """Make `folder` hold an artefact for each rule and correlation, and none of ours besides.

    Where a path is not there, or no rule can be used, the folder stays as it is.

    Raises:
        ConfigurationError: the folder cannot be written, or holds something else in our place; a
            setting of the target cannot be used.
    """
    made = make_artefacts(project, target)
    findings = Diagnostics(list(project.findings))
    findings.extend(made.refusals)
    left_out = (*project.left_out, *made.left_out)
    is_there = not any(finding.code in NOT_THERE for finding in findings.errors)
    if not (is_there and project.compiled.rules):
        # Nobody means a folder of rules to become empty that way.
        return Written(None, findings, left_out)
    changes = plan_changes(folder, made.target, made.artefacts)
    apply_changes(folder, changes, made.artefacts)
    return Written(changes, findings, left_out)


def _alerts_of(mappings: Mappings, rule: RuleInfo, logsource: Logsource) -> RuleAlerts:
    custom = read_custom(rule, Diagnostics(), mappings.observables.data_types)
    return RuleAlerts(settings_of(rule, mappings, logsource), tuple(custom.observables))
