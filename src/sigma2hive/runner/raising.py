"""From a match to what is told of it: judged first, built only where an alert tells of it.

Takes matches of rules and episodes; gives their fate and, where it is an alert, the alert. Shared
by what reads events and by what correlates recorded matches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from sigma2hive.model.alerts import Identity
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.matches import Match
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled
from sigma2hive.model.service import Fate, QueuedAlert, RecordedMatch
from sigma2hive.model.versions import RuleVersion
from sigma2hive.records import dataclass
from sigma2hive.runner.building import BACKFILLED, AlertMaker
from sigma2hive.runner.floods.interface import Judge, Unbounded
from sigma2hive.settings import KibanaSettings

__all__ = ["BACKFILLED", "Raised", "Raiser", "record_of"]


@dataclass(frozen=True, slots=True)
class Raised:
    """What became of a match; `queued` is an alert of its own, `told_by` what tells of it."""

    fate: Fate
    grouped_by: str = ""
    queued: QueuedAlert | None = None
    told_by: Identity | None = None
    muted_by: int | None = None


@dataclass(slots=True)
class Raiser:
    """Raises alerts with one repository's mappings."""

    compiled: Compiled
    mappings: Mappings
    profile: Profile | None = None
    kibana: KibanaSettings = field(default_factory=KibanaSettings)
    version_of: Callable[[str], RuleVersion] = lambda _: RuleVersion()
    judge: Judge = field(default_factory=Unbounded)
    maker: AlertMaker = field(init=False)

    def __post_init__(self) -> None:
        self.maker = AlertMaker(
            self.compiled, self.mappings, self.profile, self.kibana, self.version_of
        )

    def raise_(self, match: Match, now_ns: int, *, is_backfill: bool = False) -> Raised:
        """Return what becomes of a match that nobody was told of yet."""
        severity = self.maker.facts_of(match.rule).severity
        judged = self.judge.judge(match, severity, now_ns)
        if judged.fate is not Fate.ALERT or judged.told_by is not None:
            return Raised(
                judged.fate, judged.grouped_by, told_by=judged.told_by, muted_by=judged.muted_by
            )
        alert = self.maker.build(match, judged.notes, is_backfill=is_backfill)
        queued = QueuedAlert(alert, judged.grouped_by, made_ns=now_ns)
        return Raised(judged.fate, judged.grouped_by, queued, alert.identity)


def record_of(match: Match, raised: Raised, index: str, now_ns: int) -> RecordedMatch:
    """Return what is recorded of a match; of an episode with the event that it fired with."""
    return RecordedMatch(
        rule_id=match.rule.id,
        event=match.fired_with,
        index=index,
        found_ns=now_ns,
        fate=raised.fate,
        alert=raised.told_by,
        grouped_by=raised.grouped_by,
        muted_by=raised.muted_by,
    )
