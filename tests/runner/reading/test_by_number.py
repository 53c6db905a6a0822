"""Reading by `_seq_no`, with the real Elasticsearch: all is found, none twice, whatever happens."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import pytest

from sigma2hive.clients.elasticsearch import ElasticsearchClient, SearchAnswer, SearchRequest
from sigma2hive.clients.errors import ServerError
from sigma2hive.runner.reading.catalogue import Cursor
from tests.bench.cluster import Cluster, Indices
from tests.clients.connecting import client_of
from tests.runner.reading.world import (
    BY_HAND,
    MAPPING,
    Service,
    document,
    ids,
    refresh,
    with_settings,
    write,
)

HOUR = 3600


@pytest.fixture(scope="module")
def client(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    """What the service is meant to be given."""
    with client_of(elasticsearch, elasticsearch.users.monitor) as client:
        yield client


def test_a_first_start_begins_a_little_back_and_reads_each_once(
    client: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(client, ["s2h-first-*"])
    old = [document(n, service.now_s - HOUR) for n in range(5)]
    new = [document(n, service.now_s - 60) for n in range(5, 10)]
    index = indices.create(MAPPING, [*old, *new], name="first", settings={"number_of_shards": 3})
    service.now_s += 10  # the index is older than the pattern
    service.cycle()
    assert service.numbers() == dict.fromkeys(ids(range(5, 10)), 1)
    indices.add(index, [document(n, service.now_s) for n in range(10, 30)], first=10)
    service.cycles(3, 10)
    assert service.numbers() == dict.fromkeys(ids(range(5, 30)), 1)
    assert {told.cursor for told in service.reader.told()} == {Cursor.SEQ_NO}


class Interrupted:
    """The same client, with something that happens after its n-th search, counted one by one.

    Elasticsearch looks for each search of a request at another moment.
    """

    def __init__(self, client: ElasticsearchClient, at: int, do: Callable[[], None]) -> None:
        self._client, self._left, self._do = client, at, do

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def msearch(self, requests: Sequence[SearchRequest]) -> list[SearchAnswer | ServerError]:
        answers: list[SearchAnswer | ServerError] = []
        for request in requests:
            answers += self._client.msearch([request])
            self._left -= 1
            if self._left == 0:
                self._do()
        return answers


@pytest.mark.parametrize("searches", [1, 2])
def test_events_that_come_in_while_the_beginning_is_looked_for_are_read(
    client: ElasticsearchClient, indices: Indices, searches: int
) -> None:
    pattern = f"s2h-during-{searches}-*"
    index = indices.create(MAPPING, name=f"during-{searches}")
    meanwhile = Interrupted(
        client, searches, lambda: indices.add(index, [document(0, service.now_s)])
    )
    service = Service(cast(ElasticsearchClient, meanwhile), [pattern])
    service.now_s += 10  # the index is older than the pattern
    service.cycles(3, 10)
    assert service.numbers() == {"0": 1}


def test_events_of_any_time_are_found_once_however_late(
    client: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(client, ["s2h-late-*"])
    index = indices.create(MAPPING, name="late")
    service.cycle()
    delays = [0, HOUR, 24 * HOUR, 400 * 24 * HOUR, -7 * 24 * HOUR, 30]
    for number, delay in enumerate(delays):
        indices.add(index, [document(number, service.now_s - delay)], first=number)
        service.cycle(10)
    assert service.numbers() == dict.fromkeys(ids(range(len(delays))), 1)


def test_an_index_that_appears_is_read_from_its_beginning(
    client: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(client, ["s2h-new-*", "s2h-new-a*", "s2h-*-a"])
    service.now_s -= 100
    assert service.cycle() == 0
    indices.create(MAPPING, [document(n, 0) for n in range(7)], name="new-a")
    service.cycle(100)
    assert service.numbers() == dict.fromkeys(ids(range(7)), 1)
    looked = {part.targets for part, count in service.slices if count}
    assert looked == {("s2h-new-*", "s2h-new-a*")}


def test_a_new_pattern_does_not_read_an_index_again_that_is_known(
    client: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(client, ["s2h-known-*"])
    indices.create(MAPPING, [document(n, service.now_s) for n in range(4)], name="known-a")
    service.cycle(5)
    service.targets = ["s2h-known-*", "s2h-known-a-*"]
    service.restart()
    service.cycles(3, 10)
    assert service.numbers() == dict.fromkeys(ids(range(4)), 1)


def test_what_is_not_refreshed_is_not_passed_over(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="hidden", settings=BY_HAND)
    service = Service(client, ["s2h-hidden-*"])
    service.cycle(10)
    write(elasticsearch, index, [(n, document(n, service.now_s)) for n in range(3)])
    assert service.cycles(50, 10) == 0
    write(elasticsearch, index, [(3, document(3, service.now_s))])
    refresh(elasticsearch, index)
    service.cycles(2, 10)
    assert service.numbers() == dict.fromkeys(ids(range(4)), 1)


def test_after_a_deletion_a_later_refresh_or_time_proves_that_nothing_is_missing(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="gaps")
    service = Service(client, ["s2h-gaps-*"])
    service.cycle(10)
    write(elasticsearch, index, [(n, document(n, service.now_s)) for n in range(6)])
    elasticsearch.request("DELETE", f"{index}/_doc/2?refresh=true")
    # Nothing else is written: the shard's own silence has to do, after a minute and more.
    service.cycles(10, 10)
    assert service.numbers() == dict.fromkeys(ids([0, 1, 3, 4, 5]), 1)


def test_with_maintenance_a_gap_is_settled_at_once(
    elasticsearch: Cluster, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="kept", settings=BY_HAND)
    with client_of(elasticsearch, elasticsearch.users.keeper) as client:
        service = Service(client, ["s2h-kept-*"])
        service.cycle(10)
        write(elasticsearch, index, [(n, document(n, service.now_s)) for n in range(6)])
        elasticsearch.request("DELETE", f"{index}/_doc/2")
        service.cycles(2, 10)
        assert service.numbers() == dict.fromkeys(ids([0, 1, 3, 4, 5]), 1)


@pytest.mark.parametrize("by_hand", [False, True])
def test_the_slices_together_are_what_several_threads_write_meanwhile(
    by_hand: bool, client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    settings = {"number_of_shards": 3, **(BY_HAND if by_hand else {"refresh_interval": "1s"})}
    index = indices.create(MAPPING, name="busy", settings=settings)
    service = Service(client, ["s2h-busy-*"], with_settings(slice_documents=700))
    service.cycle(10)

    def write_some(first: int) -> None:
        for start in range(first, first + 3_000, 100):
            numbers = range(start, start + 100)
            write(elasticsearch, index, [(n, document(n, service.now_s)) for n in numbers])
            if by_hand:
                refresh(elasticsearch, index)

    threads = [threading.Thread(target=write_some, args=(n * 3_000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        service.cycle(1)
        if len(service.slices) % 3 == 0:
            service.restart()
    refresh(elasticsearch, index)
    service.cycles(20, 1)
    assert service.numbers() == dict.fromkeys(ids(range(12_000)), 1)


def test_after_downtime_what_is_new_comes_first_and_the_rest_in_bounded_slices(
    client: ElasticsearchClient, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="down")
    service = Service(client, ["s2h-down-*"], with_settings(slice_documents=100, catch_up_slices=2))
    service.cycle(10)
    indices.add(index, [document(n, service.now_s) for n in range(1_000)])
    service.restart()
    first, *_ = plan = service.plan_after(6 * HOUR)
    assert not first.is_backfill
    assert [part.is_backfill for part in plan] == [False, True, True]
    service.cycle()
    indices.add(index, [document(1_000, service.now_s)], first=1_000)
    service.cycle(10)
    assert "1000" in service.numbers()
    service.cycles(4, 10)
    assert service.numbers() == dict.fromkeys(ids(range(1_001)), 1)
    assert max(count for _, count in service.slices) == 100


def test_a_crash_between_any_two_steps_loses_nothing(
    client: ElasticsearchClient, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="crash", settings={"number_of_shards": 2})
    service = Service(client, ["s2h-crash-*"], with_settings(slice_documents=30))
    for round_ in range(6):
        for part in list(service.plan())[: round_ + 1]:
            service.take(part)
        service.restart()
        first = round_ * 100
        # A first start goes by time, until its first steps are stored.
        documents = [document(n, service.now_s) for n in range(first, first + 100)]
        indices.add(index, documents, first=first)
        service.now_s += 10
    service.cycles(10, 10)
    assert service.numbers() == dict.fromkeys(ids(range(600)), 1)


def test_an_index_that_is_made_again_is_read_from_its_beginning(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    service = Service(client, ["s2h-again-*"])
    service.now_s -= 100
    index = indices.create(MAPPING, [document(n, 0) for n in range(5)], name="again")
    service.cycle(1)
    service.cycle(100)
    indices.add(index, [document(5, 0)], first=5)
    [planned] = service.plan()
    elasticsearch.request("DELETE", index)
    with pytest.raises(ServerError):
        service.take(planned)
    elasticsearch.request("PUT", index, {"mappings": MAPPING})
    indices.add(index, [document(n, 0) for n in range(10, 14)], first=10)
    with pytest.raises(ServerError):
        service.take(planned)
    service.read.clear()
    service.cycle(10)
    assert service.numbers() == dict.fromkeys(ids(range(10, 14)), 1)
    assert not service.reader.gone(service.positions)
    # What is lost of it is noted, if anything.
    for noted in service.reader.lost(service.positions, service.now_s * 10**9):
        service.positions[noted.unit] = noted.position
    service.cycle(8 * 24 * HOUR)
    assert [unit.partition(":")[0] for unit in service.reader.gone(service.positions)] == ["seq_no"]


def test_a_closed_index_is_told_and_read_on_when_it_is_open(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    service = Service(client, ["s2h-shut-*"])
    index = indices.create(MAPPING, name="shut")
    service.cycle(10)
    indices.add(index, [document(1, service.now_s)], first=1)
    [planned] = service.plan()
    elasticsearch.request("POST", f"{index}/_close")
    with pytest.raises(ServerError):
        service.take(planned)
    assert service.cycle(10) == 0
    assert [told.is_blind for told in service.reader.told()] == [True]
    elasticsearch.request("POST", f"{index}/_open?wait_for_active_shards=1")
    service.cycles(8, 10)
    assert service.numbers() == {"1": 1}


def test_a_rollover_goes_on_with_the_next_index(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    service = Service(client, ["s2h-roll"])
    service.now_s -= 100
    service.cycle()
    first, second = (f"s2h-rolled-00000{n}" for n in (1, 2))
    alias = {"s2h-roll": {"is_write_index": True}}
    elasticsearch.request("PUT", first, {"mappings": MAPPING, "aliases": alias})
    indices.names += [first, second]
    write(elasticsearch, "s2h-roll", [(n, document(n, 0)) for n in range(3)])
    elasticsearch.request("POST", "s2h-roll/_rollover", {"mappings": MAPPING})
    write(elasticsearch, "s2h-roll", [(n, document(n, 0)) for n in range(3, 6)])
    for name in (first, second):
        refresh(elasticsearch, name)
    service.cycle(100)
    assert service.numbers() == dict.fromkeys(ids(range(6)), 1)


def test_a_shrunken_index_is_read_on_from_where_its_shards_stood(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="thin", settings={"number_of_shards": 2})
    service = Service(client, ["s2h-thin-*", "shrink-*"])
    with client_of(elasticsearch, elasticsearch.users.admin) as admin:
        service.client = admin
        service.restart()
        service.cycle(1)
        indices.add(index, [document(n, service.now_s) for n in range(200)])
        service.cycle(10)
        assert service.numbers() == dict.fromkeys(ids(range(200)), 1)
        indices.add(index, [document(200, service.now_s)], first=200)
        elasticsearch.request("PUT", f"{index}/_settings", {"index.blocks.write": True})
        shrunk = f"shrink-ab12-{index}"
        body = {"settings": {"number_of_shards": 1, "index.blocks.write": None}}
        elasticsearch.request("POST", f"{index}/_shrink/{shrunk}?wait_for_active_shards=1", body)
        indices.names.append(shrunk)
        elasticsearch.request("DELETE", index)
        service.cycles(9, 10)
        # Where documents share a number, what was read on the larger side is read again.
        assert ids(range(201)) == set(service.numbers())
        again = [number for number, count in service.numbers().items() if count > 1]
        assert len(again) < 60
        write(elasticsearch, shrunk, [(201, document(201, service.now_s))])
        refresh(elasticsearch, shrunk)
        service.cycles(9, 10)
        assert "201" in service.numbers()


def test_a_shard_that_does_not_run_is_told_and_keeps_nothing_from_the_others(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    whole = indices.create(MAPPING, name="part-whole")
    settings = {"index.routing.allocation.require._name": "nobody"}
    body = {"settings": {**settings, "number_of_shards": 1}, "mappings": MAPPING}
    elasticsearch.request("PUT", "s2h-part-red?wait_for_active_shards=0", body)
    indices.names.append("s2h-part-red")
    service = Service(client, ["s2h-part-*"])
    service.cycle(10)
    indices.add(whole, [document(1, service.now_s)], first=1)
    service.cycle(10)
    assert service.numbers() == {"1": 1}
    assert [told.index for told in service.reader.told() if told.is_blind] == ["s2h-part-red/0"]
    assert service.reader.held_back() == {"s2h-part-*": "s2h-part-red/0: its primary does not run"}


def test_a_burst_after_a_quiet_night_is_news(client: ElasticsearchClient, indices: Indices) -> None:
    index = indices.create(MAPPING, name="quiet")
    service = Service(client, ["s2h-quiet-*"], with_settings(slice_documents=100))
    service.cycles(3, 4 * HOUR)
    indices.add(index, [document(n, service.now_s) for n in range(190)])
    plan = service.plan_after(10)
    assert [part.is_backfill for part in plan] == [False, False]
