"""What each call gets from TheHive: the double, or a real one."""

from dataclasses import replace

import pytest

from sigma2hive.clients.errors import AlreadyThereError, RequestRefusedError
from sigma2hive.clients.thehive import AddedObservables
from sigma2hive.model.alerts import Alert, Observable, Procedure
from tests.clients.thehive_clients import client_of, new_alert
from tests.doubles.running import TheHive
from tests.sinks.alerts import T0, address


def identity(alert: Alert) -> tuple[str, str, str]:
    return alert.type, alert.source, alert.source_ref


def test_an_alert_arrives_whole(thehive: TheHive) -> None:
    thehive.skip_if_real("set up custom fields")
    fields = [{"name": n, "type": t} for n, t in (("count", "integer"), ("zone", "string"))]
    templates = [{"name": "logons"}]
    thehive.set_up(catalogue={"custom_fields": fields, "case_templates": templates})
    sent = new_alert(
        date_ns=T0 + 123_456_789,
        severity=4,
        tlp=4,
        pap=3,
        custom_fields={"count": 6, "zone": "dmz"},
        case_template="logons",
        external_link="https://kibana.example/x",
        observables=(
            Observable("ip", "203.0.113.7", tlp=1, pap=0, message="m", tags=("a",), ioc=True),
            Observable("hostname", "dc01", tlp=3, pap=2, sighted=False, ignore_similarity=True),
        ),
        procedures=(Procedure("T1110.001", T0 + 5_000_000, "credential-access"),),
    )
    with client_of(thehive) as client:
        stored = client.create_alert(sent)
    (got,) = thehive.alerts()
    assert (stored.id, stored.status, stored.stage) == (got["_id"], "New", "New")
    assert (got["type"], got["source"], got["sourceRef"]) == identity(sent)
    assert (got["title"], got["description"]) == (sent.title, sent.description)
    assert (got["severity"], got["tlp"], got["pap"]) == (4, 4, 3)
    assert got["date"] == T0 // 1_000_000 + 123
    assert (got["tags"], got["externalLink"]) == (list(sent.tags), sent.external_link)
    assert {one["name"]: one["value"] for one in got["customFields"]} == {"count": 6, "zone": "dmz"}
    assert got["caseTemplate"] == "logons"
    first, second = got["observables"]
    assert (first["dataType"], first["data"], first["message"]) == ("ip", "203.0.113.7", "m")
    assert (first["tlp"], first["pap"], first["tags"]) == (1, 0, ["a"])
    assert (first["ioc"], first["sighted"], first["ignoreSimilarity"]) == (True, True, False)
    assert (second["ioc"], second["sighted"], second["ignoreSimilarity"]) == (False, False, True)
    assert "message" not in second
    (procedure,) = got["procedures"]
    assert (procedure["patternId"], procedure["tactic"]) == ("T1110.001", "credential-access")
    assert procedure["occurDate"] == T0 // 1_000_000 + 5


def test_an_alert_is_found_by_its_name_and_only_by_that(thehive: TheHive) -> None:
    sent = new_alert()
    with client_of(thehive) as client:
        assert client.alert_by_name(*identity(sent)) is None
        stored = client.create_alert(sent)
        assert client.alert_by_name(*identity(sent)) == stored
        assert client.alert_by_name(sent.type, "another", sent.source_ref) is None


@pytest.mark.parametrize("part", ["a b", "a/b", "ü%41?#&+", "~1", "..", "a:b,c"])
def test_a_name_may_hold_any_character_but_a_semicolon(thehive: TheHive, part: str) -> None:
    sent = new_alert(type=part, source=f"{part}x")
    with client_of(thehive) as client:
        stored = client.create_alert(sent)
        assert client.alert_by_name(*identity(sent)) == stored
        with pytest.raises(ValueError, match="no name of an alert"):
            client.alert_by_name("a;b", "c", "d")
        with pytest.raises(ValueError, match="no name of an alert"):
            client.alert_by_name("", "c", "d")


def test_the_same_again_is_already_there(thehive: TheHive) -> None:
    sent = new_alert()
    with client_of(thehive) as client:
        client.create_alert(sent)
        with pytest.raises(AlreadyThereError, match="already exist"):
            client.create_alert(replace(sent, title="other"))


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"observables": (address("x", data_type="colour"),)}, "ObservableType colour not found"),
        ({"procedures": (Procedure("T9999", T0),)}, "T9999 not found"),
        ({"custom_fields": {"none": "x"}}, "none not found"),
    ],
)
def test_a_part_that_is_refused_is_told_from_a_missing_alert(
    thehive: TheHive, part: dict[str, object], words: str
) -> None:
    with client_of(thehive) as client, pytest.raises(RequestRefusedError) as caught:
        client.create_alert(new_alert(**part))
    assert type(caught.value) is RequestRefusedError
    assert not caught.value.passes
    if not thehive.is_real:
        assert words in caught.value.reason


