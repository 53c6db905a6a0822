"""The sink `webhook`: each alert is posted once, and a receiver can tell a repeat."""

import json
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from sigma2hive.clock import FrozenClock
from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.settings import WebhookSettings
from sigma2hive.sinks import Outcome, SinkRequest, check_sink, open_courier, open_sink
from sigma2hive.sinks.courier import Courier, Delivered, Paused, Postponed, Refused, Verdict
from sigma2hive.sinks.lines import parse_alert
from tests.bench.answering import Answer, Answering, answering
from tests.sinks.alerts import T0, alert, event, without_values

SECRET = "SIGMA2HIVE_WEBHOOK_AUTHORIZATION"
FINE = Answer({}, 204, {})


def request_of(url: str, **settings: Any) -> SinkRequest:
    given = {"live": True, "timeout_seconds": 5, **settings}
    return SinkRequest(f"webhook:{url}", Path(), webhook=WebhookSettings(**given))


def courier_of(server: Answering, **settings: Any) -> Courier:
    return open_courier(request_of(f"{server.url}/alerts?team=soc", **settings), FrozenClock(T0))


def verdict_of(*answers: Answer | None, **settings: Any) -> Verdict:
    with answering(*answers) as server:
        courier = courier_of(server, **settings)
        verdict = courier.deliver(alert(1), was_delivered=False)
        courier.close()
        assert len(server.asked) == 1  # nothing is repeated here, and no redirect followed
        return verdict


def test_an_alert_is_one_post_of_its_line() -> None:
    with answering(FINE) as server:
        courier = courier_of(server)
        assert courier.deliver(alert(1, 2), was_delivered=False) == Delivered()
        courier.close()
        (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/alerts?team=soc")
    assert asked.headers["Content-Type"] == "application/json"
    assert "Authorization" not in asked.headers
    assert parse_alert(asked.body) == without_values(alert(1, 2))


def test_a_repeat_is_told_by_its_headers_and_so_is_growth() -> None:
    with answering(FINE) as server:
        courier = courier_of(server)
        other = replace(alert(1), source_ref="a;b é")
        for sent in (alert(1), alert(1), alert(1, 2), other):
            courier.deliver(sent, was_delivered=False)
        courier.close()
        headers = [one.headers for one in server.asked]
    first, repeat, grown, another = [
        (one["Sigma2hive-Alert"], one["Idempotency-Key"]) for one in headers
    ]
    assert first == repeat
    assert first[0] == grown[0] == f"sigma;sigma2hive;{'ab' * 32}"
    assert first[1] != grown[1]
    assert another[0] == "sigma;sigma2hive;a%3Bb%20%C3%A9"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer({}, 400, {}), Refused, "answered 400"),
        (Answer({}, 413, {}), Refused, "answered 413"),
        (Answer({}, 401, {}), Paused, SECRET),
        (Answer({}, 403, {}), Paused, SECRET),
        (Answer({}, 404, {}), Paused, "the address after webhook:"),
        (Answer({}, 408, {}), Paused, "answered 408"),
        (Answer({}, 429, {}), Paused, "answered 429"),
        (Answer({}, 500, {}), Postponed, "answered 500"),
        (Answer({}, 502, {}), Postponed, "answered 502"),
        (Answer({}, 302, {"Location": "https://evil.example/?t=1"}), Paused, "evil.example"),
        (Answer({}, 304, {}), Postponed, "cannot be sent|cannot be read"),
    ],
)
def test_what_a_receiver_answers_decides(answer: Answer, kind: type, words: str) -> None:
    verdict = verdict_of(answer)
    assert isinstance(verdict, kind)
    assert any(word in str(verdict) for word in words.split("|"))


def test_when_a_receiver_says_when_it_is_not_asked_before() -> None:
    verdict = verdict_of(Answer({}, 503, {"Retry-After": "77"}))
    assert isinstance(verdict, Paused)
    assert verdict.after_seconds == 77


def test_a_receiver_that_is_not_there_or_silent_is_tried_again() -> None:
    assert isinstance(verdict_of(None, timeout_seconds=1), Postponed)
    with answering(FINE) as server:
        url = server.url
    gone = open_courier(request_of(url), FrozenClock(T0))
    verdict = gone.deliver(alert(1), was_delivered=False)
    gone.close()
    assert isinstance(verdict, Postponed)
    assert "cannot be reached" in verdict.reason


