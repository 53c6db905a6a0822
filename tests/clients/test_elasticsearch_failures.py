"""Every failure becomes one of our errors, which says what to do and keeps secrets to itself."""

import socket
import threading
import traceback
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import elastic_transport
import elasticsearch as library
import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig

from sigma2hive.clients import errors
from sigma2hive.clients.elasticsearch import Indices, SearchRequest
from sigma2hive.clients.elasticsearch.failures import error_of_library
from sigma2hive.clients.elasticsearch.refusals import Call
from sigma2hive.clients.errors import (
    AnswerError,
    AuthenticationError,
    BusyError,
    IncompleteError,
    MissingError,
    RequestRefusedError,
    ServerError,
    ServerTimeoutError,
    UnreachableError,
    VersionError,
)
from tests.bench.accounts import INDEX_PREFIX, User
from tests.bench.answering import PRODUCT, Answer, answering
from tests.bench.cluster import Cluster
from tests.bench.cluster import Indices as Made
from tests.clients.connecting import client_at, client_of

KEYWORD = {"properties": {"a": {"type": "keyword"}}}
LOGS = Indices(("logs-*",))
SEARCH = SearchRequest(LOGS, {"query": {"match_all": {}}})
CALL = Call("https://es.example:9200", "searching logs-*")


def everything_that_is_said(error: ServerError) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


# On the real one


def test_a_wrong_password_says_where_it_is_set(elasticsearch: Cluster) -> None:
    stranger = User(elasticsearch.users.reader.name, "hunter2", "")
    with client_of(elasticsearch, stranger) as client:
        with pytest.raises(AuthenticationError, match="_PASSWORD") as caught:
            client.info()
        assert "hunter2" not in everything_that_is_said(caught.value)
        with pytest.raises(AuthenticationError):
            client.msearch([SEARCH])


def test_an_unknown_cluster_is_named(elasticsearch: Cluster) -> None:
    with (
        client_of(elasticsearch, elasticsearch.users.reader) as client,
        pytest.raises(IncompleteError, match=r"\[elsewhere\].*connect it as a remote cluster"),
    ):
        client.count(Indices(("elsewhere:logs-*",)), {"match_all": {}})


def test_an_index_without_a_shard_is_no_empty_index(elasticsearch: Cluster, indices: Made) -> None:
    index = f"{INDEX_PREFIX}{uuid.uuid4().hex}"
    indices.names.append(index)
    nowhere = {"settings": {"index.routing.allocation.require._name": "nowhere"}}
    elasticsearch.request("PUT", f"{index}?wait_for_active_shards=0", nowhere)
    there = Indices((index,))
    with client_of(elasticsearch, elasticsearch.users.reader) as client:
        calls = (
            lambda: client.count(there, {"match_all": {}}),
            lambda: client.open_point_in_time(there),
            lambda: client.field_caps(there),
        )
        for call in calls:
            with pytest.raises(IncompleteError, match="look at the cluster's health"):
                call()
        (answer,) = client.msearch([SearchRequest(there, {})])
        assert isinstance(answer, IncompleteError)


def test_too_little_memory_is_told_from_a_mistake(elasticsearch: Cluster, indices: Made) -> None:
    index = indices.create(KEYWORD, [{"a": "x"}])
    request = SearchRequest(Indices((index,)), {"aggs": {"a": {"terms": {"field": "a"}}}})
    limit = "indices.breaker.request.limit"
    elasticsearch.request("PUT", "_cluster/settings", {"persistent": {limit: "1b"}})
    try:
        with client_of(elasticsearch, elasticsearch.users.reader) as client:
            with pytest.raises(BusyError, match=r"Data too large.*ask for less at once"):
                client.search(request)
            (answer,) = client.msearch([request])
            assert isinstance(answer, BusyError)
    finally:
        elasticsearch.request("PUT", "_cluster/settings", {"persistent": {limit: None}})


def test_a_blocked_index_is_not_taken_for_a_missing_privilege(
    elasticsearch: Cluster, indices: Made
) -> None:
    index = indices.create(KEYWORD, [{"a": "x"}], settings={"index.blocks.read": False})
    elasticsearch.request("PUT", f"{index}/_settings", {"index.blocks.read": True})
    with (
        client_of(elasticsearch, elasticsearch.users.reader) as client,
        pytest.raises(RequestRefusedError, match=r"blocked the index.*lift the block"),
    ):
        client.count(Indices((index,)), {"match_all": {}})


# Where nothing answers


