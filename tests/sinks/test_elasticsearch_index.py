"""The sink `elasticsearch`: alerts in ECS, each one document that grows."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.clock import FrozenClock
from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.model.alerts import Alert, Procedure
from sigma2hive.settings import ElasticsearchSettings
from sigma2hive.sinks import Outcome, SinkRequest, check_sink, open_courier, open_sink
from sigma2hive.sinks.courier import Courier, Delivered, Paused, Refused
from sigma2hive.sinks.elasticsearch.documents import document_of
from tests.bench.accounts import User
from tests.bench.answering import PRODUCT, Answer, answering
from tests.bench.cluster import Cluster
from tests.bench.cluster import Refused as ClusterRefused
from tests.clients.connecting import PASSWORD
from tests.sinks.alerts import T0, address, alert, event

INDEX = "s2h-alerts"
RAW = {
    "host": {"name": "ws01", "ip": ["10.0.0.7", "fe80::7"]},
    "user.name": "anna",
    "source": {"ip": "203.0.113.7"},
}


def ecs_event(number: int, **fields: Any) -> Any:
    return replace(event(number), raw=json.dumps({**RAW, **fields}).encode(), values={})


def test_the_document_says_in_ecs_what_the_alert_says() -> None:
    procedures = (
        Procedure("T1110.001", T0, "credential-access"),
        Procedure("T1071", T0, "command-and-control"),
    )
    given = alert(1, procedures=procedures, observables=(address("203.0.113.7"),))
    events = (ecs_event(1), ecs_event(2, **{"user.name": "ben"}))
    document = document_of(replace(given, events=events))
    assert document["@timestamp"] == "2023-11-14T22:13:21.000000007Z"
    assert document["event"]["kind"] == "alert"
    assert document["rule"] == {"id": given.rule_id, "name": "Failed logons"}
    assert document["threat"] == {
        "framework": "MITRE ATT&CK",
        "technique": {"id": ["T1071", "T1110"], "subtechnique": {"id": ["T1110.001"]}},
        "tactic": {"name": ["Command and Control", "Credential Access"]},
    }
    assert document["host"] == {"name": "ws01", "ip": ["10.0.0.7", "fe80::7"]}
    assert document["user"]["name"] == ["anna", "ben"]
    assert document["related"] == {"ip": ["203.0.113.7"]}
    assert document["sigma2hive"]["source_ref"] == given.source_ref
    assert document["sigma2hive"]["event_count"] == 2


@pytest.mark.parametrize("raw", [b"<xml/>", b"{broken", b"[1]", b"\xff\xfe", b"{" * 100_000])
def test_an_event_that_is_no_json_costs_only_its_fields(raw: bytes) -> None:
    document = document_of(replace(alert(1), events=(replace(event(1, raw), values={}),)))
    assert "host" not in document
    assert document["message"].startswith("Failed logons")


@pytest.mark.parametrize("name", ["Alerts", "-a", "a*", "a,b", "a b", "_a", "a:b", "a/b", ".."])
def test_a_name_that_no_index_can_have_is_refused(name: str) -> None:
    settings = ElasticsearchSettings(("http://127.0.0.1:1",))
    with pytest.raises(ConfigurationError, match="is no name of an index"):
        check_sink(SinkRequest(f"elasticsearch:{name}", Path(), elasticsearch=settings))


# On the real one


@pytest.fixture
def cluster(elasticsearch: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setenv(PASSWORD, elasticsearch.users.admin.password)
    yield elasticsearch
    for index in (INDEX,):
        try:
            elasticsearch.request("DELETE", f"/{index}")
        except ClusterRefused as refused:
            assert refused.status == 404


def request_of(cluster: Cluster, user: User | None = None) -> SinkRequest:
    ca_file = Path(cluster.ca_file) if cluster.ca_file else None
    name = (user or cluster.users.admin).name
    settings = ElasticsearchSettings((cluster.url,), ca_file, name)
    return SinkRequest(f"elasticsearch:{INDEX}", Path(), elasticsearch=settings)


def courier_of(cluster: Cluster, user: User | None = None) -> Courier:
    return open_courier(request_of(cluster, user), FrozenClock(T0))


def stored(cluster: Cluster) -> list[dict[str, Any]]:
    cluster.request("POST", f"/{INDEX}/_refresh")
    found = cluster.request("GET", f"/{INDEX}/_search?size=100")
    return [{"_id": hit["_id"], **hit["_source"]} for hit in found["hits"]["hits"]]


def deliver(cluster: Cluster, *alerts: Alert, was_delivered: bool = False) -> list[Any]:
    courier = courier_of(cluster)
    try:
        return [courier.deliver(one, was_delivered=was_delivered) for one in alerts]
    finally:
        courier.close()


def test_an_alert_is_one_document_however_often_it_is_sent(cluster: Cluster) -> None:
    given = alert(1, events=(ecs_event(1),))
    first, again = deliver(cluster, given, given)
    (later,) = deliver(cluster, given, was_delivered=True)
    assert first == Delivered()
    assert again == later == Delivered(outcome=Outcome.ALREADY_THERE)
    (document,) = stored(cluster)
    assert document["_id"] == given.source_ref
    found = cluster.request(
        "POST",
        f"/{INDEX}/_search",
        {
            "query": {
                "bool": {
                    "filter": [
                        {"term": {"event.kind": "alert"}},
                        {"term": {"rule.id": given.rule_id}},
                        {"term": {"threat.technique.subtechnique.id": "T1110.001"}},
                        {"term": {"host.ip": "10.0.0.0/8"}},
                        {"term": {"user.name": "anna"}},
                        {"range": {"@timestamp": {"gte": "2023-11-14", "lt": "2023-11-15"}}},
                    ]
                }
            }
        },
    )
    assert found["hits"]["total"]["value"] == 1


def test_an_alert_that_grows_keeps_what_is_there(cluster: Cluster) -> None:
    both = alert(1, 2)
    first = replace(both, events=(ecs_event(1),), observables=(address("203.0.113.7"),))
    second = replace(
        both, events=(ecs_event(2, **{"user.name": "ben"}),), observables=(address("10.9.9.9"),)
    )
    assert deliver(cluster, first, second)[1] == Delivered(outcome=Outcome.UPDATED)
    (document,) = stored(cluster)
    assert document["sigma2hive"]["event_count"] == 2
    assert document["related"]["ip"] == ["203.0.113.7", "10.9.9.9"]
    assert document["user"]["name"] == ["anna", "ben"]


def test_one_that_was_deleted_is_not_made_again(cluster: Cluster) -> None:
    deliver(cluster, alert(1))
    cluster.request("DELETE", f"/{INDEX}/_doc/{alert(1).source_ref}?refresh=true")
    (verdict,) = deliver(cluster, alert(1, 2), was_delivered=True)
    assert verdict == Delivered(
        "deleted from the index; it is not made again", Outcome.ALREADY_THERE
    )
    assert stored(cluster) == []


def test_a_document_of_others_is_left_alone(cluster: Cluster) -> None:
    path = f"/{INDEX}/_doc/{alert(1).source_ref}?refresh=true"
    cluster.request("PUT", path, {"mine": 1})
    (verdict,) = deliver(cluster, alert(1))
    assert isinstance(verdict, Refused)
    assert [one["mine"] for one in stored(cluster)] == [1]


def test_one_who_may_not_write_pauses_the_sink(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = cluster.users.reader
    monkeypatch.setenv(PASSWORD, reader.password)
    courier = courier_of(cluster, reader)
    verdict = courier.deliver(alert(1), was_delivered=False)
    courier.close()
    assert isinstance(verdict, Paused)


def test_one_run_stores_its_alerts(cluster: Cluster) -> None:
    sink = open_sink(request_of(cluster))
    assert [sink.push(alert(1)), sink.push(alert(1))] == [Outcome.STORED, Outcome.ALREADY_THERE]
    assert sink.close().sent == 1
    assert len(stored(cluster)) == 1


def test_a_key_that_is_refused_pauses_and_a_new_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text("old")
    monkeypatch.setenv(f"{PASSWORD}_FILE", str(file))
    body = {"error": {"type": "security_exception", "reason": "unable to authenticate"}}
    with answering(Answer(body, 401), Answer({"result": "created"}, 200, PRODUCT)) as server:
        settings = ElasticsearchSettings((server.url,), None, "anna")
        request = SinkRequest(f"elasticsearch:{INDEX}", Path(), elasticsearch=settings)
        courier = open_courier(request, FrozenClock(T0))
        assert isinstance(courier.deliver(alert(1), was_delivered=False), Paused)
        file.write_text("newer")
        assert courier.deliver(alert(1), was_delivered=False) == Delivered()
        courier.close()
        headers = [one.headers["authorization"] for one in server.asked]
    assert headers[0] != headers[1] == headers[-1]