def test_observables_are_added_and_known_ones_are_no_mistake(thehive: TheHive) -> None:
    more = [address(f"203.0.113.{n}") for n in (7, 8, 9)] + [address("203.0.113.8", tlp=4)]
    others = [address("dc01", data_type="hostname")]
    with client_of(thehive) as client:
        stored = client.create_alert(new_alert())  # which has 203.0.113.7
        assert client.add_observables(stored.id, [*more, *others]) == AddedObservables(3, 2)
        assert client.add_observables(stored.id, more) == AddedObservables(0, 4)
        assert client.add_observables(stored.id, []) == AddedObservables()


def test_those_alike_travel_together(thehive: TheHive) -> None:
    with client_of(thehive) as client:
        stored = client.create_alert(new_alert())
        mixed = [address(f"198.51.100.{n}", tlp=n % 2) for n in range(10)]
        assert client.add_observables(stored.id, mixed) == AddedObservables(10, 0)
    sent = thehive.journal("POST", "/observable")
    assert [len(one["body"]["data"]) for one in sent] == [5, 5]


def test_a_refusal_of_all_because_of_one_is_sorted_out(thehive: TheHive) -> None:
    """Should TheHive answer 400 in place of naming the duplicates."""
    body = {"type": "CreateError", "message": "Observable already exists"}
    more = [address("203.0.113.7"), address("203.0.113.8")]
    with client_of(thehive) as client:
        stored = client.create_alert(new_alert())
        thehive.fail("status", path="/observable$", status=400, body=body, times=2)
        assert client.add_observables(stored.id, more) == AddedObservables(1, 1)


def test_an_unknown_data_type_is_raised(thehive: TheHive) -> None:
    with client_of(thehive) as client:
        stored = client.create_alert(new_alert())
        with pytest.raises(RequestRefusedError, match="colour"):
            client.add_observables(stored.id, [address("x", data_type="colour")])


def test_a_file_lies_beside_the_alert(thehive: TheHive) -> None:
    content = b'{"a": "\xc3\xbc"}\r\n'
    with client_of(thehive) as client:
        stored = client.create_alert(new_alert())
        client.attach(stored.id, "raw.ndjson", content)
    (found,) = thehive.api().alert.find_attachments(stored.id)
    assert (found["name"], found["size"]) == ("raw.ndjson", len(content))
    if not thehive.is_real:
        assert thehive.alerts()[0]["attachments"][0]["text"] == content.decode()


def test_who_we_are_and_what_we_may(thehive: TheHive) -> None:
    with client_of(thehive) as client:
        user = client.current_user()
        assert "manageAlert/create" in user.permissions
        assert user.organisation in user.organisations
        assert client.version() == client.status().version
        assert client.status().is_licence_valid
    thehive.set_up(behaviour={"read_only": True})
    with client_of(thehive) as client:
        assert not client.status().is_licence_valid


def test_the_organisation_is_the_one_that_is_set(thehive: TheHive) -> None:
    thehive.skip_if_real("give a second organisation")
    sent = new_alert()
    for organisation in ("partner", "soc"):
        with client_of(thehive, "key-both", organisation=organisation) as client:
            assert client.current_user().organisation == organisation
            client.create_alert(sent)
    assert {one["organisation"] for one in thehive.alerts()} == {"partner", "soc"}


def test_a_text_that_utf8_cannot_hold_is_sent_all_the_same(thehive: TheHive) -> None:
    sent = new_alert(description="\ud800 \U0001f600 \x00")
    with client_of(thehive) as client:
        client.create_alert(sent)
    assert thehive.alerts()[0]["description"] == sent.description


def test_the_catalogues_say_what_alerts_may_name(thehive: TheHive) -> None:
    thehive.skip_if_real("set up catalogues")
    fields = [{"name": n, "type": t} for n, t in (("count", "integer"), ("zone", "string"))]
    templates = [{"name": "logons"}, {"name": "malware"}]
    catalogue = {
        "custom_fields": fields,
        "case_templates": templates,
        "observable_types": ["SID"],
        "patterns": {f"T2{n:03}": ["made up", []] for n in range(700)},
    }
    thehive.set_up(catalogue=catalogue)
    with client_of(thehive) as client:
        assert client.data_types() >= {"ip", "hostname", "file", "sid"}
        assert client.custom_fields() == {"count": "integer", "zone": "string"}
        assert client.case_templates() == {"logons", "malware"}
        asked = {*catalogue["patterns"], "T1110", "T9999"}
        # More than one page of them.
        assert client.known_techniques(asked) == asked - {"T9999"}


def test_another_organisations_case_templates_are_not_ours(thehive: TheHive) -> None:
    thehive.skip_if_real("set up case templates")
    thehive.set_up(catalogue={"case_templates": [{"name": "logons"}]})
    with client_of(thehive, "key-partner") as client:
        assert client.case_templates() == frozenset()
