"""The sink `thehive`: an alert arrives, once and whole, or it is told why not."""

import pytest

from sigma2hive.model.alerts import Alert, Procedure
from sigma2hive.sinks import Outcome
from tests.clients.thehive_clients import new_alert
from tests.doubles.running import TheHive, running_thehive
from tests.sinks.alerts import T0, address, alert, event
from tests.sinks.thehive_sinks import Sender, outcomes

BROKEN = [
    pytest.param({"kind": "status", "status": 500}, id="500"),
    pytest.param({"kind": "status", "status": 502}, id="502"),
    pytest.param({"kind": "reset"}, id="reset"),
    pytest.param({"kind": "reset", "stored": True}, id="reset-after-storing"),
    pytest.param({"kind": "hang"}, id="hang"),
    pytest.param({"kind": "hang", "stored": True}, id="hang-after-storing"),
    pytest.param({"kind": "truncated"}, id="truncated"),
    pytest.param({"kind": "html"}, id="page-with-200"),
    pytest.param({"kind": "html", "stored": True}, id="page-after-storing"),
]


@pytest.fixture
def sender(thehive: TheHive, monkeypatch: pytest.MonkeyPatch) -> Sender:
    thehive.skip_if_real("show what it holds")
    return Sender(thehive, monkeypatch)


def events_alert(*numbers: int, size: int = 0, **changes: object) -> Alert:
    """An alert whose raw logs its description does not show; each has `size` more characters."""
    events = tuple(event(n, b'{"event":%d,"x":"%s"}' % (n, b"y" * size)) for n in numbers)
    return new_alert(events=events, **changes)


def test_an_alert_arrives_once_however_often_it_is_sent(sender: Sender) -> None:
    sent = new_alert()
    assert outcomes(sender.send(sent)) == ["stored"]
    again = sender.send(sent, sent)
    assert (outcomes(again), again.sent, again.failure) == (["already there"], 0, None)
    got = sender.stored()
    assert got["title"] == sent.title
    assert got["description"].startswith(sent.description)
    assert [one["data"] for one in got["observables"]] == ["203.0.113.7"]
    assert [one["patternId"] for one in got["procedures"]] == ["T1110.001"]


def test_many_alerts_arrive_each_once(sender: Sender) -> None:
    alerts = [new_alert(title=f"alert {n}") for n in range(60)]
    closing = sender.send(*alerts, *alerts[:10])
    assert closing.sent == 60
    titles = [one["title"] for one in sender.thehive.alerts()]
    assert sorted(titles) == sorted(one.title for one in alerts)


@pytest.mark.parametrize("order", BROKEN)
def test_one_failure_on_the_way_is_made_good_in_the_same_run(
    sender: Sender, order: dict[str, object]
) -> None:
    sent = events_alert(1, 2)
    sender.thehive.fail(method="POST", path="/alert$", **order)  # type: ignore[arg-type]
    closing = sender.send(sent, timeout_seconds=1)
    assert (outcomes(closing), closing.failure) == (["stored"], None)
    assert len(sender.stored()["attachments"]) == 1


@pytest.mark.parametrize("order", BROKEN)
def test_what_fails_a_whole_run_arrives_once_with_the_next(
    sender: Sender, order: dict[str, object]
) -> None:
    sent = events_alert(1, 2)
    sender.thehive.fail(**order, times=None)  # type: ignore[arg-type]
    closing = sender.send(sent, timeout_seconds=1, patience_seconds=1)
    assert outcomes(closing) == ["not delivered"]
    assert closing.failure is not None and closing.failure.passes
    assert "not delivered: 1" in str(closing.failure)
    sender.thehive.control("DELETE", "failures")
    assert sender.send(sent).failure is None
    assert len(sender.stored()["attachments"]) == 1


@pytest.mark.parametrize("order", BROKEN)
def test_a_file_is_attached_once_however_attaching_fails(
    sender: Sender, order: dict[str, object]
) -> None:
    sender.thehive.fail(path="/attachments$", **order)  # type: ignore[arg-type]
    sent = events_alert(1, 2)
    sender.send(sent, timeout_seconds=1)
    sender.send(sent)
    (file,) = sender.stored()["attachments"]
    assert file["text"] == '{"event":1,"x":""}\n{"event":2,"x":""}\n'


