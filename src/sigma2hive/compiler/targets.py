"""What a target is: it writes a compiled rule in the form that something else reads.

A target takes one `CompiledRule`, or a correlation with the rules that it refers to, walks the
condition trees and looks at nothing else. What another program runs must say the rule exactly or be
refused. `emit_all` lets a target write everything that was compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Protocol, runtime_checkable

from sigma2hive.diagnostics import Diagnostic, Severity
from sigma2hive.model.mappings import AlertSettings, Mappings, ObservableMapping
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import Compiled, CompiledCorrelation, CompiledRule, RuleInfo
from sigma2hive.records import dataclass
from sigma2hive.settings import Settings


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that a target writes; `name` has no folder and comes from nothing but ids.

    `plain` is what a second file of that name, ending in .txt, holds and nothing else: no mark.
    """

    name: str
    text: str
    plain: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no file: findings with the part that a target cannot say, and the reason.

    Notes alone say that nothing is missing: what only feeds correlations has no file of its own.
    """

    findings: tuple[Diagnostic, ...]

    @property
    def leaves_out(self) -> bool:
        """Whether something that was to be said is not."""
        return any(finding.severity is not Severity.INFO for finding in self.findings)


def only_counted(info: RuleInfo, target: str) -> Refusal:
    """Return why a target that raises alerts has no file for what only feeds correlations."""
    finding = Diagnostic(
        "S2H330",
        Severity.INFO,
        info.location,
        f"{target} would raise an alert for each event of what only feeds correlations, "
        "so this gets no file of its own",
        "write generate: true in the correlation if each event is worth an alert",
    )
    return Refusal((finding,))


class Target(Protocol):
    """A target, under its name in `TARGETS`.

    `suffix` is that of its files, with the dot. Each of its files starts with `mark`: one that does
    not is somebody else's, and is never replaced or removed.
    """

    name: str
    suffix: str
    mark: str

    def emit(self, rule: CompiledRule) -> Artefact | Refusal:
        """Return the rule's artefact, or why there is none."""
        ...

    def emit_correlation(
        self, correlation: CompiledCorrelation, rules: Mapping[str, CompiledRule]
    ) -> Artefact | Refusal:
        """Return the correlation's artefact, or why there is none; `rules` are by id."""
        ...


@runtime_checkable
class Configurable(Protocol):
    """A target whose files depend on settings, or on more of a profile than a rule tells."""

    def configured(self, settings: Settings, profile: Profile) -> Target:
        """Return the target for a repository.

        Raises:
            ConfigurationError: a setting cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class RuleAlerts:
    """What holds for all alerts of a rule: settings, all said, and observables of its own."""

    settings: AlertSettings = field(default_factory=AlertSettings)
    observables: tuple[ObservableMapping, ...] = ()


#: What tells of a rule in its log source how its alerts are to be.
AlertsOf = Callable[[RuleInfo, Logsource], RuleAlerts]


@runtime_checkable
class Alerting(Protocol):
    """A target whose files send alerts by themselves, and so have to say what those are like."""

    def alerting(self, mappings: Mappings, alerts_of: AlertsOf) -> Target:
        """Return the target for a repository's mappings."""
        ...


@runtime_checkable
class Gathering(Protocol):
    """A target that also makes files of all that it wrote, whose names end in `gathered_suffix`."""

    gathered_suffix: str

    def line_of(self, text: str) -> str:
        """Return the line that an artefact's text becomes in these files."""
        ...

    def lines_in(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the lines of such a file, each with the name of the artefact it was made of."""
        ...

    def gather(self, lines: Mapping[str, str]) -> Iterator[Artefact]:
        """Yield the files that hold the lines of artefacts, by their names; none of none."""
        ...


def configured(target: Target, settings: Settings, profile: Profile) -> Target:
    """Return the target as a repository's settings and profile want it.

    Raises:
        ConfigurationError: a setting cannot be used.
    """
    return target.configured(settings, profile) if isinstance(target, Configurable) else target


def alerting(target: Target, mappings: Mappings, alerts_of: AlertsOf) -> Target:
    """Return the target as a repository's mappings want it."""
    return target.alerting(mappings, alerts_of) if isinstance(target, Alerting) else target


def emit_all(target: Target, compiled: Compiled) -> Iterator[tuple[RuleInfo, Artefact | Refusal]]:
    """Yield what the target makes of each rule and of each correlation."""
    rules = {rule.info.id: rule for rule in compiled.rules}
    for rule in compiled.rules:
        yield rule.info, target.emit(rule)
    for correlation in compiled.correlations:
        yield correlation.info, target.emit_correlation(correlation, rules)
