"""A slice comes whole or fails, is planned again the same way, and the plan says how far it got."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.elasticsearch import Indices as Searched
from sigma2hive.clients.errors import BusyError, IncompleteError, ServerError, ServerTimeoutError
from sigma2hive.model.service import Interval
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.reading.interface import Slice
from tests.bench.answering import Answer, answering
from tests.bench.cluster import Cluster, Indices
from tests.clients.connecting import client_at, client_of
from tests.runner.reading.world import MAPPING, Service, document, ids, with_settings

PART = Slice(
    unit="timestamp:logs",
    targets=("logs",),
    index="logs",
    indices=Searched(("logs",)),
    query={"match_all": {}},
    position={},
    expected=None,
    interval=Interval(0, 1),
)
WHOLE = {"total": 1, "successful": 1, "failed": 0}
HITS: dict[str, Any] = {"hits": []}
FAILED = {"total": 2, "failed": 1, "failures": [{"reason": {"type": "io", "reason": "broken"}}]}


def refused(kind: str, status: int) -> Answer:
    return Answer({"error": {"type": kind, "reason": "so it is"}, "status": status}, status=status)


@pytest.fixture(scope="module")
def client(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    with client_of(elasticsearch, elasticsearch.users.monitor) as client:
        yield client


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer({"timed_out": True, "_shards": WHOLE, "hits": HITS}), ServerTimeoutError),
        (Answer({"timed_out": False, "_shards": FAILED, "hits": HITS}), IncompleteError),
        (Answer({"_shards": WHOLE, "_clusters": {"skipped": 1}, "hits": HITS}), IncompleteError),
        (refused("es_rejected_execution_exception", 429), BusyError),
        (refused("circuit_breaking_exception", 429), BusyError),
        (refused("search_context_missing_exception", 404), IncompleteError),
    ],
)
def test_everything_short_of_a_whole_answer_fails_the_slice_and_passes(
    answer: Answer, error: type[ServerError]
) -> None:
    opened = Answer({"id": "view", "_shards": WHOLE})
    with answering(opened, answer, Answer({"succeeded": True})) as server:
        service = Service(client_at(server.url), ["logs"])
        with pytest.raises(error) as caught:
            list(service.reader.read(PART))
    assert caught.value.passes


def test_an_index_that_is_deleted_between_two_pages_fails_the_slice(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    service = Service(client, ["s2h-torn-*"], with_settings(slice_documents=2_000))
    index = indices.create(MAPPING, name="torn")
    service.cycle(10)
    indices.add(index, [document(n, service.now_s) for n in range(1_500)])
    [part] = service.plan()
    pages = service.reader.read(part)
    next(pages)
    elasticsearch.request("DELETE", index)
    with pytest.raises(ServerError):
        list(pages)


def test_a_slice_that_failed_is_planned_again_the_same_way(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    service = Service(client, ["s2h-retry-*"])
    index = indices.create(MAPPING, name="retry")
    service.cycle(10)
    indices.add(index, [document(n, service.now_s) for n in range(5)])
    [first] = service.plan()
    # The shard's primary is elsewhere by now.
    with pytest.raises(IncompleteError):
        list(service.reader.read(replace(first, preference="_shards:0|_only_nodes:gone")))
    [again] = service.plan()
    assert (again.query, again.expected) == (first.query, first.expected)
    service.take(again)
    assert service.numbers() == dict.fromkeys(ids(range(5)), 1)


def test_a_plan_reaches_to_now_but_for_what_is_behind_or_cannot_be_read(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    targets = ["s2h-reach-*", "s2h-other-*", "s2h-none-*"]
    settings = with_settings(slice_documents=100, catch_up_slices=1)
    service = Service(client, targets, settings)
    index = indices.create(MAPPING, name="reach")
    other = indices.create(MAPPING, name="other")
    service.cycle(10)
    before_s = service.now_s
    now = dict.fromkeys(targets[:2], before_s * NANOSECONDS)
    assert service.reader.horizons() == now
    indices.add(index, [document(n, before_s) for n in range(1_000)])
    indices.add(other, [document(0, before_s)])
    service.plan_after(1_000)
    reached = service.reader.horizons()
    assert reached["s2h-other-*"] == service.now_s * NANOSECONDS
    assert before_s * NANOSECONDS <= reached["s2h-reach-*"] < (before_s + 200) * NANOSECONDS
    service.cycles(15, 10)
    assert set(service.reader.horizons().values()) == {service.now_s * NANOSECONDS}
    red = "s2h-other-red"
    body = {"settings": {"index.routing.allocation.require._name": "nobody"}}
    elasticsearch.request("PUT", f"{red}?wait_for_active_shards=0", body)
    indices.names.append(red)
    service.cycle(10)
    assert "s2h-other-*" not in service.reader.horizons()
