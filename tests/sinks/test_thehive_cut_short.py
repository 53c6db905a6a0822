"""A run that was cut short, or that meets another one, leaves nothing half-made for good."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sigma2hive.clients.thehive import Attachment, TheHiveClient
from sigma2hive.model.alerts import Alert, Procedure
from sigma2hive.sinks import Outcome
from sigma2hive.sinks.thehive.completion import Delivery
from sigma2hive.sinks.thehive.delivery import Courier
from sigma2hive.sinks.thehive.pacing import Pace
from tests.clients.thehive_clients import client_of, new_alert
from tests.doubles.running import TheHive
from tests.sinks.alerts import T0, event
from tests.sinks.thehive_sinks import Sender, outcomes

FIELDS = {"zone": "dmz", "tier": 1}


@pytest.fixture
def sender(thehive: TheHive, monkeypatch: pytest.MonkeyPatch) -> Sender:
    thehive.skip_if_real("show what it holds")
    fields = [{"name": "zone", "type": "string"}, {"name": "tier", "type": "integer"}]
    thehive.set_up(catalogue={"custom_fields": fields})
    return Sender(thehive, monkeypatch)


def whole_alert() -> Alert:
    techniques = (Procedure("T1110", T0), Procedure("T1059", T0))
    login = "analyst@soc.example"
    return new_alert(procedures=techniques, custom_fields=FIELDS, assignee=login)


def begin(sender: Sender, sent: Alert, **order: object) -> None:
    """Send an alert that is refused as a whole for no known reason; then `order` breaks the run."""
    body = {"type": "NotFoundError", "message": "no"}
    sender.thehive.fail("status", status=404, body=body, path="/alert$", times=1)
    sender.thehive.fail("reset", times=None, **order)
    closing = sender.send(sent, patience_seconds=1)
    assert closing.failure is not None and closing.failure.passes
    sender.thehive.control("DELETE", "failures")


def is_whole(got: dict[str, Any]) -> bool:
    techniques = sorted(one["patternId"] for one in got["procedures"])
    fields = sorted((one["name"], one["value"]) for one in got["customFields"])
    return (techniques, fields, got["assignee"]) == (
        ["T1059", "T1110"],
        [("tier", 1), ("zone", "dmz")],
        "analyst@soc.example",
    )


@pytest.mark.parametrize(
    "order",
    [
        {"method": "POST", "path": "/procedure$"},
        {"method": "POST", "path": "/procedure$", "skip": 1},
        {"method": "PATCH", "path": "/alert/"},
        {"method": "PATCH", "path": "/alert/", "skip": 1},
        {"method": "PATCH", "path": "/alert/", "skip": 2},
        {"method": "PATCH", "path": "/alert/", "skip": 3},
    ],
    ids=[
        *("before-a-technique", "between-techniques"),
        *("before-a-field", "between-fields", "before-the-assignee", "before-the-text"),
    ],
)
def test_the_next_run_completes_what_was_cut_short(
    sender: Sender, order: dict[str, object]
) -> None:
    sent = whole_alert()
    begin(sender, sent, **order)
    assert "more follows" in sender.stored()["description"]
    assert outcomes(sender.send(sent)) == ["updated"]
    got = sender.stored()
    assert is_whole(got)
    assert "more follows" not in got["description"]
    assert outcomes(sender.send(sent)) == ["already there"]
    assert sender.stored() == got


@pytest.mark.parametrize(("method", "path"), [("POST", "/procedure$"), ("PATCH", "/alert/")])
def test_what_is_stored_and_not_answered_makes_no_double(
    sender: Sender, method: str, path: str
) -> None:
    sent = whole_alert()
    body = {"type": "NotFoundError", "message": "no"}
    sender.thehive.fail("status", status=404, body=body, path="/alert$", times=1)
    sender.thehive.fail("reset", method=method, path=path, stored=True, times=2)
    assert outcomes(sender.send(sent)) == ["stored"]
    assert is_whole(sender.stored())


FOREIGN = [
    pytest.param({"kind": "html"}, id="page"),
    pytest.param({"kind": "status", "status": 200, "body": {"ok": True}}, id="other-json"),
    pytest.param({"kind": "status", "status": 200, "body": ""}, id="nothing"),
    pytest.param({"kind": "status", "status": 304}, id="304"),
]


@pytest.mark.parametrize(("method", "path"), [("POST", "/procedure$"), ("PATCH", "/alert/")])
@pytest.mark.parametrize("order", FOREIGN)
def test_an_answer_that_is_not_thehives_is_no_success(
    sender: Sender, method: str, path: str, order: dict[str, Any]
) -> None:
    """Also where an alert is changed, which TheHive answers with 204 and nothing."""
    sent = whole_alert()
    body = {"type": "NotFoundError", "message": "no"}
    sender.thehive.fail("status", status=404, body=body, path="/alert$", times=1)
    sender.thehive.fail(method=method, path=path, times=1, **order)
    assert outcomes(sender.send(sent)) == ["stored"]
    assert is_whole(sender.stored())


def test_a_whole_alert_is_not_looked_through_again(sender: Sender) -> None:
    sent = whole_alert()
    sender.send(sent)
    assert is_whole(sender.stored())
    before = len(sender.thehive.journal())
    sender.send(sent)
    assert len(sender.thehive.journal()) - before <= 4


def test_what_an_analyst_set_meanwhile_stays(sender: Sender) -> None:
    sent = whole_alert()
    begin(sender, sent, method="POST", path="/procedure$")
    got = sender.stored()
    text = f"Mine.\n\n{got['description']}"
    login = "sigma2hive@soc.example"
    change = {"description": text, "customFields": {"zone": "lan"}, "assignee": login}
    sender.thehive.api("key-analyst").alert.update(got["_id"], change)  # type: ignore[arg-type]
    assert outcomes(sender.send(sent)) == ["updated"]
    got = sender.stored()
    assert sorted(one["patternId"] for one in got["procedures"]) == ["T1059", "T1110"]
    assert {one["name"]: one["value"] for one in got["customFields"]} == FIELDS | {"zone": "lan"}
    assert (got["description"], got["assignee"]) == (text, login)


def test_a_technique_that_an_analyst_took_away_does_not_come_back(sender: Sender) -> None:
    sent = whole_alert()
    sender.send(sent)
    (wrong,) = [one for one in sender.stored()["procedures"] if one["patternId"] == "T1059"]
    sender.thehive.api("key-analyst").procedure.delete(wrong["_id"])
    sender.send(sent)
    assert [one["patternId"] for one in sender.stored()["procedures"]] == ["T1110"]


# Two runs at one moment


class Meeting(TheHiveClient):
    """A client of a run that others meet: each time it attaches, something else comes first.

    `before` and `after` have what happens then, the first for its first file; `before_detaching`
    what happens before it takes one back.
    """

    before: list[Callable[[], object]]
    after: list[Callable[[], object]]
    before_detaching: list[Callable[[], object]]

    @classmethod
    def of(cls, thehive: TheHive) -> "Meeting":
        known = client_of(thehive)
        made = cls(known._library, known.server)
        made.before, made.after, made.before_detaching = [], [], []
        return made

    def detach(self, alert_id: str, attachment: Attachment) -> None:
        if self.before_detaching:
            self.before_detaching.pop(0)()
        super().detach(alert_id, attachment)

    def attach(self, alert_id: str, name: str, content: bytes) -> Attachment:
        if self.before:
            self.before.pop(0)()
        made = super().attach(alert_id, name, content)
        if self.after:
            self.after.pop(0)()
        return made


def deliver(client: TheHiveClient, sent: Alert) -> Delivery:
    return Courier(client, Pace(300, 10), 16_000).deliver(sent)


def logs_alert(source_ref: str, *numbers: int) -> Alert:
    """An alert whose raw logs its description does not show."""
    events = tuple(event(n, b'{"event":%d}' % n) for n in numbers)
    return replace(new_alert(events=events), source_ref=source_ref)


def attached(sender: Sender) -> list[str]:
    files = sender.stored()["attachments"]
    return sorted(line for one in files for line in one["text"].splitlines())


def lines_of(*numbers: int) -> list[str]:
    return sorted(f'{{"event":{n}}}' for n in numbers)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [((1, 2, 3), (1, 2, 3)), ((1, 2, 3), (2, 3, 4)), ((2, 3), (1, 2, 3)), ((1, 2, 3), (2,))],
    ids=["the-same", "overlapping", "within", "around"],
)
def test_two_runs_at_one_moment_attach_each_log_once(
    sender: Sender, moment: str, ours: tuple[int, ...], theirs: tuple[int, ...]
) -> None:
    with Meeting.of(sender.thehive) as client:
        getattr(client, moment).append(lambda: sender.send(logs_alert("a", *theirs)))
        delivery = deliver(client, logs_alert("a", *ours))
    assert (delivery.outcome, delivery.error, delivery.left_out) == (Outcome.STORED, None, [])
    assert attached(sender) == lines_of(*{*ours, *theirs})
    sender.send(logs_alert("a", *{*ours, *theirs}))
    assert attached(sender) == lines_of(*{*ours, *theirs})


def test_a_run_that_may_not_remove_leaves_a_log_twice_rather_than_none(sender: Sender) -> None:
    body = {"type": "AuthorizationError", "message": "no"}
    order = {"status": 403, "body": body, "method": "DELETE", "path": "/attachment/"}
    sender.thehive.fail("status", times=None, **order)
    with Meeting.of(sender.thehive) as client:
        client.before.append(lambda: sender.send(logs_alert("a", 2, 3)))
        delivery = deliver(client, logs_alert("a", 1, 2))
    assert (delivery.error, delivery.left_out) == (None, [])
    assert set(attached(sender)) == set(lines_of(1, 2, 3))


def test_two_runs_never_give_way_to_each_other(sender: Sender) -> None:
    """One takes back a file for another's that is older; that one must not rely on it then."""
    looked, second_attached, first_attached, decided = (threading.Event() for _ in range(4))

    def wait(event: threading.Event) -> None:
        assert event.wait(timeout=30)

    def run_first() -> None:
        with Meeting.of(sender.thehive) as client:
            client.before = [lambda: (looked.set(), wait(second_attached))]
            client.after = [first_attached.set]
            client.before_detaching = [decided.set]
            assert deliver(client, logs_alert("a", 3)).error is None

    sender.send(replace(logs_alert("a"), events=()))
    thread = threading.Thread(target=run_first)
    thread.start()
    wait(looked)
    with Meeting.of(sender.thehive) as client:
        client.before = [
            lambda: sender.send(logs_alert("a", 1, 2)),
            lambda: wait(first_attached),
        ]
        client.after = [second_attached.set]
        client.before_detaching = [lambda: wait(decided)]
        assert deliver(client, logs_alert("a", 2, 3)).error is None
    thread.join()
    assert set(attached(sender)) == set(lines_of(1, 2, 3))


def test_many_runs_at_one_moment_lose_nothing(sender: Sender) -> None:
    """However they interleave, every log is there; the next run finds nothing to do."""
    alerts = [logs_alert("a", *range(n, n + 4)) for n in range(6)]
    start = threading.Barrier(len(alerts))

    def send(one: Alert) -> None:
        start.wait(timeout=30)
        with client_of(sender.thehive) as client:
            assert deliver(client, one).error is None

    threads = [threading.Thread(target=send, args=(one,)) for one in alerts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(attached(sender)) == set(lines_of(*range(9)))
    everything = logs_alert("a", *range(9))
    before = sender.stored()["attachments"]
    sender.send(everything)
    assert [(one["name"], one["text"]) for one in sender.stored()["attachments"]] == [
        (one["name"], one["text"]) for one in before
    ]
