"""One page is fetched ahead, never two; what goes wrong with it goes wrong with the slice."""

import threading
from collections.abc import Iterator

import pytest

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.errors import BusyError
from sigma2hive.runner.reading.ahead import one_ahead
from sigma2hive.runner.reading.interface import Slice
from tests.bench.answering import Answer, answering
from tests.bench.cluster import Cluster, Indices
from tests.clients.connecting import client_at, client_of
from tests.runner.reading.test_faults import PART, WHOLE, refused
from tests.runner.reading.world import MAPPING, Service, document, with_settings

PATIENCE = 60
#: What is fetched of a slice before anything is known of its documents.
FIRST_PAGE = 500


@pytest.fixture(scope="module")
def client(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    with client_of(elasticsearch, elasticsearch.users.monitor) as client:
        yield client


class Fetched:
    """Entries that are made one by one, by whoever asks; tells how many were."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.made = 0
        self.threads: set[threading.Thread] = set()
        self._changed = threading.Condition()

    def __iter__(self) -> Iterator[int]:
        for number in range(self.total):
            with self._changed:
                self.made += 1
                self.threads.add(threading.current_thread())
                self._changed.notify_all()
            yield number

    def wait_for(self, made: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.made >= made, PATIENCE)


def test_the_next_is_made_while_the_last_is_looked_at_and_none_beyond_it() -> None:
    fetched = Fetched(20)
    looked_at = []
    with one_ahead(iter(fetched)) as entries:
        for number in entries:
            fetched.wait_for(min(number + 2, 20))
            assert fetched.made == min(number + 2, 20)
            looked_at.append(number)
    assert looked_at == list(range(20))


def test_what_is_left_early_has_no_step_under_way() -> None:
    fetched = Fetched(20)
    with one_ahead(iter(fetched)) as entries:
        next(entries)
    assert fetched.made == 2
    [thread] = fetched.threads
    assert not thread.is_alive()


def page_of(first: int, count: int) -> Answer:
    hits = [
        {"_index": "logs", "_id": str(n), "_source": document(n, 0), "sort": [n]}
        for n in range(first, first + count)
    ]
    return Answer({"pit_id": f"view-{first}", "_shards": WHOLE, "hits": {"hits": hits}})


def test_an_error_on_the_page_ahead_comes_after_the_page_before_it_and_ends_the_view() -> None:
    opened, gone = Answer({"id": "view", "_shards": WHOLE}), Answer({"succeeded": True})
    failed = refused("es_rejected_execution_exception", 429)
    with answering(opened, page_of(0, FIRST_PAGE), failed, gone) as server:
        service = Service(client_at(server.url), ["logs"])
        pages = service.reader.read(PART)
        assert len(list(next(pages))) == FIRST_PAGE  # type: ignore[arg-type]  # a batch
        with pytest.raises(BusyError):
            next(pages)
    assert [(asked.method, asked.path.partition("?")[0]) for asked in server.asked] == [
        ("POST", "/logs/_pit"),
        ("POST", "/_search"),
        ("POST", "/_search"),
        ("DELETE", "/_pit"),
    ]
    # The view is known by the name that came last.
    assert "view-0" in server.asked[-1].body


def test_after_an_error_less_is_asked_for_and_after_a_page_that_came_it_is_not() -> None:
    opened, gone = Answer({"id": "view", "_shards": WHOLE}), Answer({"succeeded": True})
    failed = refused("circuit_breaking_exception", 429)
    answers = (opened, failed, gone, opened, page_of(0, FIRST_PAGE // 4), page_of(0, 0), gone)
    with answering(*answers) as server:
        service = Service(client_at(server.url), ["logs"])
        with pytest.raises(BusyError):
            list(service.reader.read(PART))
        pages = service.reader.read(PART)
        next(pages)
        pages.close()  # type: ignore[attr-defined]  # a generator
    sizes = [asked.body for asked in server.asked if asked.path.startswith("/_search")]
    assert [f'"size":{size}' in body for size, body in zip((500, 125), sizes, strict=False)] == [
        True,
        True,
    ]
    assert '"size":500' in sizes[2], "the page before it came whole"


def _open_views(cluster: Cluster, index: str) -> int:
    path = f"{index}/_stats/search?filter_path=_all.total.search.open_contexts"
    return int(cluster.request("GET", path)["_all"]["total"]["search"]["open_contexts"])


def _slice_with_pages(service: Service, indices: Indices) -> tuple[Slice, str]:
    """Return a slice of three pages, and its index."""
    index = indices.create(MAPPING, name="ahead")
    service.cycle(10)
    indices.add(index, [document(n, service.now_s) for n in range(FIRST_PAGE + 2_000 + 1_000)])
    [part] = service.plan()
    return part, index


def test_a_slice_that_is_left_in_the_middle_leaves_no_view(
    client: ElasticsearchClient, elasticsearch: Cluster, indices: Indices
) -> None:
    service = Service(client, ["s2h-ahead-*"], with_settings(slice_documents=10_000))
    part, index = _slice_with_pages(service, indices)
    pages = service.reader.read(part)
    next(pages)
    assert _open_views(elasticsearch, index) == 1
    pages.close()  # type: ignore[attr-defined]  # a generator
    assert _open_views(elasticsearch, index) == 0
    assert service.take(part) == FIRST_PAGE + 2_000 + 1_000
    assert _open_views(elasticsearch, index) == 0