def test_an_address_where_nothing_listens(unused_port: int) -> None:
    with (
        client_at(f"http://127.0.0.1:{unused_port}") as client,
        pytest.raises(
            UnreachableError, match=r"Connection refused; check elasticsearch\.urls"
        ) as e,
    ):
        client.info()
    assert "hunter2" not in everything_that_is_said(e.value)


def test_a_name_that_does_not_resolve() -> None:
    with (
        client_at("http://elastic.invalid:9200") as client,
        pytest.raises(UnreachableError, match=r"Failed to resolve 'elastic\.invalid'"),
    ):
        client.info()


def test_a_server_that_does_not_answer_is_given_up_and_not_asked_twice() -> None:
    with answering(None) as server, client_at(server.url, seconds=1) as client:
        with pytest.raises(ServerTimeoutError, match=r"in time; .*timeout_seconds"):
            client.search(SEARCH)
        assert len(server.asked) == 1


def test_a_server_that_hangs_up_may_want_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        server.listen()
        with client_at(f"http://127.0.0.1:{port}", seconds=5) as client:
            thread = _hang_up_once(server)
            with pytest.raises(UnreachableError, match="may expect https"):
                client.info()
            thread.join()


def _hang_up_once(server: socket.socket) -> threading.Thread:
    def hang_up() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)

    thread = threading.Thread(target=hang_up)
    thread.start()
    return thread


def test_the_next_address_is_asked_where_one_does_not_answer(unused_port: int) -> None:
    info = {"cluster_name": "c", "version": {"number": "9.9.9"}}
    with answering(Answer(info)) as server:
        urls = (f"http://127.0.0.1:{unused_port}", server.url)
        with client_at(*urls) as client:
            assert [client.info().version for _ in range(3)] == ["9.9.9"] * 3


def test_a_refusal_is_not_sent_to_the_next_address() -> None:
    with (
        answering(Answer({"error": {"type": "x"}}, 429)) as server,
        client_at(server.url, server.url.replace("127.0.0.1", "localhost")) as client,
    ):
        with pytest.raises(BusyError):
            client.search(SEARCH)
        assert len(server.asked) == 1


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that is taken, and where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


# What only a proxy of a test can answer

WHOLE = {"total": 2, "successful": 2, "skipped": 0, "failed": 0}
FOUND: dict[str, Any] = {"hits": {"hits": []}, "_shards": WHOLE, "timed_out": False}
FAILED_SHARD = {"shard": 0, "reason": {"type": "io_exception", "reason": "disk went away"}}
PARTS = {
    "shard": (
        {"_shards": {**WHOLE, "failed": 1, "failures": [FAILED_SHARD]}},
        IncompleteError,
        "left out 1 of 2 shards: disk went away",
    ),
    "time": ({"timed_out": True}, ServerTimeoutError, "before it was through"),
    "skipped-cluster": (
        {
            "_clusters": {
                "total": 2,
                "successful": 1,
                "skipped": 1,
                "details": {"(local)": {"status": "successful"}, "far": {"status": "skipped"}},
            }
        },
        IncompleteError,
        "left out the clusters far",
    ),
    "partial-cluster": (
        {"_clusters": {"total": 1, "successful": 0, "partial": 1}},
        IncompleteError,
        "it does not say which",
    ),
    "no-hits": ({"hits": None}, AnswerError, "without hits"),
}


@pytest.mark.parametrize(("part", "kind", "words"), PARTS.values(), ids=PARTS)
def test_an_answer_without_a_part_is_an_error_everywhere(
    part: dict[str, Any], kind: type[ServerError], words: str
) -> None:
    body = {**FOUND, **part}
    with answering(Answer(body)) as server, client_at(server.url) as client:
        with pytest.raises(kind, match=words):
            client.search(SEARCH)
        with pytest.raises(kind, match=words):
            client.count(LOGS, {})
    with answering(Answer({"responses": [FOUND, body]})) as server, client_at(server.url) as client:
        good, bad = client.msearch([SEARCH, SEARCH])
        assert not isinstance(good, ServerError)
        assert isinstance(bad, kind)
    opened = Answer({"id": "view"})
    with answering(opened, Answer(body)) as server, client_at(server.url) as client:
        view = client.open_point_in_time(LOGS)
        with pytest.raises(kind, match=words):
            list(client.pages(view, {}))


def test_a_view_that_lacks_a_cluster_is_closed_and_refused() -> None:
    skipped = {"id": "view", "_clusters": {"skipped": 1}}
    with (
        answering(Answer(skipped), Answer({"succeeded": True})) as server,
        client_at(server.url) as client,
    ):
        with pytest.raises(IncompleteError):
            client.open_point_in_time(LOGS)
        assert [(asked.method, asked.body) for asked in server.asked[1:]] == [
            ("DELETE", '{"id":"view"}')
        ]


