"""What happened before a rule began to look, so that windows that reach back to then are exact.

Takes trees, what is known of rules, and what searches the past; yields steps with matches that only
count. For each base rule that is one stretch of time, as long as its correlation's windows reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.errors import ServerError
from sigma2hive.model.events import Event
from sigma2hive.model.rules import Compiled, CompiledRule
from sigma2hive.model.service import Fate, RecordedMatch, RuleRecord, Step
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.correlating.trees import Tree
from sigma2hive.runner.matching import Candidate, Matcher
from sigma2hive.runner.querying import Search, Window
from sigma2hive.runner.store.interface import StateStore

#: Yields the events of a window that meet a rule, for these correlations' sake. Raises ServerError
#: where that is not all of them.
Searching = Callable[[CompiledRule, Tree, Window], Iterator[Event]]

#: Matches in one step.
_PER_STEP = 500
#: How long after a search in vain the next one is tried.
_AGAIN_NS = 600 * NANOSECONDS


def past_in(client: ElasticsearchClient) -> Searching:
    """Return what searches the past in a cluster."""

    def search(rule: CompiledRule, tree: Tree, window: Window) -> Iterator[Event]:
        correlations = tuple(node.correlation for node in tree.nodes)
        asked = Search(client, (rule,), window, correlations, exhaustive=True)
        matcher = Matcher(Compiled((rule,)), exhaustive=True)
        for found in asked:
            if isinstance(found, Candidate):
                yield from (event for _, event in matcher.hits_of(found))
        for error in asked.failures.values():
            raise error

    return search


def primed_by(unit: str) -> str:
    """Return the unit whose position says what of a tree's past was fetched."""
    return f"primed:{unit}"


@dataclass(slots=True)
class Priming:
    """Fetches the past of trees. Without `search` nothing can be fetched."""

    store: StateStore
    rules: Mapping[str, RuleRecord]
    by_id: Mapping[str, CompiledRule]
    search: Searching | None = None
    #: By tree and rule: why its past could not be fetched, and when that was tried.
    failed: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)

    def steps(self, tree: Tree, since_ns: int, now_ns: int) -> Iterator[Step]:
        """Yield what is to be stored of the past before the tree goes on."""
        unit = primed_by(tree.unit)
        position = self.store.positions(unit).get(unit)
        done = {} if position is None else dict(position)
        for leaf, window in self._wanted(tree, since_ns):
            asked = [window.start_ns, window.end_ns]
            if done.get(leaf) == asked:
                continue
            _, tried_ns = self.failed.get((tree.unit, leaf), ("", now_ns - _AGAIN_NS))
            if abs(now_ns - tried_ns) < _AGAIN_NS:
                continue
            self.failed.pop((tree.unit, leaf), None)
            yield from self._fetched(tree, leaf, window, now_ns)
            if (tree.unit, leaf) not in self.failed:
                done[leaf] = asked
                yield Step(unit=unit, position=dict(done), expected=position)
                position = dict(done)

    def _wanted(self, tree: Tree, since_ns: int) -> Iterator[tuple[str, Window]]:
        """Yield for each base rule the stretch before it began to look, as far as that matters."""
        for leaf in tree.leaves:
            record = self.rules.get(leaf)
            if record is None or record.disabled:
                continue
            window = Window(max(since_ns, record.since_ns) - tree.context_ns, record.since_ns)
            if window.start_ns < window.end_ns:
                yield leaf, window

    def _fetched(self, tree: Tree, leaf: str, window: Window, now_ns: int) -> Iterator[Step]:
        if self.search is None:
            self.failed[tree.unit, leaf] = ("there is nothing to search the past in", now_ns)
            return
        found = self.search(self.by_id[leaf], tree, window)
        try:
            while batch := tuple(islice(found, _PER_STEP)):
                yield Step(
                    matches=tuple(
                        RecordedMatch(leaf, event, event.key.parts[0], now_ns, Fate.COUNTED)
                        for event in batch
                    )
                )
        except ServerError as error:
            self.failed[tree.unit, leaf] = (error.message, now_ns)
