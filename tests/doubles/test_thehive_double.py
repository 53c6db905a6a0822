"""The double itself: what it refuses, how it fails on command, what it shows, how it ends."""

import json
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import yaml
from thehive4py import TheHiveApi
from thehive4py.errors import TheHiveError

from tests.doubles.running import PATIENCE, TheHive, running_thehive
from tests.doubles.test_thehive_api import new_alert, refusal
from tests.doubles.thehive.description import FILE


@pytest.fixture(autouse=True)
def _double_only(thehive: TheHive) -> None:
    thehive.skip_if_real("be the double")


def post(thehive: TheHive, body: object, seconds: float = PATIENCE) -> requests.Response:
    headers = {"Authorization": f"Bearer {thehive.key}"}
    return requests.post(f"{thehive.url}/api/v1/alert", json=body, headers=headers, timeout=seconds)


def attach(api: TheHiveApi, alert: str, content: bytes) -> None:
    """Add a file as thehive4py does, but for leaving it open."""
    files = [("attachments", ("raw.bin", content, "application/octet-stream"))]
    api.session.make_request("POST", f"/api/v1/alert/{alert}/attachments", files=files)


# What does not fit the description


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"title": "x" * 513}, "title"),
        ({"type": "x" * 33}, "type"),
        ({"sourceRef": "x" * 129}, "sourceRef"),
        ({"severity": 5}, "severity"),
        ({"tlp": -1}, "tlp"),
        ({"tags": ["a", "a"]}, "tags"),
        ({"tags": ["x" * 129]}, "tags.0"),
        ({"date": 1.5}, "date"),
        ({"date": 2**63}, "date"),
        ({"externalLink": "x" * 4097}, "externalLink"),
        ({"observables": [{"data": "x"}]}, "observables.0.dataType"),
        ({"procedures": [{"patternId": "T1110"}]}, "procedures.0.occurDate"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_by_attribute(
    thehive: TheHive, thehive_description: None, wrong: dict[str, object], name: str
) -> None:
    with pytest.raises(TheHiveError) as caught:
        thehive.api().alert.create(new_alert(**wrong))
    assert refusal(caught) == (400, "AttributeCheckingError")
    assert caught.value.response is not None
    assert [one["name"] for one in caught.value.response.json()["errors"]] == [name]
    assert thehive.alerts() == []


def test_what_is_no_json_is_a_bad_request(thehive: TheHive) -> None:
    headers = {"Authorization": f"Bearer {thehive.key}", "Content-Type": "application/json"}
    url = f"{thehive.url}/api/v1/alert"
    answer = requests.post(url, data=b'{"title": ', headers=headers, timeout=PATIENCE)
    assert (answer.status_code, answer.json()["type"]) == (400, "BadRequest")


def test_an_unknown_path_is_404(thehive: TheHive) -> None:
    with pytest.raises(TheHiveError) as caught:
        thehive.api().session.make_request("GET", "/api/v1/nothing")
    assert refusal(caught) == (404, "NotFound")


def test_a_duplicate_observable_costs_the_alert_unless_told_otherwise(thehive: TheHive) -> None:
    twice = [{"dataType": "ip", "data": "192.0.2.1", "tags": [tag]} for tag in ("a", "b")]
    with pytest.raises(TheHiveError, match="Observable already exists"):
        thehive.api().alert.create(new_alert(observables=twice))
    assert thehive.alerts() == []
    thehive.set_up(behaviour={"duplicate_observable": "merge"})
    thehive.api().alert.create(new_alert(observables=twice))
    ((observable,),) = [one["observables"] for one in thehive.alerts()]
    assert observable["tags"] == ["a", "b"]


def test_a_duplicate_among_added_observables_is_named_beside_the_rest(thehive: TheHive) -> None:
    api = thehive.api()
    alert = api.alert.create(new_alert(observables=[{"dataType": "ip", "data": "192.0.2.1"}]))
    given = {"dataType": "ip", "data": ["192.0.2.1", "192.0.2.2"]}
    answer = api.session.make_request(
        "POST", f"/api/v1/alert/{alert['_id']}/observable", json=given
    )
    assert [one["data"] for one in answer["success"]] == ["192.0.2.2"]
    assert [one["object"]["data"] for one in answer["failure"]] == ["192.0.2.1"]


def test_limits_hold(thehive: TheHive) -> None:
    thehive.set_up(limits={"body_bytes": 1000, "multipart_bytes": 5000, "observables": 1})
    api = thehive.api()
    with pytest.raises(TheHiveError) as caught:
        api.alert.create(new_alert(description="x" * 1000))
    assert refusal(caught) == (413, "Unknown")
    two = [{"dataType": "ip", "data": f"192.0.2.{n}"} for n in (1, 2)]
    with pytest.raises(TheHiveError, match="at most 1"):
        api.alert.create(new_alert(observables=two))
    alert = api.alert.create(new_alert())
    with pytest.raises(TheHiveError) as caught:
        attach(api, alert["_id"], b"x" * 5000)
    assert refusal(caught) == (413, "Unknown")


def test_read_only_refuses_changes_and_answers_questions(thehive: TheHive) -> None:
    api = thehive.api()
    alert = api.alert.create(new_alert())
    thehive.set_up(behaviour={"read_only": True})
    with pytest.raises(TheHiveError, match="read-only") as caught:
        api.alert.create(new_alert())
    assert refusal(caught) == (403, "AuthorizationError")
    assert api.alert.get(alert["_id"]) == alert
    assert api.session.make_request("GET", "/api/v1/status")["license"]["isValid"] is False


def test_an_unknown_case_template_is_forgotten_or_refused(thehive: TheHive) -> None:
    assert "caseTemplate" not in thehive.api().alert.create(new_alert(caseTemplate="none"))
    thehive.set_up(behaviour={"unknown_case_template": "refuse"})
    with pytest.raises(TheHiveError, match="CaseTemplate none not found"):
        thehive.api().alert.create(new_alert(caseTemplate="none"))


# Failures on command


def test_a_status_comes_as_often_as_ordered(thehive: TheHive) -> None:
    thehive.fail("status", status=429, retry_after=7, path="/alert$", times=2, skip=1)
    statuses = []
    for _ in range(4):
        answer = post(thehive, new_alert())
        statuses.append((answer.status_code, answer.headers.get("Retry-After")))
    assert statuses == [(201, None), (429, "7"), (429, "7"), (201, None)]
    assert len(thehive.alerts()) == 2


@pytest.mark.parametrize("stored", [False, True])
def test_the_connection_breaks_before_or_after_the_alert_is_there(
    thehive: TheHive, stored: bool
) -> None:
    thehive.fail("reset", method="POST", stored=stored)
    with pytest.raises(requests.ConnectionError):
        post(thehive, new_alert())
    assert len(thehive.alerts()) == (1 if stored else 0)


def test_a_page_in_place_of_an_answer(thehive: TheHive) -> None:
    thehive.fail("html")
    answer = post(thehive, new_alert())
    assert answer.status_code == 200
    assert "<title>Sign in</title>" in answer.text


def test_half_an_answer(thehive: TheHive) -> None:
    thehive.fail("truncated")
    with pytest.raises(requests.exceptions.RequestException):
        post(thehive, new_alert()).json()
    assert len(thehive.alerts()) == 1


def test_a_request_hangs_until_it_is_released(thehive: TheHive) -> None:
    thehive.fail("hang")
    with pytest.raises(requests.exceptions.ReadTimeout):
        post(thehive, new_alert(), seconds=0.2)
    thehive.fail("hang")
    ended = threading.Event()

    def ask() -> None:
        with pytest.raises(requests.ConnectionError):
            post(thehive, new_alert())
        ended.set()

    asking = threading.Thread(target=ask)
    asking.start()
    while not ended.wait(0.05):  # released again and again: the request may not be there yet
        thehive.release()
    asking.join(PATIENCE)
    assert thehive.alerts() == []


def test_a_slow_answer_is_a_true_one(thehive: TheHive) -> None:
    thehive.fail("slow", seconds=0.2)
    assert post(thehive, new_alert()).elapsed.total_seconds() >= 0.2
    thehive.fail("drip", seconds=0.0001)
    assert post(thehive, new_alert()).json()["title"] == "Failed logons"


def test_a_wrong_order_is_no_order(thehive: TheHive) -> None:
    with pytest.raises(AssertionError, match="a failure has a kind"):
        thehive.fail("explode")
    with pytest.raises(AssertionError, match="limits has no colour"):
        thehive.set_up(limits={"colour": 1})
    assert post(thehive, new_alert()).status_code == 201


def test_the_journal_says_what_was_sent_and_by_whom(thehive: TheHive) -> None:
    given = new_alert()
    thehive.api().alert.create(given)
    thehive.fail("status", status=503)
    post(thehive, given)
    first, second = thehive.journal("POST", "/api/v1/alert")
    assert (first["body"], first["user"]) == (given, "sigma2hive@soc.example")
    assert (first["status"], first["failure"]) == (201, "")
    assert (second["status"], second["failure"]) == (None, "status")
    assert thehive.key not in json.dumps([first, second])


# Checks of itself, its process


def test_an_answer_that_does_not_fit_is_a_bug_with_a_name(
    thehive: TheHive, thehive_description: None, tmp_path: Path
) -> None:
    document = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    document["components"]["schemas"]["OutputAlert"]["required"].append("neverThere")
    changed = tmp_path / "openapi.yaml"
    changed.write_text(json.dumps(document))
    with running_thehive("--description", str(changed)) as running:
        answer = post(running.thehive, new_alert())
        assert (answer.status_code, answer.json()["type"]) == (500, "BugOfTheDouble")
        (bug,) = running.thehive.bugs()
        assert "POST /api/v1/alert: neverThere: missing" in bug


def test_an_endpoint_that_it_lacks_is_a_bug_too(
    thehive: TheHive, thehive_description: None
) -> None:
    with running_thehive() as running:
        answer = requests.get(
            f"{running.thehive.url}/api/v1/case/link/types",
            headers={"Authorization": f"Bearer {thehive.key}"},
            timeout=PATIENCE,
        )
        assert answer.status_code == 501
        assert "the double lacks GET /api/v1/case/link/types" in running.thehive.bugs()[0]


def test_without_the_description_it_checks_what_it_relies_on(
    thehive: TheHive, tmp_path: Path
) -> None:
    with running_thehive("--description", str(tmp_path / "none"), "--token", "mine") as running:
        api = running.thehive.api("mine")
        api.alert.create(new_alert(observables=[{"dataType": "ip", "data": "192.0.2.1"}]))
        for wrong in ({"title": "x" * 513}, {"observables": [{"data": "x"}]}):
            with pytest.raises(TheHiveError, match="AttributeCheckingError"):
                api.alert.create(new_alert(**wrong))
        assert running.thehive.bugs() == []


def _alert_and_more(thehive: TheHive) -> None:
    api = thehive.api()
    thehive.set_up(catalogue={"custom_fields": [{"name": "host", "type": "string"}]})
    alert = api.alert.create(new_alert(customFields={"host": "a"}))
    with pytest.raises(TheHiveError):
        api.alert.create(new_alert(customFields={"other": "a"}))
    api.alert.create_observable(alert["_id"], {"dataType": "ip", "data": "192.0.2.1"})
    attach(api, alert["_id"], b"\x00\r\n\xff")
    api.alert.update(alert["_id"], {"addTags": ["x"]})


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_what_it_held_is_there_after_a_restart(thehive: TheHive, tmp_path: Path, end: str) -> None:
    kept = ("--state", str(tmp_path / "state"))
    with running_thehive(*kept) as running:
        _alert_and_more(running.thehive)
        before = running.thehive.control("GET", "state")
        getattr(running.process, end)()
        assert running.process.wait(PATIENCE) == (-signal.SIGKILL if end == "kill" else 0)
    with running_thehive(*kept) as running:
        assert running.thehive.control("GET", "state") == before
        assert running.thehive.bugs() == []


def test_it_ends_with_who_started_it(thehive: TheHive) -> None:
    with running_thehive() as running:
        assert running.process.stdin is not None
        running.process.stdin.close()
        assert running.process.wait(PATIENCE) == 0


def _many(thehive: TheHive, ask: Callable[[int], object]) -> None:
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)


def test_of_many_at_once_with_one_identity_one_is_stored(thehive: TheHive) -> None:
    given, statuses = new_alert(), []
    _many(thehive, lambda _: statuses.append(post(thehive, given).status_code))
    assert sorted(statuses) == [201] + [400] * 7
    assert len(thehive.alerts()) == 1


def test_it_listens_on_this_machine_alone(thehive: TheHive) -> None:
    host = thehive.url.removeprefix("http://").partition(":")[0]
    assert socket.gethostbyname(host) == "127.0.0.1"
