"""Whether the snapshots of a cluster's fields still say what is there.

Takes a `Project`, and with `--elasticsearch` the cluster of its settings; gives findings. Reads no
document and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.clock import today
from sigma2hive.compiler import compile_all, find_blindness
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.profiles import Profile
from sigma2hive.model.snapshots import Snapshot
from sigma2hive.workflows.project import Project
from sigma2hive.workflows.schema_pull import Change, compare, pull_snapshots

_PULL = "run `sigma2hive schema pull`, look at the difference, and commit it"
#: Lines that a finding quotes of a difference.
_SHOWN = 3


def find_old(project: Project, findings: Diagnostics) -> None:
    """Warn of snapshots that were pulled too long ago."""
    most = project.settings.elasticsearch.snapshot_days
    for entry in project.profile.snapshots:
        if entry.pulled is None:
            age = "does not say when it was pulled"
        elif (days := (today() - entry.pulled).days) >= most:
            age = f"was pulled {days:,} days ago"
        else:
            continue
        message = f"the snapshot of {entry.pattern} {age}: the cluster may have changed since"
        findings.warning("S2H417", entry.location, message, _PULL)


def find_blind(project: Project, findings: Diagnostics) -> None:
    """Warn of what rules ask for and snapshots lack."""
    findings.extend(find_blindness(project.compiled.rules, project.profile).findings)


def find_blind_now(project: Project, findings: Diagnostics) -> None:
    """Warn of what rules ask for and the cluster lacks now, and of snapshots that say otherwise.

    Patterns of other clusters are not asked; for these the snapshots are taken as they are.

    Raises:
        ServerError: the cluster does not answer, not in full, or refuses to.
        ConfigurationError: the settings name no cluster, or credentials cannot be used.
    """
    profile = project.profile
    patterns = sorted({name for name in profile.patterns() if ":" not in name})
    with open_client(project.settings.elasticsearch) as client:
        pulled = pull_snapshots(client, patterns)
    for now in pulled:
        _compare(profile, now, findings)
    asked = {entry.pattern for entry in pulled}
    kept = (entry for entry in profile.snapshots if entry.pattern not in asked)
    live = replace(profile, snapshots=(*pulled, *kept))
    # What a field is, and whether it is there, was decided as the rules were compiled.
    rules = compile_all(project.repository, live, Diagnostics()).rules
    findings.extend(find_blindness(rules, live).findings)


def _compare(profile: Profile, now: Snapshot, findings: Diagnostics) -> None:
    kept = next((entry for entry in profile.snapshots if entry.pattern == now.pattern), None)
    if kept is not None and (changes := compare([kept], [now])):
        findings.warning("S2H418", kept.location, _told(now.pattern, changes), _PULL)


def _told(pattern: str, changes: Sequence[Change]) -> str:
    lines = [f"{'+' if change.is_new else '-'} {change.line}" for change in changes[:_SHOWN]]
    more = f", and {len(changes) - _SHOWN:,} more" if len(changes) > _SHOWN else ""
    return f"the cluster has something else for {pattern}: {'; '.join(lines)}{more}"
