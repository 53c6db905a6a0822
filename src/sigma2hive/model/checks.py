"""What `compile --check` found: findings, and which of them are set aside and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from sigma2hive.diagnostics import Diagnostic, Severity
from sigma2hive.records import dataclass

_RANKS = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


class SetAside(StrEnum):
    """Why a finding is not counted: a comment in the file itself, or the baseline."""

    IGNORED = "ignored"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Checked:
    """A finding of a check.

    `fingerprint` stays the same when lines move; `set_aside` says why it is not counted, `reason`
    in the words of whoever set it aside.
    """

    finding: Diagnostic
    fingerprint: str
    set_aside: SetAside | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """A committed artefact that is not what the rules make: its path, and a unified diff.

    `is_there` and `is_wanted` say which of the two sides exist.
    """

    path: str
    diff: str
    is_there: bool = True
    is_wanted: bool = True

    @property
    def is_change(self) -> bool:
        """Whether both sides exist, so that the difference is worth reading."""
        return self.is_there and self.is_wanted


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All that a check found, in the order of path and line.

    `files` are the paths of the rule files that were looked at, `rules` how many rules and
    correlations there are for `profile`. A check fails for findings of `fails_from` and above;
    None is never. `is_usable` is False where settings or mappings could not be used, or no rule,
    `is_unanswered` is True where a server that was to be asked was out of reach, `is_whole` is
    False where one refused to answer, or artefacts could not be compared. `recorded` is how many
    findings a baseline was written with, None where none was.
    """

    checked: tuple[Checked, ...]
    profile: str = ""
    rules: int = 0
    files: tuple[str, ...] = ()
    drifts: tuple[Drift, ...] = ()
    fails_from: Severity | None = Severity.WARNING
    is_usable: bool = True
    is_unanswered: bool = False
    is_whole: bool = True
    recorded: int | None = None

    @property
    def open(self) -> tuple[Diagnostic, ...]:
        """The findings that are not set aside."""
        return tuple(entry.finding for entry in self.checked if entry.set_aside is None)

    @property
    def failing(self) -> tuple[Diagnostic, ...]:
        """The findings for which the check fails."""
        return tuple(finding for finding in self.open if self.fails(finding))

    @property
    def counts(self) -> Mapping[Severity, int]:
        """How many findings of each severity are not set aside."""
        return Counter(finding.severity for finding in self.open)

    def fails(self, finding: Diagnostic) -> bool:
        """Whether the check fails for a finding that is not set aside."""
        return self.fails_from is not None and is_at_least(finding.severity, self.fails_from)

    def set_aside(self, why: SetAside) -> int:
        """Return how many findings are set aside for a reason."""
        return sum(entry.set_aside is why for entry in self.checked)


def is_at_least(severity: Severity, least: Severity) -> bool:
    """Whether a severity is as grave as another, or graver."""
    return _RANKS[severity] >= _RANKS[least]