def test_the_secret_is_sent_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "Bearer hunter2")
    with answering(Answer({"echo": "Bearer hunter2"}, 401, {})) as server:
        courier = courier_of(server)
        verdict = courier.deliver(alert(1), was_delivered=False)
        courier.close()
        assert server.asked[0].headers["Authorization"] == "Bearer hunter2"
    assert "hunter2" not in str(verdict)


def test_a_new_secret_in_the_file_is_taken_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text("Bearer old")
    monkeypatch.setenv(f"{SECRET}_FILE", str(file))
    with answering(FINE) as server:
        courier = courier_of(server)
        courier.deliver(alert(1), was_delivered=False)
        file.write_text("Bearer newer\n")
        courier.deliver(alert(2), was_delivered=False)
        courier.close()
        assert [one.headers["Authorization"] for one in server.asked] == [
            *("Bearer old", "Bearer newer")
        ]


def test_certificates_are_verified(tmp_path: Path) -> None:
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with answering(FINE, context=tls) as server:
        trusting, other = courier_of(server, ca_file=ca_file), courier_of(server)
        assert trusting.deliver(alert(1), was_delivered=False) == Delivered()
        verdict = other.deliver(alert(1), was_delivered=False)
        trusting.close()
        other.close()
        assert len(server.asked) == 1
    assert isinstance(verdict, Paused)
    assert "webhook.ca_file" in verdict.reason


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://anna:hunter2@alerts.example/", "has a user or password in it"),
        ("https://hunter2@alerts.example/", "has a user or password in it"),
        ("https://alerts.example/?token=hunter2", "has a credential in it: 'token'"),
        ("https://alerts.example/?a=1&api_key=hunter2", "has a credential in it: 'api_key'"),
        ("ftp://alerts.example/", "is no http or https address"),
        ("alerts.example", "is no http or https address"),
        ("https://alerts.example:port/", "address is none"),
        ("https://", "is no http or https address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(url: str, problem: str) -> None:
    for live in (True, False):
        for use in (check_sink, open_sink):
            with pytest.raises(ConfigurationError, match=problem) as caught:
                use(request_of(url, live=live))
            assert "hunter2" not in str(caught.value)


def test_a_secret_is_not_sent_where_it_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "Bearer hunter2")
    with pytest.raises(ConfigurationError, match="read on the way"):
        check_sink(request_of("http://alerts.example/"))
    check_sink(request_of("https://alerts.example/"))


def test_without_live_nothing_is_sent() -> None:
    with answering(FINE) as server:
        sink = open_sink(request_of(server.url, live=False))
        assert sink.push(alert(1)) is Outcome.WOULD_BE_SENT
        assert sink.close().would_send_to == server.url
        assert server.asked == []


def test_one_run_posts_each_alert_and_repeats_what_passes() -> None:
    with answering(Answer({}, 500, {}), FINE) as server:
        sink = open_sink(request_of(server.url))
        assert [sink.push(alert(n, source_ref=f"ref-{n}")) for n in (1, 2)] == [Outcome.STORED] * 2
        closing = sink.close()
        refs = [json.loads(one.body)["sourceRef"] for one in server.asked]
    assert refs == ["ref-1", "ref-1", "ref-2"]
    assert (closing.sent, closing.failure) == (2, None)


def test_one_run_says_what_did_not_arrive() -> None:
    with answering(Answer({}, 401, {})) as server:
        sink = open_sink(request_of(server.url))
        pushed = [sink.push(alert(n, source_ref=f"ref-{n}", events=(event(n),))) for n in (1, 2, 3)]
        closing = sink.close()
        assert len(server.asked) == 1  # each further one would fail in the same way
    assert pushed == [Outcome.NOT_DELIVERED] * 3
    assert closing.failure is not None
    assert "not delivered: 3" in str(closing.failure)
    assert not closing.failure.passes


def test_one_run_goes_on_after_an_alert_that_is_refused() -> None:
    with answering(Answer({}, 400, {}), FINE) as server:
        sink = open_sink(request_of(server.url))
        pushed = [sink.push(alert(n, source_ref=f"ref-{n}")) for n in (1, 2)]
        closing = sink.close()
    assert pushed == [Outcome.NOT_DELIVERED, Outcome.STORED]
    assert closing.failure is not None
    assert not closing.failure.passes
