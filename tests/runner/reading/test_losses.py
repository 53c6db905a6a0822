"""An index that is deleted before it was read to its end is told as a loss, once; no other is."""

from collections.abc import Iterator, Sequence

import pytest

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.reading.interface import Lost
from sigma2hive.runner.reading.losses import POSSIBLE, SURE
from tests.bench.cluster import Cluster, Indices
from tests.clients.connecting import client_of
from tests.runner.reading.world import MAPPING, Service, document, ids, with_settings

HOUR, DAY = 3600, 24 * 3600


@pytest.fixture(scope="module")
def client(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    with client_of(elasticsearch, elasticsearch.users.monitor) as client:
        yield client


@pytest.fixture(scope="module")
def by_time(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    """May read, and see nothing of shards."""
    with client_of(elasticsearch, elasticsearch.users.reader) as client:
        yield client


def lost(service: Service, looked_s: int | None = None) -> Sequence[Lost]:
    """Plan ten seconds later, tell what is lost, and note that."""
    looked_s = service.now_s if looked_s is None else looked_s
    service.plan_after(10)
    found = service.reader.lost(service.positions, looked_s * NANOSECONDS)
    service.positions.update((entry.unit, entry.position) for entry in found)
    return [entry for entry in found if entry.reason]


def begun(client: ElasticsearchClient, indices: Indices, name: str, **limits: int) -> Service:
    """Return a service that has read an empty index."""
    service = Service(client, [f"s2h-{name}-*"], with_settings(**limits))
    indices.create(MAPPING, name=name)
    service.cycle(10)
    return service


def test_what_was_seen_and_not_read_is_lost(
    client: ElasticsearchClient, indices: Indices, elasticsearch: Cluster
) -> None:
    service = begun(client, indices, "unread")
    [index] = indices.names
    indices.add(index, [document(n, service.now_s) for n in range(10)])
    read_s = service.now_s
    assert service.plan_after(10)
    elasticsearch.request("DELETE", index)
    [told] = lost(service)
    assert (told.index, told.reason, told.targets) == (index, SURE, ("s2h-unread-*",))
    assert told.interval.start_ns <= read_s * NANOSECONDS < told.interval.end_ns
    assert not lost(service)


def test_what_was_put_off_and_is_gone_is_lost_after_a_restart_too(
    client: ElasticsearchClient, indices: Indices, elasticsearch: Cluster
) -> None:
    service = begun(client, indices, "behind", slice_documents=10, catch_up_slices=1)
    [index] = indices.names
    indices.add(index, [document(n, service.now_s) for n in range(100)])
    service.cycle(HOUR)
    elasticsearch.request("DELETE", index)
    service.restart()
    [told] = lost(service)
    assert told.reason == SURE


def test_an_index_that_was_read_to_its_end_is_no_loss(
    client: ElasticsearchClient, indices: Indices, elasticsearch: Cluster
) -> None:
    service = begun(client, indices, "done")
    [index] = indices.names
    indices.add(index, [document(n, service.now_s) for n in range(10)])
    service.cycles(2, 10)
    elasticsearch.request("DELETE", index)
    assert not lost(service)


@pytest.mark.parametrize(("quiet_s", "reasons"), [(60, [POSSIBLE]), (HOUR, [])])
def test_after_a_restart_an_index_that_was_being_written_may_have_lost(
    client: ElasticsearchClient,
    indices: Indices,
    elasticsearch: Cluster,
    quiet_s: int,
    reasons: Sequence[str],
) -> None:
    service = begun(client, indices, "stopped")
    [index] = indices.names
    indices.add(index, [document(n, service.now_s) for n in range(10)])
    service.cycle(10)
    stopped_s = service.now_s + quiet_s
    elasticsearch.request("DELETE", index)
    service.restart()
    service.now_s = stopped_s + 2 * HOUR
    assert [entry.reason for entry in lost(service, stopped_s)] == reasons


def test_an_index_that_no_rule_looks_at_any_more_is_not_lost(
    client: ElasticsearchClient, indices: Indices
) -> None:
    service = begun(client, indices, "unasked")
    [index] = indices.names
    indices.add(index, [document(n, service.now_s) for n in range(10)])
    service.plan_after(10)
    service.targets = ["s2h-others-*"]
    service.restart()
    assert not lost(service, service.now_s)


@pytest.mark.parametrize("user", ["monitor", "reader"])
def test_one_that_was_hidden_for_weeks_is_read_on_from_where_it_was(
    user: str, indices: Indices, elasticsearch: Cluster
) -> None:
    with client_of(elasticsearch, getattr(elasticsearch.users, user)) as asking:
        service = begun(asking, indices, "hidden")
        [index] = indices.names
        indices.add(index, [document(n, service.now_s) for n in range(10)])
        service.cycles(6, 6 * HOUR)  # no sweep looks at them again
        assert set(service.numbers()) == ids(range(10))
        service.read.clear()
        service.targets = ["s2h-others-*"]
        service.restart()
        for _ in range(8):
            assert not lost(service)
            service.now_s += 10 * DAY
            assert not service.reader.gone(service.positions)
        indices.add(index, [document(n, service.now_s) for n in range(10, 15)], first=10)
        service.targets = ["s2h-hidden-*"]
        service.restart()
        service.cycles(3, 20)
        assert set(service.numbers()) == ids(range(10, 15))
        # As long as matches are kept, and no longer.
        service.targets = ["s2h-others-*"]
        service.restart()
        service.plan_after(91 * DAY)
        [gone] = service.reader.gone(service.positions)
        assert not gone.startswith("since:")


def test_one_that_may_not_be_seen_any_more_is_not_lost_and_keeps_nothing_from_being_told(
    client: ElasticsearchClient, indices: Indices, elasticsearch: Cluster
) -> None:
    index = "beyond-what-the-service-may-see"
    elasticsearch.request("PUT", index, {"mappings": MAPPING})
    indices.names.append(index)
    with client_of(elasticsearch, elasticsearch.users.admin) as admin:
        service = Service(admin, [index])
        service.cycle(10)
        indices.add(index, [document(n, service.now_s) for n in range(10)])
        service.plan_after(10)
    service.client, service.targets = client, ["s2h-others-*"]
    service.restart()
    assert not lost(service, service.now_s)


def test_one_that_is_there_under_another_name_is_not_lost(
    indices: Indices, elasticsearch: Cluster
) -> None:
    with client_of(elasticsearch, elasticsearch.users.admin) as admin:
        service = Service(admin, ["s2h-moved-*", "shrink-*"])
        index = indices.create(MAPPING, name="moved", settings={"number_of_shards": 2})
        service.cycle(10)
        indices.add(index, [document(n, service.now_s) for n in range(10)])
        service.plan_after(10)
        elasticsearch.request("PUT", f"{index}/_settings", {"index.blocks.write": True})
        shrunk = f"shrink-ab12-{index}"
        body = {"settings": {"number_of_shards": 1, "index.blocks.write": None}}
        elasticsearch.request("POST", f"{index}/_shrink/{shrunk}?wait_for_active_shards=1", body)
        indices.names.append(shrunk)
        elasticsearch.request("DELETE", index)
        assert not lost(service)


def test_by_time_what_was_put_off_is_lost(
    by_time: ElasticsearchClient, indices: Indices, elasticsearch: Cluster
) -> None:
    service = begun(by_time, indices, "timed", slice_documents=10, catch_up_slices=1)
    [index] = indices.names
    indices.add(index, [document(n, service.now_s + n) for n in range(100)])
    service.cycle(HOUR)
    elasticsearch.request("DELETE", index)
    [told] = lost(service)
    assert told.reason == SURE
    assert not lost(service)
