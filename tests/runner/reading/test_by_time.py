"""Reading by time, with the real Elasticsearch: late events are found within the stated limit."""

from collections.abc import Iterator
from functools import partial

import pytest

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.errors import BusyError, ServerError
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.reading import catalogue
from sigma2hive.runner.reading.catalogue import Cursor
from tests.bench.cluster import Cluster, Indices
from tests.clients.connecting import client_of
from tests.runner.reading.world import (
    MAPPING,
    Service,
    document,
    ids,
    with_settings,
)

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


@pytest.fixture(scope="module")
def reader(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    """May not see how far shards are."""
    with client_of(elasticsearch, elasticsearch.users.reader) as client:
        yield client


@pytest.fixture(scope="module")
def bare(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    """May read, and no more."""
    with client_of(elasticsearch, elasticsearch.users.bare) as client:
        yield client


def cursors(service: Service) -> set[Cursor | None]:
    return {told.cursor for told in service.reader.told()}


@pytest.mark.parametrize("is_bare", [False, True])
def test_late_events_are_found_by_timestamp_up_to_the_last_sweep(
    is_bare: bool, reader: ElasticsearchClient, bare: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(bare if is_bare else reader, ["s2h-stamp-*"])
    index = indices.create(MAPPING, name="stamp")
    service.cycle()
    assert cursors(service) == {Cursor.TIMESTAMP}
    start_s = service.now_s
    # An event of a time shortly after the start comes after each of these delays.
    delays = [0, 15, 100, 50 * MINUTE, 24 * HOUR, 25 * HOUR - MINUTE]
    for number, delay in enumerate(delays):
        while service.now_s < start_s + 5 + delay:
            service.cycle(min(30 * MINUTE, start_s + 5 + delay - service.now_s))
        indices.add(index, [document(number, start_s + 5)], first=number)
        service.cycle(10)
    service.cycles(5, 30 * MINUTE)
    assert set(service.numbers()) == ids(range(len(delays)))
    # Once when it is new, once again because of the overlap, and once a sweep.
    assert max(service.numbers().values()) <= 5


def test_what_is_later_than_the_last_sweep_is_the_stated_limit(
    reader: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(reader, ["s2h-limit-*"])
    index = indices.create(MAPPING, [document(0, service.now_s)], name="limit")
    service.cycle()
    start_s = service.now_s
    service.cycles(30, HOUR)
    indices.add(index, [document(1, start_s + 5)], first=1)
    service.cycles(30, HOUR)
    assert set(service.numbers()) == ids([0])


def test_by_ingested_an_event_of_any_time_is_found(
    reader: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(reader, ["s2h-ingest-*"])
    now_s = service.now_s
    index = indices.create(
        MAPPING, [document(n, now_s - 30, ingested_s=now_s - 20) for n in range(3)], name="ingest"
    )
    service.cycle(5)
    assert cursors(service) == {Cursor.INGESTED}
    for number, delay in enumerate([0, HOUR, DAY, 400 * DAY, -DAY], 3):
        made = document(number, service.now_s - delay, ingested_s=service.now_s)
        indices.add(index, [made], first=number)
        service.cycle(10)
    service.cycles(40, 10)
    assert set(service.numbers()) == ids(range(8))
    assert max(service.numbers().values()) <= 4


def test_events_of_the_second_that_is_running_are_not_lost(
    reader: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(reader, ["s2h-second-*"])
    now_s = service.now_s
    index = indices.create(MAPPING, [document(0, now_s, ingested_s=now_s)], name="second")
    service.cycle(1)
    for number in range(1, 8):
        indices.add(index, [document(number, 0, ingested_s=service.now_s)], first=number)
        service.cycle(number % 2)
    service.cycle(1)
    assert set(service.numbers()) == ids(range(8))


def test_an_event_without_ingested_is_found_by_its_timestamp(
    reader: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(reader, ["s2h-mixed-*"])
    now_s = service.now_s
    index = indices.create(MAPPING, [document(0, now_s, ingested_s=now_s)], name="mixed")
    service.cycle(5)
    assert cursors(service) == {Cursor.INGESTED}
    service.cycles(6, 10 * MINUTE)
    indices.add(index, [document(1, service.now_s - 50 * MINUTE)], first=1)
    service.cycles(12, 10 * MINUTE)
    assert set(service.numbers()) == ids(range(2))


def test_after_downtime_it_is_read_in_bounded_slices_and_swept_once(
    reader: ElasticsearchClient, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="away")
    service = Service(reader, ["s2h-away-*"], with_settings(slice_documents=100, catch_up_slices=3))
    service.cycle(10)
    start_s = service.now_s
    indices.add(index, [document(n, start_s + 36 * n) for n in range(1_000)])  # ten hours
    service.restart()
    plan = service.plan_after(10 * HOUR)
    assert not plan[0].is_backfill
    late = [part for part in plan if part.is_backfill]
    # The sweeps that are due are of the time before.
    assert sum(part.interval.end_ns > (start_s + 60) * NANOSECONDS for part in late) == 3
    service.cycle()
    assert "999" in service.numbers()
    service.cycles(6, 10)
    assert set(service.numbers()) == ids(range(1_000))
    assert max(count for _, count in service.slices) <= 110
    service.cycles(50, HOUR)
    # What was read ten hours late was not swept after two minutes and an hour as well.
    assert sum(service.numbers().values()) < 2.3 * 1_000


def test_a_crash_between_any_two_steps_loses_nothing(
    reader: ElasticsearchClient, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="stop")
    service = Service(reader, ["s2h-stop-*"], with_settings(slice_documents=30))
    for round_ in range(6):
        for part in list(service.plan())[: round_ + 1]:
            service.take(part)
        service.restart()
        first = round_ * 100
        documents = [document(n, service.now_s) for n in range(first, first + 100)]
        indices.add(index, documents, first=first)
        service.now_s += 10
    service.cycles(20, 10)
    assert set(service.numbers()) == ids(range(600))


def test_a_closed_index_without_the_privilege_to_see_that_is_told(
    bare: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="closed")
    service = Service(bare, ["s2h-closed-*"])
    service.cycle(10)
    indices.add(index, [document(0, service.now_s)])
    plan = service.plan()
    elasticsearch.request("POST", f"{index}/_close")
    with pytest.raises(ServerError):
        service.take(plan[0])
    assert service.cycle(10) == 0
    assert [told.index for told in service.reader.told() if told.is_blind] == [index]
    elasticsearch.request("POST", f"{index}/_open?wait_for_active_shards=1")
    service.cycle(10)
    assert set(service.numbers()) == {"0"}


def test_a_cursor_that_becomes_better_goes_on_where_the_other_stood(
    reader: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="better")
    service = Service(reader, ["s2h-better-*"])
    service.cycle(10)
    service.now_s += DAY
    indices.add(index, [document(n, service.now_s - HOUR) for n in range(5)])
    with client_of(elasticsearch, elasticsearch.users.monitor) as better:
        service.client = better
        service.restart()
        service.cycles(2, 10)
        assert Cursor.SEQ_NO in cursors(service)
        assert set(service.numbers()) == ids(range(5))
        indices.add(index, [document(5, service.now_s)], first=5)
        service.cycle(10)
        assert service.numbers()["5"] == 1
    service.client = reader
    service.restart()
    indices.add(index, [document(6, service.now_s)], first=6)
    service.cycle(10)
    assert "6" in service.numbers()


@pytest.mark.parametrize("is_bare", [False, True])
@pytest.mark.parametrize("restarts", [False, True])
def test_by_which_time_an_empty_index_is_read_is_chosen_with_its_first_event(
    is_bare: bool,
    restarts: bool,
    reader: ElasticsearchClient,
    bare: ElasticsearchClient,
    indices: Indices,
) -> None:
    service = Service(bare if is_bare else reader, ["s2h-empty-*"])
    index = indices.create({"properties": {"@timestamp": {"type": "date"}}}, name="empty")
    service.cycle()
    service.cycles(3, 10)
    if restarts:
        service.restart()
    # Whatever their own times say, and the events of the second and third have come before.
    times = [service.now_s, service.now_s - 40 * MINUTE, service.now_s - 40 * DAY]
    for number, time_s in enumerate(times):
        indices.add(index, [document(number, time_s, ingested_s=service.now_s)], first=number)
    service.cycle(5)
    assert cursors(service) == {Cursor.INGESTED}
    late = document(3, service.now_s - 40 * DAY, ingested_s=service.now_s)
    indices.add(index, [late], first=3)
    service.cycles(3, 10)
    assert set(service.numbers()) == ids(range(4))


def test_a_first_event_without_ingested_has_its_index_read_by_timestamp(
    reader: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(reader, ["s2h-empty-*"])
    index = indices.create(MAPPING, name="empty")
    service.cycle()
    for number in range(3):
        indices.add(index, [document(number, service.now_s)], first=number)
        service.cycle(10)
    assert cursors(service) == {Cursor.TIMESTAMP}
    assert set(service.numbers()) == ids(range(3))


def test_an_index_that_cannot_be_asked_by_what_to_read_it_is_asked_again(
    reader: ElasticsearchClient, indices: Indices, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = "s2h-unasked-*"
    service = Service(reader, [target])
    event = document(0, service.now_s - 40 * DAY, ingested_s=service.now_s)
    index = indices.create(MAPPING, [event], name="unasked")
    busy = BusyError("looking at an index: Elasticsearch is busy", "wait")
    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "answers_to", lambda _, requests: [busy for _ in requests])
        for _ in range(2):
            assert service.cycle(10) == 0
            [told] = service.reader.told()
            assert (told.target, told.cursor, told.is_blind) == (index, None, True)
            assert "is busy" in service.reader.held_back()[target]
            assert not service.reader.horizons()
            assert not service.reader.is_whole()
    service.cycles(2, 10)
    assert cursors(service) == {Cursor.INGESTED}
    assert service.reader.horizons()[target] > (service.now_s - MINUTE) * NANOSECONDS
    assert set(service.numbers()) == ids([0])


def test_an_index_that_is_red_is_blind_alone_and_read_by_what_it_has_when_it_is_not(
    reader: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(reader, ["s2h-well-*", "s2h-ill-*", "s2h-both-*"])
    having = partial(document, ingested_s=service.now_s)
    well = indices.create(MAPPING, [having(0, service.now_s)], name="well")
    service.cycle()
    # No event of it was read yet.
    ill = indices.create_red(MAPPING, name="ill")
    indices.add(well, [having(1, service.now_s)], first=1)
    service.cycle(10)
    assert set(service.numbers()) == ids([0, 1])
    assert {told.index for told in service.reader.told() if told.is_blind} == {ill, "s2h-both-*"}
    # Beside one of the same pattern.
    both = indices.create_red(MAPPING, name="both-ill")
    beside = indices.create(MAPPING, name="both-well")
    indices.add(beside, [having(2, service.now_s)], first=2)
    service.cycle(10)
    assert set(service.numbers()) == ids([0, 1, 2])
    assert {told.index for told in service.reader.told() if told.is_blind} == {ill, both}
    assert set(service.reader.held_back()) == {"s2h-ill-*", "s2h-both-*"}
    for number, index in enumerate((ill, both), 3):
        indices.heal(index)
        indices.add(index, [having(number, service.now_s)], first=number)
    service.cycle(10)
    assert set(service.numbers()) == ids(range(5))
    assert cursors(service) == {Cursor.INGESTED}


def test_what_came_while_the_clock_was_ahead_is_read_when_it_is_set_right(
    reader: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(reader, ["s2h-ahead-*"])
    index = indices.create(MAPPING, name="ahead")
    indices.add(index, [document(0, service.now_s)])
    service.cycle(5)
    right_s = service.now_s
    service.now_s += 40 * DAY
    service.cycle()
    indices.add(index, [document(1, right_s + 5)], first=1)
    service.cycle(10)
    service.now_s = right_s + 20
    indices.add(index, [document(2, service.now_s)], first=2)
    service.cycle(5)
    assert ids([0, 2]) == set(service.numbers())
    service.cycles(2, 2 * MINUTE)
    assert set(service.numbers()) == ids(range(3))
    assert service.reader.horizons()["s2h-ahead-*"] <= service.now_s * NANOSECONDS


def test_an_index_that_is_quiet_for_days_is_read_by_what_its_events_have(
    reader: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(reader, ["s2h-quiet-*"])
    index = indices.create(MAPPING, name="quiet")
    old_s = service.now_s - 3 * DAY
    indices.add(index, [document(0, old_s, ingested_s=old_s)])
    service.cycle()
    assert cursors(service) == {Cursor.INGESTED}
    late = document(1, service.now_s - 40 * DAY, ingested_s=service.now_s)
    indices.add(index, [late], first=1)
    service.cycles(3, 10)
    assert set(service.numbers()) == ids(range(2))


def test_a_pattern_without_an_index_is_told(reader: ElasticsearchClient) -> None:
    service = Service(reader, ["s2h-nowhere-*", "s2h-nothing"])
    assert service.cycle() == 0
    blind = {told.target for told in service.reader.told() if told.is_blind}
    assert blind == {"s2h-nowhere-*", "s2h-nothing"}
