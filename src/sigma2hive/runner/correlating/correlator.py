"""Correlations over cycles and restarts: steps of the store, made of recorded matches.

Takes what is compiled, a store and the time; yields a step at a time, each of which is to be
committed before the next is asked for. Nothing is remembered between two calls but for a cache of
large windows: each correlation goes on from its own position in the store, and every step may be
repeated without harm.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import field, replace

from sigma2hive.diagnostics import Sigma2hiveError
from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.events import Event
from sigma2hive.model.rules import Compiled
from sigma2hive.model.service import (
    Counted,
    Position,
    RuleRecord,
    Searched,
    Step,
    StoredEpisode,
)
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.records import dataclass
from sigma2hive.runner.correlating.counting import Tell, count_occurrence
from sigma2hive.runner.correlating.evidence import Evidence
from sigma2hive.runner.correlating.positions import Reached, read_position
from sigma2hive.runner.correlating.priming import Priming, Searching, primed_by
from sigma2hive.runner.correlating.standing import NOTES, gaps_of, standing_of
from sigma2hive.runner.correlating.taking import Taking
from sigma2hive.runner.correlating.telling import Telling, Told
from sigma2hive.runner.correlating.trees import UNITS, Node, Tree, trees_of
from sigma2hive.runner.correlating.walking import Horizon, Walker
from sigma2hive.runner.correlating.windows import LEAST_KEPT, Kept, Windows
from sigma2hive.runner.matching import Matcher
from sigma2hive.runner.raising import Raiser
from sigma2hive.runner.store.interface import StateStore

#: An episode that fired longer ago than this, when it is found, is no news.
_NEWS_NS = 900 * NANOSECONDS
#: What is counted is kept for so long beyond the windows: late events come within 25 hours.
_KEPT_NS = 26 * 3600 * NANOSECONDS
_PRUNED_EVERY_NS = 3600 * NANOSECONDS
#: What nobody asks any more, of an old epoch or what is gone, is forgotten after so long.
_GONE_NS = 48 * 3600 * NANOSECONDS
#: How often one correlation takes in matches before others have their turn.
_TURNS = 10


@dataclass(frozen=True, slots=True)
class CorrelatingSettings:
    """`watermark_seconds` are waited for events that come out of order before anything fires; the
    windows of groups with `least_kept` events are kept from one cycle to the next."""

    watermark_seconds: float = 60.0
    least_kept: int = LEAST_KEPT

    @property
    def watermark_ns(self) -> int:
        """The same in nanoseconds."""
        return int(self.watermark_seconds * NANOSECONDS)


@dataclass(slots=True)
class Correlator:
    """Works out all correlations of one version of the repository."""

    compiled: Compiled
    raiser: Raiser
    store: StateStore
    rules: Mapping[str, RuleRecord]
    settings: CorrelatingSettings = field(default_factory=CorrelatingSettings)
    tell: Tell = lambda _: None
    search: Searching | None = None
    _priming: Priming = field(init=False)
    _pruned: dict[str, int] = field(default_factory=dict, init=False)
    _noted: dict[str, JsonValue] = field(default_factory=dict, init=False)
    #: By tree: why it could not be worked out.
    _broken: dict[str, str] = field(default_factory=dict, init=False)
    _windows: Windows = field(default_factory=Windows, init=False)
    _matcher: Matcher = field(init=False)
    _trees: tuple[Tree, ...] = field(init=False)

    def __post_init__(self) -> None:
        by_id = self.compiled.by_id()
        counted = {leaf for entry in self.compiled.correlations for leaf in entry.leaves}
        alone = Compiled(tuple(by_id[leaf] for leaf in sorted(counted)), self.compiled.correlations)
        self._matcher = Matcher(alone)
        self._trees = tuple(trees_of(self.compiled))
        self._priming = Priming(self.store, self.rules, by_id, self.search)

    def steps(self, now_ns: int, ledger: Sequence[Searched]) -> Generator[Step, None, None]:
        """Yield the steps that are due, each to be committed before the next is asked for.

        `ledger` is what was searched until now.
        """
        positions = self.store.positions(UNITS)
        for tree in self._trees:
            record = self.rules.get(tree.top.info.id)
            if record is None or record.disabled:
                continue
            position = positions.get(tree.unit)
            stands = None if position is None else read_position(position)
            self._broken.pop(tree.unit, None)
            try:
                yield from self._of_tree(tree, record.since_ns, now_ns, stands)
            except Sigma2hiveError:
                raise  # the store, or Elasticsearch: it is so for all of them
            except Exception as error:
                # One at which this program fails keeps nothing from the others.
                why = f"{type(error).__name__}: {error}; report this as a mistake"
                self._broken[tree.unit] = why
        self._forget(positions, now_ns)
        self._note(now_ns, ledger)

    def _of_tree(
        self, tree: Tree, since_ns: int, now_ns: int, stands: Reached | None
    ) -> Iterator[Step]:
        yield from self._priming.steps(tree, since_ns, now_ns)
        work = _Work(self, tree, since_ns, now_ns, stands)
        yield from work.steps()
        if work.is_up_to_date:
            self._prune(tree, now_ns)

    def _forget(self, positions: Mapping[str, Position], now_ns: int) -> None:
        """Forget what correlations counted that are not there any more."""
        current = {tree.unit for tree in self._trees}
        for unit, position in positions.items():
            reached = read_position(position)
            if unit in current or reached.horizon_ns > now_ns - _GONE_NS:
                continue
            for counted in (unit, *(f"{unit}/{inner}" for inner in reached.nodes)):
                self.store.prune_counted(counted, 2**63 - 1)
            self.store.forget([unit, primed_by(unit)])

    def _prune(self, tree: Tree, now_ns: int) -> None:
        """Forget what no window reaches back to; the matches themselves stay."""
        if abs(now_ns - self._pruned.get(tree.unit, 0)) < _PRUNED_EVERY_NS:
            return
        self._pruned[tree.unit] = now_ns
        for node in tree.nodes:
            self.store.prune_counted(node.unit, now_ns - 3 * tree.context_ns - _KEPT_NS)

    def _note(self, now_ns: int, ledger: Sequence[Searched]) -> None:
        """Tell since when each correlation is exact, and what it does not see."""
        by_id = self.compiled.by_id()
        failed = self._priming.failed
        for tree in self._trees:
            name = NOTES + tree.top.info.id
            if tree.top.info.id not in self.rules:
                continue
            unprimed = {leaf: why for (unit, leaf), (why, _) in failed.items() if unit == tree.unit}
            gaps = gaps_of(tree, by_id, self.rules, ledger, now_ns)
            broken = self._broken.get(tree.unit, "")
            note = standing_of(tree, self.rules, unprimed, gaps, broken)
            if self._noted.get(name) != note:
                self.store.note(name, note)
                self._noted[name] = note

    @property
    def windows(self) -> Windows:
        """What is kept of large windows."""
        return self._windows

    def telling(self, tree: Tree) -> Telling:
        """Return what makes the alerts of a tree."""
        return Telling(self.store, tree, self._matcher, self.raiser)


@dataclass(slots=True)
class _Work:
    """Works out one tree; `stands` is where the store says that it is."""

    by: Correlator
    tree: Tree
    since_ns: int
    now_ns: int
    stands: Reached | None
    is_up_to_date: bool = False

    def steps(self) -> Iterator[Step]:
        """Yield what is due."""
        store = self.by.store
        if self.stands is None:
            yield self._step(Reached(self.since_ns - self.tree.context_ns, store.last_match()))
        taking = Taking(store, self.tree, self.by.settings.watermark_ns, self.by.tell)
        for _ in range(_TURNS):
            taken = taking.take(self._reached, self.now_ns)
            if taken.matches or taken.is_more:
                yield self._step(taken.reached, counted=taken.entries)
            for node in self.tree.nodes:
                yield from self._worked_out(node)
            if not taken.is_more:
                self.is_up_to_date = True
                return

    @property
    def _reached(self) -> Reached:
        if self.stands is None:
            raise ValueError("the first step says where the tree stands")
        return self.stands

    def _step(self, reached: Reached, counted: Sequence[Counted] = ()) -> Step:
        """Return the step after which the tree stands there."""
        expected = None if self.stands is None else self.stands.as_position()
        self.stands = reached
        return Step(
            unit=self.tree.unit,
            position=reached.as_position(),
            expected=expected,
            counted=tuple(counted),
        )

    def _worked_out(self, node: Node) -> Iterator[Step]:
        """Yield the step of one correlation, where it counts anything new."""
        number, before_ns = self._reached.of_node(node.correlation.info.id)
        new = self.by.store.counted_after(node.unit, number)
        if not new:
            return
        judge = self.by.raiser.judge
        windows = self.by.windows.take(node.unit, number)
        try:
            yield self._worked_out_step(node, new, before_ns, windows)
        except BaseException:
            judge.discard()
            raise
        judge.keep()
        self.by.windows.keep(node.unit, new[-1][0], windows)

    def _worked_out_step(
        self,
        node: Node,
        new: Sequence[tuple[int, Counted]],
        before_ns: int,
        windows: dict[str, Kept],
    ) -> Step:
        is_top = node.correlation is self.tree.top
        telling = self.by.telling(self.tree)
        horizon = Horizon(before_ns, self._reached.horizon_ns)
        begins = self._begins if is_top else lambda _: True
        evidence = Evidence(self.by.store, self.tree)
        epoch = self.tree.top.epoch
        least = self.by.settings.least_kept
        walker = Walker(self.by.store, node, epoch, horizon, evidence, begins, windows, least)
        counted: list[Counted] = []
        episodes: list[StoredEpisode] = []
        told: list[Told] = []
        for walked in walker.walk(entry for _, entry in new):
            episodes.extend(walked.episodes)
            for found, identity in walked.held:
                counted.extend(count_occurrence(self.tree, node, found, identity, self.by.tell))
            if is_top:
                told.extend(telling.told_of(grown, self.now_ns) for grown in walked.grown)
        alerts = [entry.queued for entry in told if entry.queued is not None]
        if is_top:
            alerts.extend(self.by.raiser.judge.summaries(self.now_ns))
        last, _ = new[-1]
        reached = self._reached.with_node(node.correlation.info.id, last)
        step = self._step(reached, counted)
        records = tuple(entry.record for entry in told if entry.record is not None)
        return replace(step, matches=records, alerts=tuple(alerts), episodes=tuple(episodes))

    def _begins(self, event: Event) -> bool:
        """Whether an episode may begin at an event: the past raises no alerts."""
        # It was not taken before it happened: then the clock that says so is behind.
        return max(event.time_ns, event.ingested_ns or 0) >= self.since_ns