def test_fields_of_an_index_that_failed_are_not_left_out() -> None:
    body = {"indices": ["a"], "fields": {}, "failures": [{"indices": ["b"], "failure": {}}]}
    with (
        answering(Answer(body)) as server,
        client_at(server.url) as client,
        pytest.raises(IncompleteError, match="could not look into b"),
    ):
        client.field_caps(LOGS)


def test_every_search_demands_a_whole_answer() -> None:
    with answering(Answer({"id": "view", "responses": [FOUND], **FOUND})) as server:
        with client_at(server.url) as client:
            client.search(SEARCH)
            client.count(LOGS, {})
            client.msearch([SEARCH])
            list(client.pages(client.open_point_in_time(LOGS), {}))
        for asked in server.asked:
            said = (asked.path + asked.body).replace('"', "").replace(":", "=")
            assert "allow_partial_search_results=false" in said
            assert ("pit=" in said) or "allow_no_indices=false" in said


@pytest.mark.parametrize(
    "kind",
    [
        "illegal_index_shard_state_exception",
        "shard_not_found_exception",
        "no_shard_available_action_exception",
        "search_context_missing_exception",
    ],
)
def test_a_shard_on_the_move_is_no_missing_index(kind: str) -> None:
    """Elasticsearch answers 404 to these too."""
    with answering(Answer(error_body(kind), 404)) as server, client_at(server.url) as client:
        with pytest.raises(IncompleteError):
            client.field_caps(LOGS)
        with pytest.raises(IncompleteError):
            client.search(SEARCH)


def test_a_404_of_another_kind_is_no_missing_index() -> None:
    answer = Answer(error_body("no_such_thing_exception"), 404)
    with (
        answering(answer) as server,
        client_at(server.url) as client,
        pytest.raises(AnswerError),
    ):
        client.field_caps(LOGS)


def error_body(kind: str, reason: str = "because") -> dict[str, Any]:
    error = {"type": kind, "reason": reason}
    return {"error": {**error, "root_cause": [error]}}


PAGE = "<html><body>Bad Gateway hunter2</body></html>"
ANSWERS = {
    "busy": (
        Answer(error_body("es_rejected_execution_exception"), 429, {"Retry-After": "7"}),
        BusyError,
        "because; ask again in 7 s",
    ),
    "no-master": (Answer(error_body("cluster_block_exception"), 503), BusyError, "ask again later"),
    "search-failed": (
        Answer(error_body("search_phase_execution_exception"), 500),
        IncompleteError,
        "could not search every shard",
    ),
    "search-ended": (
        Answer(error_body("search_timeout_exception"), 504),
        ServerTimeoutError,
        "before it was through",
    ),
    "too-large": (Answer("", 413, type="text/plain"), RequestRefusedError, "ask for less at once"),
    "other-version": (
        Answer(error_body("media_type_header_exception", "compatible-with=9"), 400),
        VersionError,
        "Elasticsearch 9 is needed",
    ),
    "failed-inside": (
        Answer(error_body("null_pointer_exception"), 500),
        AnswerError,
        "look into the server's log",
    ),
    "gateway": (Answer(PAGE, 502, {}, "text/html"), UnreachableError, "the proxy before it"),
    "unavailable": (Answer(PAGE, 503, {}, "text/html"), UnreachableError, "the proxy before it"),
    "gateway-time": (Answer(PAGE, 504, {}, "text/html"), ServerTimeoutError, "the proxy before"),
    "not-found-page": (Answer(PAGE, 404, {}, "text/html"), AnswerError, "not to Kibana"),
    "login-page": (Answer(PAGE, 200, {}, "text/html"), AnswerError, "not to Kibana"),
    "other-product": (Answer({"ok": True}, 200, {}), AnswerError, "not to Kibana"),
    "unknown-type": (Answer("x", 200, PRODUCT, "application/pdf"), AnswerError, "not JSON"),
    "broken-json": (Answer('{"hits": hunter2', 200), AnswerError, "not JSON"),
    "deep-json": (Answer("[" * 100_000 + "]" * 100_000, 200), AnswerError, "not JSON"),
    "list": (Answer([1], 200), AnswerError, "another form"),
    "redirect": (Answer({}, 302, {"Location": "http://127.0.0.1:1/"}), AnswerError, "302"),
}


