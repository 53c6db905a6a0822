"""What rules missed while they were not there: read once more, for them alone.

Takes the store, and a reader of what such rules look at; gives slices, and notes what is done. The
cursors of the time at which rules went are kept in the store under a name. When the rules are there
again, as they were, a reader goes on from those cursors, oldest first and a bounded part a cycle,
until it has come to what the rules look at anyhow. What it finds twice is known to the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sigma2hive.clients.errors import RequestRefusedError
from sigma2hive.compiler.dsl import compile_query
from sigma2hive.model.rules import Compiled, CompiledRule
from sigma2hive.model.service import (
    Interval,
    Position,
    RuleRecord,
    Searched,
    SearchStatus,
    Step,
)
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.reading import own_positions
from sigma2hive.runner.reading.interface import NOTHING, Slice
from sigma2hive.runner.reading.losses import index_of
from sigma2hive.runner.service.coverage import OF_RULE, loss_step
from sigma2hive.runner.service.cycle import Cycle
from sigma2hive.runner.service.outcomes import SliceOutcome
from sigma2hive.runner.service.rules import WhyUnusable, changed_records
from sigma2hive.runner.store.interface import MovedError, StateStore

#: What the units of kept cursors begin with.
_KEPT = "missed:"
_DAY_NS = 24 * 3_600 * NANOSECONDS
#: How long cursors are kept that no rule needs: another runner may be about to say that one does.
_UNUSED_NS = _DAY_NS
#: How long an index may be closed that rules have not caught up with: then it is told as lost.
_CLOSED_NS = 30 * _DAY_NS
#: Of more rules than this everything is read: one search for all of them would ask too much.
_MOST_SEARCHED = 50


def take_in(
    store: StateStore,
    compiled: Compiled,
    now_ns: int,
    first_start_ns: int,
    why_unusable: WhyUnusable = lambda _: "",
) -> Mapping[str, RuleRecord]:
    """Let the store know the rules of now, and return what it knows of all.

    Cursors are kept before a rule is said to be gone, so that a crash between loses nothing.
    """
    known = store.rules()
    changed = list(changed_records(compiled, known, now_ns, first_start_ns, why_unusable))
    before = {rule_id: record.missed for rule_id, record in known.items()}
    copies = {
        (before.get(record.rule_id, ""), record.missed)
        for record in changed
        if record.missed and record.missed != before.get(record.rule_id)
    }
    for source, name in sorted(copies):
        _copy(store, source, name)
    store.save_rules(changed)
    records = store.rules()
    _forget_unused(store, {record.missed for record in records.values()}, now_ns)
    return records


def returned(compiled: Compiled, records: Mapping[str, RuleRecord]) -> Mapping[str, Compiled]:
    """Return the rules that are there again and have not looked at everything, by the name."""
    found: dict[str, list[CompiledRule]] = {}
    for rule in compiled.rules:
        record = records.get(rule.info.id)
        if record is not None and record.missed and not record.disabled:
            found.setdefault(record.missed, []).append(rule)
    return {name: Compiled(tuple(rules), ()) for name, rules in sorted(found.items())}


@dataclass(slots=True)
class Missed:
    """Rules that missed the same, with a cycle that knows them alone; `name` is of the cursors."""

    name: str
    cycle: Cycle
    is_done: bool = False
    _is_searched: bool = field(init=False)

    def __post_init__(self) -> None:
        self._is_searched = len(self.cycle.compiled.rules) <= _MOST_SEARCHED

    def plan(self, store: StateStore, now_ns: int) -> Sequence[Slice]:
        """Return what can be read now; nothing, where it is done.

        Raises:
            ServerError: the cluster cannot be asked.
        """
        if not any(record.missed == self.name for record in store.rules().values()):
            self.is_done = True  # another runner has done it
            return ()
        planned = self.cycle.reader.plan(_named(store, self.name), now_ns)
        return [self._kept(part) for part in planned]

    def lost(self, store: StateStore) -> Sequence[Step]:
        """Return what the rules will never look at, since indices were deleted meanwhile.

        Raises:
            ServerError: the cluster cannot be asked.
        """
        left_ns = int(self.name.partition(".")[0])
        found = self.cycle.reader.lost(_named(store, self.name), left_ns)
        ids = tuple(OF_RULE + rule.info.id for rule in self.cycle.compiled.rules)
        return [
            loss_step(replace(lost, unit=_unit(self.name, lost.unit), targets=ids))
            for lost in found
        ]

    def worked(
        self,
        store: StateStore,
        planned: Sequence[Slice],
        done: Sequence[SliceOutcome],
        now_ns: int,
    ) -> Iterator[Step]:
        """Take in what became of the slices that were planned last.

        Yields what the rules will never look at, since it stays closed, to be stored before the
        next one is asked for.
        """
        if any(isinstance(entry.error, RequestRefusedError) for entry in done):
            # What the rules ask may be too much for one search.
            self._is_searched = False
        is_read = len(done) == len(planned) and all(entry.error is None for entry in done)
        reader = self.cycle.reader
        if not is_read or not reader.is_whole():
            return
        back_ns = int(self.name.rpartition(".")[2])
        if any(horizon_ns < back_ns for horizon_ns in reader.horizons().values()):
            return
        closed = self._closed(store)
        if closed and now_ns - back_ns < _CLOSED_NS:
            return
        for index in closed:
            yield Step(searched=(self._never_read(index, back_ns),))
        self._finish(store)

    def _closed(self, store: StateStore) -> Sequence[str]:
        """Return the indices that are closed and of which others have read what the rules have not.

        One where nothing came since the rules went hides nothing.
        """
        others = own_positions(store.positions())
        ours = _named(store, self.name)
        closed = self.cycle.reader.closed(others)
        hiding = (unit for unit in closed if ours.get(unit) != others[unit])
        return sorted({index_of(unit, others[unit]) for unit in hiding})

    def _never_read(self, index: str, back_ns: int) -> Searched:
        left_ns = int(self.name.partition(".")[0])
        return Searched(
            unit=_unit(self.name, index),
            target=index,
            interval=Interval(left_ns, back_ns),
            status=SearchStatus.SKIPPED,
            reason=f"it stayed closed for {_CLOSED_NS // _DAY_NS} days after a rule was back that "
            "has not looked at it",
            patterns=tuple(OF_RULE + rule.info.id for rule in self.cycle.compiled.rules),
        )

    def _finish(self, store: StateStore) -> None:
        records = store.rules().values()
        store.save_rules([replace(r, missed="") for r in records if r.missed == self.name])
        store.forget([_unit(self.name, unit) for unit in _named(store, self.name)])
        self.is_done = True

    def _kept(self, part: Slice) -> Slice:
        query = part.query if part.query == NOTHING else self._query(part.query)
        return replace(part, unit=_unit(self.name, part.unit), query=query, is_backfill=True)

    def _query(self, query: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the same for documents only that one of the rules may find."""
        if not self._is_searched:
            return query
        searches = [compile_query(rule).body for rule in self.cycle.compiled.rules]
        any_of = {"bool": {"should": searches, "minimum_should_match": 1}}
        return {"bool": {"filter": [query, any_of]}}


def _unit(name: str, unit: str) -> str:
    return f"{_KEPT}{name}/{unit}"


def _named(store: StateStore, name: str) -> Mapping[str, Position]:
    """Return the cursors of a name, by the units that a reader knows; without one the present."""
    if not name:
        return own_positions(store.positions())
    prefix = _unit(name, "")
    found = store.positions(prefix)
    return {unit.removeprefix(prefix): position for unit, position in found.items()}


def _copy(store: StateStore, source: str, name: str) -> None:
    for unit, position in _named(store, source).items():
        with suppress(MovedError):  # it is there already
            store.commit(Step(unit=_unit(name, unit), position=position))


def _forget_unused(store: StateStore, used: set[str], now_ns: int) -> None:
    def is_unused(unit: str) -> bool:
        name = unit.removeprefix(_KEPT).partition("/")[0]
        return name not in used and now_ns - int(name.rpartition(".")[2]) > _UNUSED_NS

    if unused := [unit for unit in store.positions(_KEPT) if is_unused(unit)]:
        store.forget(unused)
