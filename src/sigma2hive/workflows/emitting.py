"""What targets make of compiled rules, a rule at a time for all of them, on all cores.

Takes targets as a repository wants them, and rules; gives artefacts and refusals. Of many rules,
forked processes make a share each, in the same order as one process would. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from sigma2hive.compiler.targets import (
    Artefact,
    Refusal,
    RuleAlerts,
    Target,
    alerting,
    configured,
)
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import CompiledRule, RuleInfo
from sigma2hive.records import dataclass
from sigma2hive.settings import Settings
from sigma2hive.workflows.cores import shared

#: What a target makes of a rule.
Emitted = Artefact | Refusal
#: A rule's position, and the positions of the targets that are asked.
Asked = tuple[int, tuple[int, ...]]
#: Rules that one process is given at a time.
_RULES_A_UNIT = 32


@dataclass(frozen=True, slots=True)
class Emitters:
    """Targets, as the settings and mappings of a repository want them."""

    targets: tuple[Target, ...]

    @classmethod
    def of(
        cls, targets: Sequence[Target], settings: Settings, profile: Profile, mappings: Mappings
    ) -> Emitters:
        """Return the targets for a repository.

        Raises:
            ConfigurationError: a setting of a target cannot be used.
        """
        alerts_of = partial(_alerts_of, mappings)
        return cls(
            tuple(
                alerting(configured(target, settings, profile), mappings, alerts_of)
                for target in targets
            )
        )

    def emit(self, rule: CompiledRule) -> tuple[Emitted, ...]:
        """Return what each target makes of a rule."""
        return tuple(target.emit(rule) for target in self.targets)

    def emit_all(
        self, rules: Sequence[CompiledRule], asked: Sequence[Asked]
    ) -> Iterator[tuple[Asked, tuple[Emitted, ...]]]:
        """Yield what is asked for, in that order."""
        units = [asked[at : at + _RULES_A_UNIT] for at in range(0, len(asked), _RULES_A_UNIT)]
        made = shared(units, partial(_emit_unit, self.targets, rules))
        for unit, results in zip(units, made, strict=True):
            yield from zip(unit, results, strict=True)


def _emit_unit(
    targets: Sequence[Target], rules: Sequence[CompiledRule], unit: Sequence[Asked]
) -> list[tuple[Emitted, ...]]:
    return [
        tuple(targets[at].emit(rule) for at in positions)
        for number, positions in unit
        for rule in (rules[number],)
    ]


def _alerts_of(mappings: Mappings, rule: RuleInfo, logsource: Logsource) -> RuleAlerts:
    # Here, since templates take longer to import than a start that makes nothing.
    from sigma2hive.alerts.checks import read_custom  # noqa: PLC0415
    from sigma2hive.alerts.ruling import settings_of  # noqa: PLC0415

    custom = read_custom(rule, Diagnostics(), mappings.observables.data_types)
    return RuleAlerts(settings_of(rule, mappings, logsource), tuple(custom.observables))


#: What was made of rules ahead of time, by what stands for the rule.
Ahead = Mapping[bytes, tuple[Emitted, ...]]
