"""A service without a reader: matches are recorded at given times, correlations worked out between.

Times are in seconds after `START`. Every event says when it arrives, besides when it happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.rules import Compiled
from sigma2hive.model.service import Fate, RecordedMatch, Step
from sigma2hive.repository import load_mappings, load_repository
from sigma2hive.runner.correlating import CorrelatingSettings, Correlator
from sigma2hive.runner.correlating.priming import Searching
from sigma2hive.runner.correlating.windows import LEAST_KEPT
from sigma2hive.runner.matching import Matcher
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.runner.raising import Raiser
from sigma2hive.runner.service.rules import changed_records
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.schema import load_profile
from sigma2hive.sources import EventRows

SECOND = 1_000_000_000
START = 1_764_000_000 * SECOND
#: Seconds that are waited for what comes out of order.
WATERMARK = 60
PROFILE = """\
profile: site
title: A site's own
field_types:
    {bytes: double, user: keyword, host: keyword, address: ip, action: keyword, account: keyword}
logsources:
    - {product: site, indices: [site-*]}
"""

#: An alert as it is compared: what it is known by, and the keys of its events.
Told = tuple[str, frozenset[EventKey]]


def rule(action: str) -> str:
    """A rule that finds an action."""
    number = sum(map(ord, action))
    return (
        f"title: The {action}\nid: a0000000-0000-4000-8000-{number:012}\n"
        f"name: {action}\nlevel: low\n"
        f"logsource: {{product: site}}\n"
        f"detection:\n    selection: {{action: {action}}}\n    condition: selection\n"
    )


def joined(
    name: str,
    kind: str,
    rules: str,
    *lines: str,
    group_by: str = "user",
    timespan: str = "10m",
) -> str:
    """A correlation of rules, by user over 10 minutes."""
    number = sum(map(ord, name))
    more = "".join(f"    {line}\n" for line in lines)
    return (
        f"title: {name.capitalize()}\nid: c0000000-0000-4000-8000-{number:012}\nname: {name}\n"
        f"level: high\nsigma2hive: {{title: '{name}'}}\ncorrelation:\n    type: {kind}\n"
        f"    rules: [{rules}]\n    group-by: [{group_by}]\n    timespan: {timespan}\n{more}"
    )


def compiled_from(
    folder: Path, *documents: str, pattern: str = "site-*"
) -> tuple[Compiled, Mappings]:
    """What these rules are in indices of a pattern, and the shipped mappings."""
    (folder / "site.yml").write_text(PROFILE.replace("site-*", pattern))
    (folder / "rules.yml").write_text("---\n".join(documents))
    diagnostics = Diagnostics()
    profile = load_profile("site", folder, diagnostics)
    assert profile is not None
    repository = load_repository([folder / "rules.yml"], folder, {}, diagnostics)
    compiled = compile_all(repository, profile, diagnostics)
    assert not list(diagnostics), [finding.message for finding in diagnostics]
    return compiled, load_mappings(None, diagnostics)


def event(seconds: float, action: str, /, number: int = 0, **values: str) -> Event:
    """An event of user anna on host h1, unless it says otherwise."""
    fields = {"user": "anna", "host": "h1", "action": action, **values}
    told = "|".join(f"{name}={value}" for name, value in fields.items())
    raw = ",".join(f'"{name}":"{value}"' for name, value in fields.items())
    return Event(
        key=EventKey(EventKeyKind.CONTENT, (f"{number:03} {seconds} {told}", "0")),
        time_ns=START + int(seconds * SECOND),
        values={name: (value,) for name, value in fields.items()},
        raw=f"{{{raw}}}".encode(),
    )


def many(action: str, *seconds: float, **values: str) -> list[Event]:
    """One event a time."""
    return [event(second, action, **values) for second in seconds]


def seconds_of(keys: Iterable[Event]) -> list[float]:
    """When events happened."""
    return [(entry.time_ns - START) / SECOND for entry in keys]


class KilledError(BaseException):
    """The process is gone."""


@dataclass
class Service:
    """A store with what works on it; `since` is when the service began to look."""

    folder: Path
    compiled: Compiled
    mappings: Mappings
    since: float = -10_000
    store: StateStore = field(init=False)
    correlator: Correlator = field(init=False)
    #: Steps until the process dies: before the step is stored, or just after.
    dies_in: int = 0
    dies_after: bool = False
    search: Searching | None = None
    least_kept: int = LEAST_KEPT

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start it, once more."""
        self.store = SqliteStore(self.folder / "state.db")
        self.store.open_sinks(["sink"])
        now_ns = START + int(self.since * SECOND)
        self.store.save_rules(list(changed_records(self.compiled, self.store.rules(), now_ns, 0)))
        self.correlator = Correlator(
            self.compiled,
            Raiser(self.compiled, self.mappings),
            self.store,
            self.store.rules(),
            CorrelatingSettings(WATERMARK, self.least_kept),
            search=self.search,
        )
        self._matcher = Matcher(replace(self.compiled, correlations=()))

    def end(self) -> None:
        """End it."""
        self.store.close()

    def record(self, events: Iterable[Event], at: float) -> None:
        """Record what rules find in events."""
        rows = EventRows()
        for entry in events:
            rows.add(entry)
        found_ns = START + int(at * SECOND)
        hits = self._matcher.hits_of(rows)
        matches = [
            RecordedMatch(hit.info.id, found, "site", found_ns, Fate.COUNTED) for hit, found in hits
        ]
        self.store.commit(Step(matches=tuple(matches)))

    def work(self, at: float) -> int:
        """Work out what is due; return the number of steps.

        Raises:
            KilledError: this was its time.
        """
        number = 0
        steps = self.correlator.steps(START + int(at * SECOND), self.store.ledger())
        for number, step in enumerate(steps, 1):  # noqa: B007
            self.dies_in -= 1
            if self.dies_in == 0 and not self.dies_after:
                raise KilledError
            self.store.commit(step)
            if self.dies_in == 0:
                raise KilledError
        return number

    def told(self) -> set[Told]:
        """What alerts there are."""
        return {
            (delivery.alert.source_ref, frozenset(entry.key for entry in delivery.alert.events))
            for delivery in self.store.due("sink", 2**62, 100_000)
        }


def one_pass(compiled: Compiled, mappings: Mappings, events: Sequence[Event]) -> set[Told]:
    """The alerts of correlations when everything is looked at once."""
    alerts = run_pass(Pass(compiled, mappings), list(events), Summary())
    ids: Collection[str] = {entry.info.id for entry in compiled.correlations}
    return {
        (alert.source_ref, frozenset(entry.key for entry in alert.events))
        for alert in alerts
        if alert.rule_id in ids
    }
