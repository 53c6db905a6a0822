"""From a match to what is told of it: judged first, built only where an alert tells of it.

Takes matches of rules and episodes; gives their fate and, where it is an alert, the alert. Shared
by what reads events and by what correlates recorded matches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sigma2hive.alerts import AlertContext, build_alert
from sigma2hive.model.alerts import Alert
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.matches import Match
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled
from sigma2hive.model.service import Fate, QueuedAlert
from sigma2hive.model.versions import RuleVersion
from sigma2hive.runner.contexts import contexts_of
from sigma2hive.runner.floods.interface import Judge, Unbounded
from sigma2hive.settings import KibanaSettings

#: The tag of alerts that are no news: of late events, and of what happened while nobody looked.
BACKFILLED = "backfilled"


@dataclass(frozen=True, slots=True)
class Raised:
    """What became of a match; `queued` is the alert that tells of it."""

    fate: Fate
    grouped_by: str = ""
    queued: QueuedAlert | None = None


@dataclass(slots=True)
class Raiser:
    """Raises alerts with one repository's mappings."""

    compiled: Compiled
    mappings: Mappings
    profile: Profile | None = None
    kibana: KibanaSettings = field(default_factory=KibanaSettings)
    version_of: Callable[[str], RuleVersion] = lambda _: RuleVersion()
    judge: Judge = field(default_factory=Unbounded)
    _contexts: Mapping[str, AlertContext] = field(init=False)

    def __post_init__(self) -> None:
        self._contexts = contexts_of(self.compiled, self.profile, self.kibana)

    def raise_(self, match: Match, now_ns: int, *, is_backfill: bool = False) -> Raised:
        """Return what becomes of a match that nobody was told of yet."""
        alert = self._built(match, is_backfill=is_backfill)
        judged = self.judge.judge(match, alert.severity, now_ns)
        queued = QueuedAlert(alert, judged.grouped_by) if judged.fate is Fate.ALERT else None
        return Raised(judged.fate, judged.grouped_by, queued)

    def _built(self, match: Match, *, is_backfill: bool) -> Alert:
        version = self.version_of(match.rule.location.path)
        context = replace(self._contexts[match.rule.id], version=version)
        alert = build_alert(match, self.mappings, context)
        return replace(alert, tags=(*alert.tags, BACKFILLED)) if is_backfill else alert
