"""Every failure of TheHive becomes one of our errors, which says what to do and keeps secrets."""

import socket
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import requests
import thehive4py.errors

from sigma2hive.clients import bounded, errors
from sigma2hive.clients.errors import (
    AlreadyThereError,
    AnswerError,
    AuthenticationError,
    BusyError,
    MissingError,
    PrivilegeError,
    RequestRefusedError,
    ServerError,
    ServerTimeoutError,
    UnreachableError,
    VersionError,
)
from sigma2hive.clients.thehive import TheHiveClient
from sigma2hive.clients.thehive.failures import Call, error_of_library
from tests.bench.answering import Answer, answering
from tests.clients.thehive_clients import SECRET, client_at, client_of, new_alert
from tests.doubles.running import TheHive
from tests.sinks.alerts import address

CALL = Call("https://thehive.example", "sending alert x")


def everything_that_is_said(error: ServerError) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


# On the double


def test_a_wrong_key_says_where_it_is_set(thehive: TheHive) -> None:
    with client_of(thehive, SECRET) as client:
        with pytest.raises(AuthenticationError, match="SIGMA2HIVE_THEHIVE_API_KEY") as caught:
            client.create_alert(new_alert())
        assert SECRET not in everything_that_is_said(caught.value)
        assert client.version().startswith("5.")  # which anyone may ask


def test_a_missing_permission_is_named(thehive: TheHive) -> None:
    thehive.skip_if_real("give the key of a user without permissions")
    with client_of(thehive, "key-reader") as client, pytest.raises(PrivilegeError) as caught:
        client.create_alert(new_alert())
    assert caught.value.privilege == "manageAlert/create"
    assert "give the API key's user a profile" in caught.value.hint


def test_read_only_passes(thehive: TheHive) -> None:
    thehive.set_up(behaviour={"read_only": True})
    with client_of(thehive) as client, pytest.raises(BusyError, match="licence") as caught:
        client.create_alert(new_alert())
    assert caught.value.passes


def test_a_body_above_the_limit_is_told(thehive: TheHive) -> None:
    thehive.set_up(limits={"body_bytes": 10_000})
    with client_of(thehive) as client, pytest.raises(RequestRefusedError, match="413"):
        client.create_alert(new_alert(description="x" * 10_000))


@pytest.mark.parametrize(
    ("order", "kind", "words"),
    [
        ({"status": 408}, ServerTimeoutError, "took too long"),
        ({"status": 409, "body": {"type": "CreateError", "message": "m"}}, AlreadyThereError, "m"),
        ({"status": 429, "retry_after": 7}, BusyError, "ask again later"),
        ({"status": 500}, AnswerError, "look into TheHive's log"),
        ({"status": 502, "body": "<html>"}, BusyError, "ask again later"),
        ({"status": 503, "retry_after": 7}, BusyError, "ask again later"),
        ({"status": 504}, ServerTimeoutError, "took too long"),
        ({"status": 404, "body": {"type": "NotFound", "message": ""}}, VersionError, "TheHive 5"),
        ({"status": 404, "body": "<html>"}, AnswerError, "not to a proxy or a login page"),
        ({"status": 418, "body": []}, AnswerError, "not to a proxy or a login page"),
        ({"status": 407, "body": ""}, AuthenticationError, "HTTPS_PROXY"),
        ({"status": 301, "headers": {"Location": "https://a.example/?t=1"}}, AnswerError, "a.ex"),
        ({"status": 304}, AnswerError, "not TheHive's"),
    ],
)
def test_a_status_is_told(
    thehive: TheHive, order: dict[str, Any], kind: type[ServerError], words: str
) -> None:
    thehive.fail("status", **order)
    with client_of(thehive) as client, pytest.raises(kind, match=words) as caught:
        client.create_alert(new_alert())
    assert type(caught.value) is kind
    if "retry_after" in order:
        assert isinstance(caught.value, BusyError)
        assert caught.value.retry_after_seconds == 7
    assert len(thehive.journal()) == 1  # asked once: nothing is repeated, no redirect followed