@pytest.mark.parametrize(("answer", "kind", "words"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_of_an_error_is_told(answer: Answer, kind: type[ServerError], words: str) -> None:
    with answering(answer) as server, client_at(server.url) as client:
        with pytest.raises(kind, match=words) as caught:
            client.search(SEARCH)
        assert caught.value.message.startswith(f"searching logs-*: Elasticsearch at {server.url} ")
        assert "hunter2" not in everything_that_is_said(caught.value)
        assert len(server.asked) == 1


def test_an_msearch_of_another_length_is_refused() -> None:
    with (
        answering(Answer({"responses": [FOUND]})) as server,
        client_at(server.url) as client,
        pytest.raises(AnswerError, match="1 answers"),
    ):
        client.msearch([SEARCH, SEARCH])


def test_an_msearch_that_is_too_large_is_sent_in_halves() -> None:
    two, one = Answer("", 413, type="text/plain"), Answer({"responses": [FOUND]})
    with answering(two, one) as server, client_at(server.url) as client:
        answers = client.msearch([SEARCH, SEARCH])
        assert [getattr(answer, "hits", None) for answer in answers] == [(), ()]
        assert len(server.asked) == 3


def test_the_time_to_come_again_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    answer = Answer(error_body("x"), 429, {"Retry-After": later})
    with answering(answer) as server, client_at(server.url) as client:
        with pytest.raises(BusyError) as caught:
            client.search(SEARCH)
        seconds = caught.value.retry_after_seconds
        assert seconds is not None
        assert 60 < seconds <= 100


@pytest.mark.parametrize("header", ["soon", "", "-1"])
def test_a_time_that_says_nothing_is_left_out(header: str) -> None:
    answer = Answer(error_body("x"), 429, {"Retry-After": header})
    with answering(answer) as server, client_at(server.url) as client:
        with pytest.raises(BusyError, match="ask again later") as caught:
            client.search(SEARCH)
        assert caught.value.retry_after_seconds is None


# The table has no holes


def library_errors() -> list[type[Exception]]:
    """Return every exception that the library and its transport define for a request."""
    found: set[type[Exception]] = set()
    waiting: list[type[Exception]] = [elastic_transport.TransportError, elastic_transport.ApiError]
    for module in (elastic_transport, library, library.exceptions):
        waiting += [
            kind
            for kind in vars(module).values()
            if isinstance(kind, type)
            and issubclass(kind, Exception)
            and not issubclass(kind, Warning)
        ]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting += kind.__subclasses__()
    return sorted(found, key=lambda kind: kind.__name__)


def raised(kind: type[Exception], status: int) -> Exception:
    if not issubclass(kind, elastic_transport.ApiError):
        return kind("hunter2 was in the answer")
    node = NodeConfig("http", "127.0.0.1", 9200)
    meta = ApiResponseMeta(status, "1.1", HttpHeaders(), 0.1, node)
    return kind(message="m", meta=meta, body=error_body("some_exception"))


@pytest.mark.parametrize("kind", library_errors(), ids=lambda kind: kind.__name__)
def test_every_exception_of_the_library_has_a_row(kind: type[Exception]) -> None:
    for status in range(300, 600):
        error = error_of_library(raised(kind, status), CALL)
        assert type(error) is not ServerError
        assert "report this as a mistake" not in error.hint
        assert error.hint
        assert error.message.startswith("searching logs-*: Elasticsearch at https://es.example")


def test_the_walk_finds_what_the_library_has() -> None:
    names = {kind.__name__ for kind in library_errors()}
    assert names >= {"ConnectionTimeout", "TlsError", "NotFoundError", "UnsupportedProductError"}


def test_every_error_of_ours_is_told_apart() -> None:
    """Each class of the tree can come out of the table: none is there for show."""
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    ours = {kind for kind in kinds if issubclass(kind, ServerError)} - {ServerError}
    bodies = [(400, "x"), (401, "x"), (403, "x"), (429, "x"), (500, "x")]
    bodies += [
        (404, "index_not_found_exception"),
        (400, "media_type_header_exception"),
        (404, "search_context_missing_exception"),
        (400, "index_closed_exception"),
    ]
    made = {
        type(error_of_library(raised(kind, 500), CALL))
        for kind in (elastic_transport.ConnectionTimeout, elastic_transport.TlsError)
    } | {type(error_of_library(elastic_transport.ConnectionError("x"), CALL))}
    for status, kind in bodies:
        error = raised(library.ApiError, status)
        error.body = error_body(kind)  # type: ignore[attr-defined]
        made.add(type(error_of_library(error, CALL)))
    assert made == ours - {errors.AlreadyThereError}  # Elasticsearch is only read


def test_missing_is_told_from_elsewhere() -> None:
    answer = Answer(error_body("index_not_found_exception"), 404)
    with answering(answer) as server, client_at(server.url) as client:
        assert client.mappings(LOGS) is None
        with pytest.raises(MissingError):
            client.search(SEARCH)
