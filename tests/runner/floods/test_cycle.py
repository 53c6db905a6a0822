"""Flood control at work in cycles: reading that fails in the middle changes no count."""

from pathlib import Path

import pytest

from sigma2hive.model.service import Fate, MatchFilter
from sigma2hive.runner.building import AlertMaker
from sigma2hive.runner.floods.judge import FloodJudge
from sigma2hive.runner.raising import Raiser
from sigma2hive.runner.service.cycle import Cycle
from sigma2hive.runner.service.rules import changed_records
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.settings import FloodSettings
from tests.runner.service.world import LOGON, START, Log, event_of, repository_of

# Five addresses in turn.
EVENTS = [event_of(number, 4625) for number in range(100)]


@pytest.mark.parametrize("fails", [set(), {3, 17, 18, 60}])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_flood_in_slices_is_five_alerts_a_group_and_one_summary(
    tmp_path: Path, fails: set[int], restarts: bool
) -> None:
    compiled, mappings = repository_of(tmp_path)
    log = Log(list(EVENTS), size=8, fails=set(fails))
    store = SqliteStore(tmp_path / "state.db")
    store.save_rules(list(changed_records(compiled, {}, START, 0)))

    def begun() -> Cycle:
        judge = FloodJudge(store, AlertMaker(compiled, mappings), FloodSettings())
        return Cycle(compiled, Raiser(compiled, mappings, judge=judge), log, store, store.rules())

    cycle, now_ns = begun(), START
    while slices := log.plan(store.positions(), now_ns):
        for part in slices:
            now_ns += 1
            if cycle.work(part, now_ns).error is not None:
                break
            cycle = begun() if restarts else cycle
    fates = {fate: count for (_, fate), count in store.count_fates(0).items()}
    assert fates == {"alert": 25, "summarised": 75}
    told = {found.alert for found in store.walk(MatchFilter(LOGON, Fate.SUMMARISED))}
    (identity,) = told
    summary = store.alert(identity) if identity else None
    assert summary is not None
    assert "**75 matches made no alert of their own**" in summary.description
    assert "| `source.ip=10.0.0.3` | 15 |" in summary.description
    store.close()