@pytest.mark.parametrize("kind", ["html", "truncated", "reset"])
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda client: client.create_alert(new_alert()), id="create"),
        pytest.param(lambda client: client.alert_by_name("a", "b", "c"), id="read"),
        pytest.param(lambda client: client.add_observables("~1", [address("x")]), id="observables"),
        pytest.param(lambda client: client.attach("~1", "n", b"x"), id="attach"),
        pytest.param(lambda client: client.current_user(), id="user"),
        pytest.param(lambda client: client.status(), id="status"),
    ],
)
def test_a_broken_answer_is_a_failure_that_passes(
    thehive: TheHive, kind: str, ask: Callable[[TheHiveClient], object]
) -> None:
    thehive.fail(kind)
    with client_of(thehive) as client:
        with pytest.raises(AnswerError if kind == "html" else UnreachableError) as caught:
            ask(client)
        assert caught.value.passes
        assert caught.value.hint
        assert thehive.key not in everything_that_is_said(caught.value)
    assert len(thehive.journal()) == 1


@pytest.mark.parametrize("kind", ["hang", "drip", "slow"])
def test_waiting_has_an_end(thehive: TheHive, kind: str) -> None:
    """Also where each single wait is short, since TheHive sends a byte now and then."""
    thehive.fail(kind, seconds=0.4 if kind == "drip" else 60)
    with client_of(thehive, timeout_seconds=1) as client:
        with pytest.raises(ServerTimeoutError) as caught:
            client.create_alert(new_alert())
        assert caught.value.passes
    assert len(thehive.journal()) == 1
    thehive.release()


def test_what_is_stored_and_lost_on_the_way_can_be_read_back(thehive: TheHive) -> None:
    sent = new_alert()
    thehive.fail("reset", stored=True)
    with client_of(thehive) as client:
        with pytest.raises(UnreachableError):
            client.create_alert(sent)
        assert client.alert_by_name(sent.type, sent.source, sent.source_ref) is not None
        with pytest.raises(AlreadyThereError):
            client.create_alert(sent)


def test_where_it_is_sent_is_told_without_what_is_secret(thehive: TheHive) -> None:
    location = f"https://anna:{SECRET}@login.example/in?token={SECRET}#{SECRET}"
    thehive.fail("status", status=302, headers={"Location": location})
    with client_of(thehive) as client:
        with pytest.raises(AnswerError, match=r"https://login\.example/in;") as caught:
            client.create_alert(new_alert())
        assert SECRET not in everything_that_is_said(caught.value)


@pytest.mark.parametrize("location", ["http://[x", "http://[::1/x", "//"])
def test_a_redirect_to_no_address_is_told_all_the_same(thehive: TheHive, location: str) -> None:
    thehive.fail("status", status=301, headers={"Location": location})
    with client_of(thehive) as client, pytest.raises(AnswerError, match="sends elsewhere"):
        client.create_alert(new_alert())


def test_a_page_is_not_taken_for_a_file(thehive: TheHive) -> None:
    with client_of(thehive) as client:
        stored = client.create_alert(new_alert())
        file = client.attach(stored.id, "raw-logs-1.log", b"4625")
        thehive.fail("html", path="/download$")
        with pytest.raises(AnswerError, match="of another size"):
            client.content_of(stored.id, file)
        assert client.content_of(stored.id, file) == b"4625"


def test_a_slow_answer_within_the_time_is_fine(thehive: TheHive) -> None:
    thehive.fail("slow", seconds=0.2)
    with client_of(thehive) as client:
        client.create_alert(new_alert())


def test_what_a_page_says_is_not_repeated(thehive: TheHive) -> None:
    thehive.fail("html", status=403)
    with client_of(thehive) as client, pytest.raises(PrivilegeError) as caught:
        client.create_alert(new_alert())
    assert "Sign in" not in everything_that_is_said(caught.value)


# On an address


