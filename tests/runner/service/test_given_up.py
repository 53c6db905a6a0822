"""An expression that is given up on a value is told, and is a gap of the rules that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sigma2hive.cli.status import standing_as_json, standing_lines
from sigma2hive.clock import FrozenClock
from sigma2hive.engine import take_undecided
from sigma2hive.runner.service.loop import Loop, LoopSettings
from sigma2hive.runner.service.metrics import Standings
from sigma2hive.runner.service.standing import standing_of
from sigma2hive.runner.store.sqlite import SqliteStore
from tests.runner.service.test_loop import expected, found, run_cycles, told
from tests.runner.service.world import RULES, SECOND, START, Log, Site, event_of

NOW = START + 60 * SECOND
WORDS = "66666666-6666-4666-8666-666666666666"
EXPLODING = (
    RULES
    + f"""\
---
title: Words twice
id: {WORDS}
logsource: {{product: windows, service: security}}
level: high
detection:
    selection:
        user.name|re: '^(\\w|\\w\\w)+=\\1$'
    condition: selection
"""
)


@pytest.fixture(autouse=True)
def little_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("sigma2hive.engine.patience._FIRST_SECONDS", 0.05)
    take_undecided()
    yield
    take_undecided()


@pytest.fixture
def log() -> Log:
    """Two slices, of which each has a value that was written to take long."""
    events = [event_of(number, (4625, 7045)[number % 2]) for number in range(8)]
    for number in (1, 2, 5):
        values = {**events[number].values, "user.name": (f"{number}" + "a" * 60 + "=!",)}
        events[number] = replace(events[number], values=values)
    return Log(events, size=4)


@pytest.fixture
def loop(store: SqliteStore, tmp_path: Path, log: Log) -> Loop:
    return Loop(Site(tmp_path, log, EXPLODING), store, FrozenClock(NOW), LoopSettings(25 * 3_600))


def test_it_is_told_once_a_slice_and_everything_else_is_decided(
    store: SqliteStore, loop: Loop, log: Log
) -> None:
    first, second = run_cycles(loop, 2)
    assert found(store) == told(store) == expected(log)
    assert (first.message, first.events) == ("", 8)
    assert [finding.code for finding in first.undecided] == ["S2H510"]
    assert str(first.undecided[0].location) == "rules/all.yml:23:9"
    assert "of 63 characters" in first.undecided[0].message
    # Every event was looked at: none was put aside.
    assert [done.put_aside for done in first.slices] == [0, 0]
    assert not second.undecided


def test_status_names_the_place_for_a_day(store: SqliteStore, loop: Loop) -> None:
    run_cycles(loop, 1)
    standing = standing_of(store, NOW + 60 * SECOND)
    assert not standing.is_well
    text = " ".join(" ".join(standing_lines(standing)).split())
    assert "rules/all.yml:23:9" in text
    assert "Put aside" not in text
    (shown,) = standing_as_json(standing)["undecided"]  # type: ignore[misc]
    assert shown["place"] == "rules/all.yml:23:9"  # type: ignore[index]
    assert shown["rules"] == [WORDS]  # type: ignore[index]
    # The others have looked at everything.
    assert [entry.record.rule_id for entry in standing.rules if entry.gaps] == [WORDS]
    figures = {f.name: f.samples for f in Standings(lambda: standing).collect()}
    assert [s.value for s in figures["sigma2hive_undecided_expressions"]] == [1]
    run_cycles(loop, 1)
    later = standing_of(store, NOW + 25 * 3_600 * SECOND)
    assert (len(later.undecided), later.is_well) == (1, True)
