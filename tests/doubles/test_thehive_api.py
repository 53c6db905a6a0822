"""What thehive4py, as it is, gets from TheHive: of the double, or of a real one."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from thehive4py.errors import TheHiveError
from thehive4py.query.filters import Eq, In, Like
from thehive4py.query.page import Paginate
from thehive4py.query.sort import Asc, Desc

from tests.doubles.running import TheHive

ADMIN, ANALYST, READER = "key-admin", "key-analyst", "key-reader"

#: thehive4py never closes the files that it sends.
leaks_files = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def new_alert(**more: Any) -> Any:
    return {
        "type": "test",
        "source": "double",
        "sourceRef": uuid.uuid4().hex,
        "title": "Failed logons",
        "description": "...",
        **more,
    }


def refusal(caught: pytest.ExceptionInfo[TheHiveError]) -> tuple[int, str]:
    response = caught.value.response
    assert response is not None
    return response.status_code, response.json()["type"]


def test_an_alert_is_read_back_by_id_and_by_name(thehive: TheHive) -> None:
    api = thehive.api()
    given = new_alert(severity=3, tlp=3, pap=1, tags=["a", "b"], date=1_700_000_000_000)
    made = api.alert.create(given)
    assert {name: made[name] for name in given} == given
    assert (made["status"], made["stage"], made["observableCount"]) == ("New", "New", 0)
    name = f"{given['type']};{given['source']};{given['sourceRef']}"
    assert api.alert.get(made["_id"]) == made
    assert api.alert.get(name)["_id"] == made["_id"]


def test_the_same_identity_again_is_refused_with_400(thehive: TheHive) -> None:
    api, given = thehive.api(), new_alert()
    api.alert.create(given)
    with pytest.raises(TheHiveError, match="already exist") as caught:
        api.alert.create({**given, "title": "another title"})
    assert refusal(caught) == (400, "CreateError")


def test_observables_and_procedures_come_with_the_alert(thehive: TheHive) -> None:
    api = thehive.api()
    observables = [
        {"dataType": "ip", "data": "192.0.2.1", "tags": ["x"], "sighted": True},
        {"dataType": "hostname", "data": "SRV-1", "tlp": 4, "pap": 0},
    ]
    procedures = [{"patternId": "T1110", "occurDate": 5, "tactic": "credential-access"}]
    made = api.alert.create(new_alert(observables=observables, procedures=procedures))
    assert made["observableCount"] == 2
    found = api.alert.find_observables(made["_id"], sortby=Asc("data"))
    assert [(o["dataType"], o["data"], o["tlp"], o["pap"]) for o in found] == [
        ("ip", "192.0.2.1", 2, 2),  # not those of the alert
        ("hostname", "SRV-1", 4, 0),
    ]
    (procedure,) = api.alert.find_procedures(made["_id"])
    assert (procedure["patternId"], procedure["patternName"]) == ("T1110", "Brute Force")


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"observables": [{"dataType": "colour", "data": "red"}]}, id="data-type"),
        pytest.param({"procedures": [{"patternId": "T9999", "occurDate": 1}]}, id="technique"),
        pytest.param({"customFields": {"no-such-field": "x"}}, id="custom-field"),
        pytest.param({"assignee": "nobody@soc.example"}, id="assignee"),
    ],
)
def test_a_part_that_names_what_is_not_there_costs_the_whole_alert(
    thehive: TheHive, part: dict[str, Any]
) -> None:
    api, given = thehive.api(), new_alert(**part)
    with pytest.raises(TheHiveError) as caught:
        api.alert.create(given)
    assert refusal(caught) == (404, "NotFoundError")
    assert api.alert.count(filters=Eq("sourceRef", given["sourceRef"])) == 0


def test_observables_are_added_one_by_one_or_many_at_once(thehive: TheHive) -> None:
    api = thehive.api()
    alert = api.alert.create(new_alert())
    made = api.alert.create_observable(alert["_id"], {"dataType": "domain", "data": ["a.x", "b.x"]})
    assert [one["data"] for one in made] == ["a.x", "b.x"]
    assert api.observable.get(made[0]["_id"]) == made[0]
    api.observable.update(made[0]["_id"], {"addTags": ["seen"], "ioc": True})
    changed = api.observable.get(made[0]["_id"])
    assert (changed["tags"], changed["ioc"]) == (["seen"], True)
    assert api.alert.get(alert["_id"])["observableCount"] == 2


@leaks_files
def test_a_file_is_an_observable(thehive: TheHive, tmp_path: Path) -> None:
    api, file = thehive.api(), tmp_path / "events.ndjson"
    file.write_bytes(b'{"a": 1}\r\n\x00\xff--\r\n')
    alert = api.alert.create(
        new_alert(observables=[{"dataType": "file", "attachment": "raw"}]), {"raw": str(file)}
    )
    (found,) = api.alert.find_observables(alert["_id"])
    assert found["attachment"]["name"] == "events.ndjson"
    assert found["attachment"]["size"] == file.stat().st_size
    other = api.alert.create(new_alert())
    (made,) = api.observable.create_in_alert(other["_id"], {"dataType": "file"}, str(file))
    copy = tmp_path / "copy"
    api.observable.download_attachment(made["_id"], made["attachment"]["_id"], str(copy))
    assert copy.read_bytes() == file.read_bytes()


@leaks_files
def test_files_lie_beside_an_alert(thehive: TheHive, tmp_path: Path) -> None:
    api, file = thehive.api(), tmp_path / "raw.ndjson"
    file.write_text("{}\n")
    alert = api.alert.create(new_alert())
    (made,) = api.alert.add_attachment(alert["_id"], [str(file)])
    assert [one["_id"] for one in api.alert.find_attachments(alert["_id"])] == [made["_id"]]
    copy = tmp_path / "copy"
    api.organisation.download_attachment(made["_id"], str(copy))
    assert copy.read_text() == "{}\n"
    api.alert.delete_attachment(alert["_id"], made["_id"])
    assert api.alert.find_attachments(alert["_id"]) == []


def test_an_alert_changes(thehive: TheHive) -> None:
    api = thehive.api()
    alert = api.alert.create(new_alert(tags=["a", "b"]))
    changes = {"title": "new", "severity": 4, "addTags": ["c"], "removeTags": ["a"]}
    api.alert.update(alert["_id"], changes)
    changed = api.alert.get(alert["_id"])
    assert (changed["title"], changed["severityLabel"]) == ("new", "CRITICAL")
    assert sorted(changed["tags"]) == ["b", "c"]
    assert changed["_updatedAt"] >= alert["_createdAt"]
    api.alert.update(alert["_id"], {"status": "InProgress"})
    assert api.alert.get(alert["_id"])["stage"] == "InProgress"


def test_null_takes_a_field_away(thehive: TheHive) -> None:
    api = thehive.api()
    alert = api.alert.create(new_alert(summary="s", externalLink="https://a.example"))
    api.alert.update(alert["_id"], {"summary": None, "title": "new"})
    changed = api.alert.get(alert["_id"])
    assert "summary" not in changed
    assert (changed["title"], changed["externalLink"]) == ("new", "https://a.example")


def test_alerts_are_found_sorted_and_in_pages(thehive: TheHive) -> None:
    api, source = thehive.api(), uuid.uuid4().hex
    titles = ["b", "a", "c"]
    for title in titles:
        api.alert.create(new_alert(source=source, title=title))
    ours = Eq("source", source)
    assert api.alert.count(ours) == 3
    page = api.alert.find(ours, Desc("title"), Paginate(0, 2))
    assert [one["title"] for one in page] == ["c", "b"]
    found = api.alert.find(ours & (In("title", ["a", "x"]) | Like("title", "C*")), Asc("title"))
    assert [one["title"] for one in found] == ["a", "c"]
    assert api.alert.count(ours & ~Eq("title", "a")) == 2


def test_the_current_user_says_what_it_may(thehive: TheHive) -> None:
    user = thehive.api().user.get_current()
    assert "manageAlert/create" in user["permissions"]
    assert user["organisation"] in [one["organisation"] for one in user["organisations"]]


def test_status_says_the_version(thehive: TheHive) -> None:
    session = thehive.api().session
    assert session.make_request("GET", "/api/v1/status/public")["version"].startswith("5.")
    assert session.make_request("GET", "/api/v1/status")["license"]["isValid"] is True


def test_a_wrong_key_is_401(thehive: TheHive) -> None:
    with pytest.raises(TheHiveError) as caught:
        thehive.api("no-such-key").user.get_current()
    assert refusal(caught) == (401, "AuthenticationError")


def test_custom_fields_take_both_forms(thehive: TheHive) -> None:
    for name, kind in (("host", "string"), ("events", "integer")):
        field = {"name": name, "type": kind}
        thehive.set_up(catalogue={"custom_fields": [field]})
    api = thehive.api()
    alert = api.alert.create(new_alert(customFields={"host": "SRV-1", "events": 6}))
    values = {one["name"]: one["value"] for one in alert["customFields"]}
    assert values == {"host": "SRV-1", "events": 6}
    # The object adds to what is there; the array replaces it.
    api.alert.update(alert["_id"], {"customFields": {"events": 7}})
    assert {c["name"]: c["value"] for c in api.alert.get(alert["_id"])["customFields"]} == {
        "host": "SRV-1",
        "events": 7,
    }
    api.alert.update(alert["_id"], {"customFields": [{"name": "events", "value": 8}]})
    assert [(c["name"], c["value"]) for c in api.alert.get(alert["_id"])["customFields"]] == [
        ("events", 8)
    ]
    with pytest.raises(TheHiveError, match="Expected: integer") as caught:
        api.alert.create(new_alert(customFields={"events": "six"}))
    assert refusal(caught) == (400, "BadRequest")


def test_an_analyst_makes_cases_of_alerts(thehive: TheHive) -> None:
    thehive.skip_if_real("give the key of an analyst")
    api = thehive.api(ANALYST)
    given = [{"dataType": "ip", "data": "192.0.2.1", "tags": ["one"]}]
    first = api.alert.create(new_alert(observables=given, title="first"))
    case = api.alert.promote_to_case(first["_id"], {"severity": 4})
    promoted = api.alert.get(first["_id"])
    assert (promoted["caseId"], promoted["stage"]) == (case["_id"], "Imported")
    assert case["severity"] == 4
    second = api.alert.create(new_alert(observables=[{**given[0], "tags": ["two"]}]))
    api.alert.merge_into_case(second["_id"], case["_id"])
    (observable,) = api.case.find_observables(case["_id"])
    assert sorted(observable["tags"]) == ["one", "two"]
    with pytest.raises(TheHiveError, match="already imported") as caught:
        api.alert.merge_into_case(second["_id"], case["_id"])
    assert refusal(caught) == (400, "BadRequest")
    third = api.alert.create(new_alert())
    api.alert.bulk_merge_into_case(case["_id"], [third["_id"]])
    assert api.case.get(str(case["number"]))["description"].count("Merged with alert") == 2
    comment = api.comment.create_in_alert(third["_id"], {"message": "seen"})
    api.comment.update(comment["_id"], {"message": "seen again"})
    assert api.comment.get(comment["_id"])["message"] == "seen again"
    api.alert.bulk_update({"ids": [first["_id"], second["_id"]], "summary": "done"})
    assert {api.alert.get(a["_id"])["summary"] for a in (first, second)} == {"done"}
    api.alert.bulk_delete([first["_id"], third["_id"]])
    assert [one["_id"] for one in api.alert.find()] == [second["_id"]]


def test_cortex_jobs_work_through_both_addresses(thehive: TheHive) -> None:
    thehive.skip_if_real("give the key of an analyst")
    worker = {
        "id": "w1",
        "name": "Abuse",
        "version": "1",
        "description": "",
        "dataTypeList": ["ip"],
    }
    thehive.set_up(catalogue={"analyzers": [worker]})
    api = thehive.api(ANALYST)
    alert = api.alert.create(new_alert(observables=[{"dataType": "ip", "data": "192.0.2.1"}]))
    (observable,) = api.alert.find_observables(alert["_id"])
    job = {"analyzerId": "w1", "cortexId": "local", "artifactId": observable["_id"]}
    made = api.cortex.create_analyzer_job(job)
    assert (made["_type"], made["status"]) == ("case_artifact_job", "Waiting")
    assert api.cortex.get_analyzer_job(made["_id"]) == made
    assert len(api.cortex.bulk_create_analyzer_jobs([job, job])) == 2
    assert len(api.cortex.find_analyzer_jobs(Eq("analyzerId", "w1"))) == 3
    assert api.cortex.list_analyzers_by_type("ip") == api.cortex.list_analyzers() == [worker]
    assert api.cortex.list_analyzers_by_type("mail") == []
    assert api.cortex.list_responders("alert", alert["_id"]) == []


def test_who_may_not_is_told_which_permission_is_missing(thehive: TheHive) -> None:
    thehive.skip_if_real("give the key of a user without permissions")
    with pytest.raises(TheHiveError, match="manageAlert/create") as caught:
        thehive.api(READER).alert.create(new_alert())
    assert refusal(caught) == (403, "AuthorizationError")
    feeder = thehive.api("key-feeder")
    alert = feeder.alert.create(new_alert(observables=[{"dataType": "ip", "data": "192.0.2.1"}]))
    with pytest.raises(TheHiveError, match="manageAlert/update"):
        feeder.alert.update(alert["_id"], {"title": "x"})
    with pytest.raises(TheHiveError, match="manageObservable"):
        feeder.alert.create_observable(alert["_id"], {"dataType": "ip", "data": "192.0.2.2"})
    with pytest.raises(TheHiveError) as caught:
        thehive.api("key-locked").user.get_current()
    assert refusal(caught) == (401, "AuthenticationError")


def test_organisations_do_not_see_each_others_alerts(thehive: TheHive) -> None:
    thehive.skip_if_real("give a second organisation")
    ours, given = thehive.api("key-both", "soc"), new_alert()
    theirs = thehive.api("key-both", "partner")
    made = ours.alert.create(given)
    with pytest.raises(TheHiveError, match="Alert not found"):
        theirs.alert.get(made["_id"])
    assert theirs.alert.create(given)["_id"] != made["_id"]
    with pytest.raises(TheHiveError) as caught:
        thehive.api(organisation="partner").user.get_current()
    assert refusal(caught) == (401, "AuthenticationError")


def test_administrators_change_what_alerts_refer_to(thehive: TheHive) -> None:
    thehive.skip_if_real("give the key of an administrator")
    platform, api = thehive.api(ADMIN, "admin"), thehive.api(ADMIN)
    made = platform.observable_type.create({"name": "Asset-Tag"})
    assert made["name"] == "asset-tag"
    field = {"name": "f", "group": "g", "description": "d", "type": "boolean"}
    platform.custom_field.create(field)
    assert [one["name"] for one in api.custom_field.list()] == ["f"]
    api.case_template.create({"name": "logons", "titlePrefix": "[auth] ", "tags": ["t"]})
    given = new_alert(caseTemplate="logons", customFields={"f": True})
    alert = api.alert.create(given)
    assert alert["caseTemplate"] == "logons"
    case = api.alert.promote_to_case(alert["_id"])
    assert (case["title"], case["tags"]) == ("[auth] Failed logons", ["t"])
    user = {"login": "new@soc.example", "name": "New", "profile": "alert-feeder"}
    made_user = api.user.create(user)
    assert thehive.api(api.user.renew_apikey(made_user["_id"])).user.get_current()["name"] == "New"
