"""What an analyst sees of correlations in the service: once, in time, and under one name."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.cli.status import standing_lines
from sigma2hive.model.events import Event
from sigma2hive.model.service import Counted
from sigma2hive.runner.correlating import CorrelatingSettings, Correlator
from sigma2hive.runner.raising import BACKFILLED, Raiser
from sigma2hive.runner.service.standing import standing_of
from sigma2hive.runner.store.sqlite import SqliteStore
from tests.runner.correlating.world import (
    SECOND,
    START,
    WATERMARK,
    Service,
    compiled_from,
    event,
    joined,
    many,
    one_pass,
    rule,
    seconds_of,
)

MANY = joined("many", "event_count", "failed", "condition: {gte: 3}")
CHAIN = joined("chain", "temporal_ordered", "many, worked")
MANY_ID = "c0000000-0000-4000-8000-000000000437"
Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Service] = []

    def service(*documents: str, since: float = -10_000) -> Service:
        compiled, mappings = compiled_from(tmp_path, rule("failed"), rule("worked"), *documents)
        started.append(Service(tmp_path, compiled, mappings, since))
        return started[-1]

    yield service
    for each in started:
        each.end()


def alerts(service: Service) -> list[list[float]]:
    """When the events of each alert happened."""
    due = service.store.due("sink", 2**62, 100)
    return sorted(seconds_of(entry.alert.events) for entry in due)


def test_nothing_fires_before_the_watermark_has_passed(start: Start) -> None:
    service = start(MANY)
    service.record(many("failed", 1, 2, 3), 4)
    service.work(2 + WATERMARK)
    assert alerts(service) == []
    service.work(3 + WATERMARK)
    assert alerts(service) == [[1, 2, 3]]


def test_a_shuffled_order_gives_the_same_names(start: Start, tmp_path: Path) -> None:
    events = many("failed", *range(0, 40, 2))
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        one = start(MANY)
        service = Service(folder, one.compiled, one.mappings)
        shuffled = list(events)
        random.Random(seed).shuffle(shuffled)
        for number, each in enumerate(shuffled):
            # Each within the watermark, whatever its place.
            service.record([each], 40 + number)
            service.work(40 + number)
        service.work(40 + 2 * WATERMARK)
        assert service.told() == one_pass(one.compiled, one.mappings, events)
        service.end()


def test_an_episode_goes_on_over_restarts_and_is_one_alert(start: Start) -> None:
    service = start(MANY)
    for second in range(0, 7200, 300):
        service.record(many("failed", second, second + 1), second + 1)
        service.work(second + 200)
        service.end()
        service.start()
    service.work(9000)
    (told,) = alerts(service)
    assert len(told) == 48


def test_work_that_is_done_is_not_done_again(start: Start) -> None:
    service = start(MANY)
    service.record(many("failed", 1, 2, 3), 4)
    assert service.work(100) > 0
    assert service.work(101) == 0
    assert service.work(5000) == 0


@pytest.mark.parametrize(
    "kind",
    [
        "event_count",
        "value_count",
        "value_sum",
        "value_avg",
        "value_median",
        "value_percentile",
    ],
)
def test_a_cycle_reads_what_comes_and_goes_and_not_the_whole_window(
    start: Start, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    field = "" if kind == "event_count" else "field: bytes, "
    rank = "percentile: 90, " if kind == "value_percentile" else ""
    service = start(joined("hot", kind, "failed", f"condition: {{{field}{rank}gte: 1000000}}"))
    service.record(
        [event(n / 2, "failed", n, bytes=str(n % 100)) for n in range(2 * 600)],
        600,
    )
    service.work(600 + WATERMARK)
    read: list[int] = []
    counted = service.store.counted

    def counting(*asked: Any) -> Sequence[Counted]:
        found = counted(*asked)
        read.append(len(found))
        return found

    monkeypatch.setattr(service.store, "counted", counting)
    for cycle in range(10):
        now = 601 + 10 * cycle
        service.record([event(now + n, "failed", bytes="5") for n in range(9)], now + 9)
        service.work(now + 9 + WATERMARK)
    # In the window are over a thousand; each cycle 20 of them leave it.
    assert sum(read) < 10 * 25


def test_a_late_event_joins_the_alert_that_there_is(start: Start) -> None:
    service = start(MANY)
    service.record(many("failed", 100, 101, 102), 103)
    service.work(200)
    before = {name for name, _ in service.told()}
    # An hour late: the first one would have been the episode's first event.
    service.record(many("failed", 99, 103), 3700)
    service.work(3700)
    assert alerts(service) == [[100, 101, 102]]
    service.work(3700 + WATERMARK)
    assert alerts(service) == [[99, 100, 101, 102, 103]]
    assert {name for name, _ in service.told()} == before


def test_late_events_fire_though_all_else_was_looked_at_long_ago(start: Start) -> None:
    service = start(MANY)
    service.record(many("failed", 100, 102), 103)
    service.record(many("failed", 2000), 2001)
    service.work(2100)
    service.record(many("failed", 101), 8000)
    service.work(8000 + WATERMARK)
    (delivery,) = service.store.due("sink", 2**62, 10)
    assert seconds_of(delivery.alert.events) == [100, 101, 102]
    assert BACKFILLED in delivery.alert.tags


def test_a_late_event_of_a_chain_joins_too(start: Start) -> None:
    service = start(MANY, CHAIN)
    service.record([*many("failed", 0, 1, 2), *many("worked", 9)], 10)
    service.work(100)
    service.record(many("failed", 1.5), 1000)
    service.work(1000 + WATERMARK)
    assert alerts(service) == [[0, 1, 1.5, 2, 9]]


def test_an_alert_of_a_chain_has_what_its_window_counted_and_nothing_else(
    start: Start,
) -> None:
    service = start(MANY, CHAIN)
    # That 320 was the third of another burst does not matter: it is the first of the second one.
    events = [*many("failed", 0, 310, 320, 321, 919), *many("worked", 1300)]
    service.record(events, 1300)
    service.work(2000)
    assert alerts(service) == [[320, 321, 919, 1300]]
    assert service.told() == one_pass(service.compiled, service.mappings, events)


def test_a_chain_of_chains_has_all_that_led_to_it(start: Start) -> None:
    service = start(rule("sent"), MANY, CHAIN, joined("last", "temporal_ordered", "chain, sent"))
    # At 590 the first three counted, at 601 they do not: what led to 590 counts all the same.
    failed = many("failed", 0, 1, 2, 590, 599, 601)
    events = [*failed, *many("worked", 605), *many("sent", 1100)]
    service.record(events, 1100)
    service.work(2000)
    assert alerts(service) == [[0, 1, 2, 590, 599, 601, 605, 1100]]
    assert service.told() == one_pass(service.compiled, service.mappings, events)


def test_a_chain_is_named_by_what_was_there_when_it_fired(start: Start) -> None:
    slow = joined("slow", "event_count", "sent", "condition: {gte: 3}", timespan="2h")
    service = start(
        rule("sent"), MANY, slow, joined("any", "event_count", "many, slow", "condition: {gte: 1}")
    )
    # What comes later reaches further back than what fired; read bit by bit or at once.
    events = [*many("sent", 0, 1), *many("failed", 5000, 5001, 5002), *many("sent", 5100)]
    service.record(events[:5], 5003)
    service.work(5070)
    ((before, _),) = service.told()
    service.record(events[5:], 5101)
    service.work(5200)
    assert alerts(service) == [[0, 1, 5000, 5001, 5002, 5100]]
    assert {name for name, _ in service.told()} == {before}
    assert service.told() == one_pass(service.compiled, service.mappings, events)


def test_an_event_of_the_future_does_not_wait_for_its_time(start: Start) -> None:
    service = start(joined("one", "event_count", "failed", "condition: {gte: 1}"))
    service.work(0)
    service.record(many("failed", 100_000), 5)
    service.work(5 + WATERMARK)
    assert alerts(service) == [[100_000]]


def test_a_new_correlation_counts_what_came_before_and_tells_nothing_of_it(start: Start) -> None:
    service = start()
    past = many("failed", 0, 1, 2, 3)
    service.record(past, 5)
    service.record(many("failed", 900, 901), 905)
    service.work(1000)
    service.end()
    service = start(MANY, since=1000)
    service.work(1100)
    assert alerts(service) == []
    # Two before it was there, and one since then: the window is exact.
    service.record(many("failed", 1050), 1051)
    service.work(1200)
    assert alerts(service) == [[900, 901, 1050]]


def test_a_changed_correlation_starts_anew_and_the_old_episode_ends(start: Start) -> None:
    service = start(MANY)
    service.record(many("failed", 0, 1, 2), 3)
    service.work(100)
    ((old, _),) = service.told()
    service.end()
    service = start(MANY.replace("gte: 3", "gte: 2"), since=100)
    service.record(many("failed", 150), 151)
    service.work(300)
    found = {name: {key.parts[0].split()[1] for key in keys} for name, keys in service.told()}
    assert found.pop(old) == {"0", "1", "2"}
    ((_, keys),) = found.items()
    assert keys == {"0", "1", "2", "150"}


def test_muted_and_other_matches_count_and_foreign_steps_are_refused(start: Start) -> None:
    service = start(MANY)
    first = many("failed", 1, 2)
    service.record(first, 3)
    service.work(100)
    # The same events again, as a sweep reads them, and under another time of finding.
    service.record([*first, *many("failed", 3)], 100)
    service.work(100 + WATERMARK)
    assert alerts(service) == [[1, 2, 3]]


def test_many_matches_are_taken_in_bit_by_bit(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sigma2hive.runner.correlating.taking.MATCHES_PER_STEP", 7)
    service = start(MANY)
    events: list[Event] = many("failed", *range(50))
    same_moment = [
        replace(each, time_ns=events[9].time_ns) for each in many("failed", *range(60, 75))
    ]
    service.record([*events, *same_moment], 90)
    for second in range(200, 206):
        service.work(second)
    assert service.told() == one_pass(service.compiled, service.mappings, [*events, *same_moment])


def test_what_no_window_reaches_back_to_is_forgotten(start: Start) -> None:
    service = start(MANY)
    service.record(many("failed", 0, 1, 2), 3)
    service.work(100)
    (correlation,) = service.compiled.correlations
    unit = f"correlation:{correlation.info.id}:{correlation.epoch}"
    assert len(service.store.counted_after(unit, 0)) == 3
    service.work(30 * 3600)
    assert not service.store.counted_after(unit, 0)
    assert alerts(service) == [[0, 1, 2]]


def test_what_a_correlation_counted_that_is_gone_is_forgotten(start: Start) -> None:
    service = start(MANY, CHAIN)
    service.record(many("failed", 0, 1, 2), 3)
    service.work(100)
    before = set(service.store.positions("correlation:"))
    (chained,) = (unit for unit in before if service.store.counted_after(f"{unit}/{MANY_ID}", 0))
    service.end()
    service = start(MANY.replace("gte: 3", "gte: 2"), CHAIN, since=100)
    service.work(200)
    # Whoever takes the change back soon finds everything as it was.
    assert before < set(service.store.positions("correlation:"))
    service.work(3 * 24 * 3600)
    assert before.isdisjoint(service.store.positions("correlation:"))
    assert not service.store.counted_after(f"{chained}/{MANY_ID}", 0)
    assert not service.store.counted_after(chained, 0)


def test_one_at_which_this_program_fails_is_told_and_keeps_nothing_from_the_others(
    tmp_path: Path,
) -> None:
    class Failing(SqliteStore):
        fails = True

        def counted_after(self, unit: str, number: int) -> Sequence[tuple[int, Counted]]:
            if self.fails and first.id in unit:
                raise ValueError("nobody thought of this")
            return super().counted_after(unit, number)

    count = "condition: {gte: 2}"
    compiled, mappings = compiled_from(
        tmp_path,
        *(rule("failed"), rule("lone")),
        joined("many", "event_count", "failed", count),
        joined("some", "event_count", "lone", count),
    )
    first, second = (entry.info for entry in compiled.correlations)
    service = Service(tmp_path, compiled, mappings, since=0)
    service.store.close()
    store = service.store = Failing(tmp_path / "state.db")
    raiser, patience = Raiser(compiled, mappings), CorrelatingSettings(WATERMARK)
    service.correlator = Correlator(
        compiled, raiser, store, store.rules(), patience, search=lambda *_: iter(())
    )
    service.record([*many("failed", 10, 20), *many("lone", 10, 20)], 30)
    service.work(30 + WATERMARK)
    assert {e.alert.rule_id for e in store.due("sink", 2**62, 10)} == {second.id}
    standing = standing_of(store, START + 100 * SECOND)
    assert [entry.rule_id for entry in standing.blind_correlations] == [first.id]
    assert "ValueError: nobody thought of this" in " ".join(
        " ".join(standing_lines(standing)).split()
    )
    store.fails = False
    service.work(100 + WATERMARK)
    assert {e.alert.rule_id for e in store.due("sink", 2**62, 10)} == {first.id, second.id}
    assert not standing_of(store, START + 200 * SECOND).blind_correlations
    service.end()