def test_a_server_that_dies_gets_each_alert_once_after_it_is_back(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = str(tmp_path_factory.mktemp("thehive") / "state")
    alerts = [new_alert() for _ in range(3)]
    with running_thehive("--state", state) as running:
        sender = Sender(running.thehive, monkeypatch)
        sender.send(alerts[0])
        running.kill()
        dead = sender.send(*alerts, patience_seconds=1)
    assert outcomes(dead) == ["not delivered"] * 3
    assert dead.failure is not None and dead.failure.passes
    with running_thehive("--state", state) as running:
        sender = Sender(running.thehive, monkeypatch)
        assert outcomes(sender.send(*alerts)) == ["already there", "stored", "stored"]
        held = [one["sourceRef"] for one in running.thehive.alerts()]
    assert sorted(held) == sorted(one.source_ref for one in alerts)


@pytest.mark.parametrize(
    ("order", "passes", "words"),
    [
        ({"status": 401, "body": {"type": "AuthenticationError", "message": "no"}}, False, "401"),
        ({"status": 403, "body": {"type": "AuthorizationError", "message": "no"}}, False, "403"),
        ({"status": 408}, True, "408"),
        ({"status": 429}, True, "429"),
        ({"status": 429, "retry_after": 3600}, True, "429"),
    ],
    ids=["401", "403", "408", "429", "429-for-an-hour"],
)
def test_what_every_alert_would_meet_pauses_the_sink(
    sender: Sender, order: dict[str, object], passes: bool, words: str
) -> None:
    sender.thehive.fail("status", times=None, **order)
    closing = sender.send(*(new_alert() for _ in range(40)), concurrency=2, patience_seconds=1)
    assert outcomes(closing) == ["not delivered"] * 40
    assert closing.failure is not None and closing.failure.passes is passes
    assert "not delivered: 40" in str(closing.failure) and words in str(closing.failure)
    assert len(sender.thehive.journal()) <= 8  # four attempts of each thread


@pytest.mark.parametrize("status", [408, 429, 503])
def test_a_server_that_asks_to_wait_gets_it_later(sender: Sender, status: int) -> None:
    sender.thehive.fail("status", status=status, retry_after=1, times=1)
    closing = sender.send(*(new_alert() for _ in range(5)))
    assert (outcomes(closing), closing.failure) == (["stored"] * 5, None)


def test_read_only_is_an_outage(sender: Sender) -> None:
    sender.thehive.set_up(behaviour={"read_only": True})
    closing = sender.send(new_alert(), patience_seconds=1)
    assert closing.failure is not None and closing.failure.passes
    assert "licence" in closing.failure.hint


def test_one_alert_that_always_fails_does_not_stop_the_others(sender: Sender) -> None:
    poison = new_alert(source_ref="poison")
    body = {"type": "BadRequest", "message": "no such thing"}
    sender.thehive.fail("status", status=400, body=body, path="/alert$", times=2)
    first = sender.send(poison, concurrency=1)
    assert outcomes(first) == ["not delivered"]
    assert first.failure is not None and not first.failure.passes
    assert poison.title in str(first.failure) and "no such thing" in str(first.failure)
    assert outcomes(sender.send(new_alert(), poison)) == ["stored", "stored"]


REFUSED = [
    pytest.param(
        {"observables": (address("red", data_type="colour"), address("203.0.113.9"))},
        "observables of type 'colour'",
        id="data-type",
    ),
    pytest.param(
        {"procedures": (Procedure("T9999", T0), Procedure("T1110", T0))},
        "ATT&CK technique 'T9999'",
        id="technique",
    ),
    pytest.param({"custom_fields": {"zone": "dmz"}}, "custom field 'zone'", id="custom-field"),
    pytest.param({"case_template": "logons"}, "case template 'logons'", id="case-template"),
    pytest.param({"assignee": "nobody@soc.example"}, "assignee 'nobody@soc.example'", id="login"),
]


@pytest.mark.parametrize("unknown_case_template", ["ignore", "refuse"])
@pytest.mark.parametrize("words_are_known", [True, False])
@pytest.mark.parametrize(("part", "name"), REFUSED)
def test_what_thehive_does_not_know_is_left_out_and_named(
    sender: Sender,
    part: dict[str, object],
    name: str,
    words_are_known: bool,
    unknown_case_template: str,
) -> None:
    sender.thehive.set_up(behaviour={"unknown_case_template": unknown_case_template})
    if not words_are_known:
        # A TheHive whose words say nothing of the part.
        body = {"type": "NotFoundError", "message": "no"}
        sender.thehive.fail("status", status=404, body=body, path="/alert$", times=1)
    closing = sender.send(new_alert(**part))
    assert (outcomes(closing), closing.failure) == (["stored"], None)
    (finding,) = closing.findings
    assert finding.message.startswith(f"{name} left out of 1 alert")
    got = sender.stored()
    assert name in got["description"]
    kept = {one["data"] for one in got["observables"]}
    assert kept == ({"203.0.113.9"} if "observables" in part else {"203.0.113.7"})
    if "procedures" in part:
        assert [one["patternId"] for one in got["procedures"]] == ["T1110"]


WANTED = {"case_template": "logons", "assignee": "analyst@soc.example"}


@pytest.mark.parametrize("words_are_known", [True, False])
def test_one_part_that_is_refused_costs_no_other(sender: Sender, words_are_known: bool) -> None:
    fields = [{"name": "zone", "type": "string"}]
    templates = [{"name": "logons"}]
    sender.thehive.set_up(catalogue={"custom_fields": fields, "case_templates": templates})
    if not words_are_known:
        body = {"type": "NotFoundError", "message": "no"}
        sender.thehive.fail("status", status=404, body=body, path="/alert$", times=1)
    techniques = (Procedure("T9999", T0), Procedure("T1110", T0))
    sent = new_alert(**WANTED, custom_fields={"zone": "dmz"}, procedures=techniques)
    closing = sender.send(sent)
    assert (outcomes(closing), closing.failure) == (["stored"], None)
    got = sender.stored()
    assert got["assignee"] == "analyst@soc.example"
    assert [(one["name"], one["value"]) for one in got["customFields"]] == [("zone", "dmz")]
    assert [one["patternId"] for one in got["procedures"]] == ["T1110"]
    assert got["caseTemplate"] == "logons"
    (finding,) = closing.findings
    assert finding.message.startswith("ATT&CK technique 'T9999' left out of 1 alert")


def test_an_alert_that_is_refused_whole_is_not_said_to_lack_parts(sender: Sender) -> None:
    body = {"type": "BadRequest", "message": "no"}
    sender.thehive.fail("status", status=400, body=body, path="/alert$", times=None)
    closing = sender.send(new_alert(case_template="logons", assignee="analyst@soc.example"))
    assert outcomes(closing) == ["not delivered"]
    assert "not delivered: 1" in str(closing.failure)
    assert closing.findings == ()


def test_an_assignee_is_set_once_and_left_to_the_analysts(sender: Sender) -> None:
    sent = new_alert(assignee="analyst@soc.example")
    sender.send(sent)
    assert sender.stored()["assignee"] == "analyst@soc.example"
    alert_id = sender.stored()["_id"]
    sender.thehive.api("key-analyst").alert.update(alert_id, {"assignee": "sigma2hive@soc.example"})
    assert outcomes(sender.send(sent)) == ["already there"]
    assert sender.stored()["assignee"] == "sigma2hive@soc.example"


def test_what_is_named_in_the_description_is_inert(sender: Sender) -> None:
    data = "`</code>[x](http://evil.example)\u202e\n# <img src=x>"
    sender.send(new_alert(observables=(address(data, data_type="colour"),)))
    text = sender.stored()["description"]
    (line,) = [line for line in text.splitlines() if "evil" in line]
    assert line.startswith("- `") and line.endswith("`") and line.count("`") == 2
    assert "\u202e" not in text and "<U+202E>" in line


def test_a_part_that_is_not_known_is_tried_once_a_run(sender: Sender) -> None:
    alerts = [new_alert(custom_fields={"zone": "dmz"}) for _ in range(20)]
    closing = sender.send(*alerts, concurrency=1)
    assert outcomes(closing) == ["stored"] * 20
    assert closing.findings[0].count == 20
    paths = [one["path"] for one in sender.thehive.journal("POST")]
    assert paths.count("/api/v1/alert") == 21


def test_a_value_that_is_refused_once_costs_no_other_alert_its_own(sender: Sender) -> None:
    sender.thehive.set_up(catalogue={"custom_fields": [{"name": "tier", "type": "integer"}]})
    body = {"type": "BadRequest", "message": "Custom field tier does not take 1"}
    sender.thehive.fail("status", status=400, body=body, path="/alert$", times=1)
    alerts = [new_alert(custom_fields={"tier": n}) for n in (1, 2)]
    assert outcomes(sender.send(*alerts, concurrency=1)) == ["stored", "stored"]
    (got,) = [one for one in sender.thehive.alerts() if one["customFields"]]
    assert got["sourceRef"] == alerts[1].source_ref


@pytest.mark.parametrize("name", ["license", "read-only"])
def test_a_part_whose_name_sounds_like_an_outage_is_none(sender: Sender, name: str) -> None:
    closing = sender.send(new_alert(custom_fields={name: "x"}), new_alert())
    assert (outcomes(closing), closing.failure) == (["stored", "stored"], None)
    assert f"custom field '{name}' left out" in closing.findings[0].message


@pytest.mark.parametrize("way", ["refuse", "merge"])
def test_a_duplicate_observable_never_costs_the_alert(sender: Sender, way: str) -> None:
    sender.thehive.set_up(behaviour={"duplicate_observable": way})
    twice = (address("203.0.113.7"), address("203.0.113.7", tags=("other",)), address("192.0.2.1"))
    upper = (address("203.0.113.7", data_type="IP"),)
    closing = sender.send(new_alert(observables=(*twice, *upper)))
    assert (outcomes(closing), closing.findings) == (["stored"], ())
    assert {one["data"] for one in sender.stored()["observables"]} == {"203.0.113.7", "192.0.2.1"}


def test_an_observable_that_thehive_takes_for_another_costs_nothing(sender: Sender) -> None:
    body = {"type": "CreateError", "message": "Observable already exists"}
    sender.thehive.fail("status", status=400, body=body, path="/alert$", times=1)
    closing = sender.send(new_alert())
    assert outcomes(closing) == ["stored"]
    assert [one["data"] for one in sender.stored()["observables"]] == ["203.0.113.7"]


def test_more_observables_than_a_request_holds_all_arrive(sender: Sender) -> None:
    many = tuple(address(f"{n:04}" + "x" * 4000, data_type="other") for n in range(150))
    assert outcomes(sender.send(new_alert(observables=many))) == ["stored"]
    assert len(sender.stored()["observables"]) == 150
    assert outcomes(sender.send(new_alert(observables=many))) == ["stored"]


def test_more_observables_than_thehive_takes_are_named(sender: Sender) -> None:
    sender.thehive.set_up(limits={"observables": 3})
    closing = sender.send(new_alert(observables=tuple(address(f"192.0.2.{n}") for n in range(5))))
    assert outcomes(closing) == ["stored"]
    assert len(sender.stored()["observables"]) == 3
    assert "at most 3 observables" in sender.stored()["description"]


def test_a_description_that_is_too_long_is_cut_and_attached_whole(sender: Sender) -> None:
    sent = new_alert(description="ü" * 300_000)
    assert outcomes(sender.send(sent)) == ["stored"]
    assert outcomes(sender.send(sent)) == ["already there"]
    got = sender.stored()
    assert "attached as description.md" in got["description"]
    assert len(got["description"]) > 20_000
    whole = {one["name"]: one["text"] for one in got["attachments"]}["description.md"]
    assert whole == sent.description


def test_raw_logs_that_the_description_shows_are_not_attached(sender: Sender) -> None:
    sent = alert(1)
    shown = new_alert(description=f"```\n{sent.events[0].raw.decode()}\n```")
    sender.send(shown)
    assert sender.stored()["attachments"] == []


def test_raw_logs_are_attached_byte_for_byte_in_files_of_a_size(sender: Sender) -> None:
    raws = [b'{"n":%d,"x":"%s"}' % (n, b"y" * 400) for n in range(10)] + [b"\xff\xfe not text"]
    sent = new_alert(events=tuple(event(n, raw) for n, raw in enumerate(raws)))
    sender.send(sent, attachment_bytes=2_000)
    files = sender.stored()["attachments"]
    assert [one["size"] <= 2_000 for one in files] == [True] * 3
    assert sum(one["size"] for one in files) == sum(len(raw) + 1 for raw in raws)
    assert sender.send(sent, attachment_bytes=2_000).sent == 0


def test_a_key_that_may_only_create_still_delivers(sender: Sender) -> None:
    closing = sender.send(events_alert(1), new_alert(description="x", events=()), key="key-feeder")
    assert outcomes(closing) == ["stored", "stored"]
    assert closing.failure is not None and not closing.failure.passes
    assert "not whole: 1" in str(closing.failure)
    assert "manageAlert/update" in closing.failure.hint


def test_each_sink_has_an_organisation_of_its_own(sender: Sender) -> None:
    sent = new_alert()
    for spec in ("thehive:soc", "thehive:partner"):
        assert outcomes(sender.send(sent, spec=spec, key="key-both")) == ["stored"]
    assert {one["organisation"] for one in sender.thehive.alerts()} == {"soc", "partner"}


def test_pushes_of_one_alert_arrive_in_their_order(sender: Sender) -> None:
    versions = [
        alert(*range(1, n + 1), source_ref="a", custom_fields={}, description=f"{n} events")
        for n in range(1, 12)
    ]
    closing = sender.send(*versions)
    assert list(closing.outcomes.values()) == [Outcome.STORED]
    assert sender.stored()["description"].startswith("11 events")