def test_an_address_where_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with client_at(url) as client, pytest.raises(UnreachableError, match="refused") as caught:
            client.version()
    assert "thehive.url" in caught.value.hint
    assert SECRET not in everything_that_is_said(caught.value)


def test_a_proxy_where_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            client_at("https://thehive.example", proxy=proxy) as client,
            pytest.raises(UnreachableError, match=r"thehive\.proxy"),
        ):
            client.version()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '"text"',
        "null",
        "{}",
        "[" * 100_000,
        '{"_id": "~1", "type": "other", "source": "s", "sourceRef": "r", "status": "New"}',
        '{"_id": 1}',
    ],
)
def test_an_answer_that_is_not_about_this_alert_is_no_success(body: str) -> None:
    with answering(Answer(body, 201)) as server, client_at(server.url) as client:
        with pytest.raises(AnswerError, match=r"thehive\.url"):
            client.create_alert(new_alert())
        with pytest.raises(AnswerError):
            client.alert_by_name("a", "b", "c")


def test_an_answer_without_end_is_cut_off() -> None:
    endless = Answer("x" * (bounded.MAX_ANSWER_BYTES + 1))
    with (
        answering(endless) as server,
        client_at(server.url) as client,
        pytest.raises(AnswerError, match="cannot be read"),
    ):
        client.version()


# The table has no holes


def library_errors() -> list[type[Exception]]:
    """Return every exception that requests and thehive4py define for a request."""
    found: set[type[Exception]] = set()
    waiting: list[type[Exception]] = [requests.RequestException, thehive4py.errors.TheHiveError]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting += kind.__subclasses__()
    return sorted(found, key=lambda kind: kind.__name__)


def raised(kind: type[Exception]) -> Exception:
    words = f"{SECRET} was in the answer"
    if kind is requests.exceptions.JSONDecodeError:
        return kind(words, words, 0)
    if kind is bounded.RedirectedError:
        return kind(f"https://thehive.example/?{words}")
    return kind(words)


@pytest.mark.parametrize("kind", library_errors(), ids=lambda kind: kind.__name__)
def test_every_exception_of_the_library_has_a_row(kind: type[Exception]) -> None:
    error = error_of_library(raised(kind), CALL)
    assert type(error) is not ServerError
    assert error.hint
    assert "report this as a mistake" not in error.hint
    assert error.message.startswith("sending alert x: TheHive at https://thehive.example")
    assert SECRET not in str(error)


def test_the_walk_finds_what_the_library_has() -> None:
    names = {kind.__name__ for kind in library_errors()}
    assert names >= {"SSLError", "ProxyError", "InvalidHeader", "TheHiveError", "RedirectedError"}


def answered(status: int, kind: str) -> Exception:
    response = requests.Response()
    response.status_code = status
    response._content = b'{"type": "%s", "message": "because"}' % kind.encode()
    return thehive4py.errors.TheHiveError("m", response)


def test_every_status_has_a_row() -> None:
    for status in range(300, 600):
        error = error_of_library(answered(status, "SomeError"), CALL)
        assert type(error) is not ServerError
        assert error.hint


def test_every_error_of_ours_is_told_apart() -> None:
    """Each class of the tree can come out of the table, but for what only searches have."""
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    ours = {kind for kind in kinds if issubclass(kind, ServerError)} - {ServerError}
    answers = [(400, "CreateError"), (400, "x"), (401, "x"), (403, "x"), (404, "NotFound")]
    answers += [(404, "NotFoundError"), (429, "x"), (500, "x")]
    made = {type(error_of_library(answered(*answer), CALL)) for answer in answers}
    for kind in (requests.ConnectionError, requests.Timeout, requests.exceptions.SSLError):
        made.add(type(error_of_library(raised(kind), CALL)))
    assert made == ours - {errors.IncompleteError, errors.ClosedError}


def test_missing_is_told_from_refused() -> None:
    making = Call("s", "d", makes=True)
    assert type(error_of_library(answered(404, "NotFoundError"), CALL)) is MissingError
    assert type(error_of_library(answered(404, "NotFoundError"), making)) is RequestRefusedError
