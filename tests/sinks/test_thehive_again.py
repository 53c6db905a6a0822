"""An alert in TheHive that is sent again, by a run that knows more, less or something else."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from sigma2hive.clients.thehive import Attachment, TheHiveClient
from sigma2hive.model.alerts import Alert
from sigma2hive.sinks.thehive.delivery import Courier
from sigma2hive.sinks.thehive.pacing import Pace
from tests.clients.thehive_clients import client_of, new_alert
from tests.doubles.running import TheHive
from tests.sinks.alerts import address, alert, event
from tests.sinks.thehive_sinks import Sender, outcomes


@pytest.fixture
def sender(thehive: TheHive, monkeypatch: pytest.MonkeyPatch) -> Sender:
    thehive.skip_if_real("show what it holds")
    return Sender(thehive, monkeypatch)


def events_alert(*numbers: int, **changes: object) -> Alert:
    """An alert whose raw logs its description does not show."""
    events = tuple(event(n, raw(n)) for n in numbers)
    return new_alert(events=events, **changes)


def raw(number: int) -> bytes:
    return b'{"event":%d,"x":""}' % number


def told(*numbers: int) -> Alert:
    """An alert as runs make it: the text counts its events and shows the first three."""
    shown = "\n".join(raw(n).decode() for n in numbers[:3])
    text = f"matched {len(numbers)} events\n\n```\n{shown}\n```"
    return events_alert(*numbers, source_ref="a", description=text)


def held(sender: Sender) -> list[int]:
    """Return the events whose raw logs the one alert holds, in its text or beside it."""
    got = sender.stored()
    whole = "\n".join([got["description"], *(one["text"] for one in got["attachments"])])
    lines = [line for line in whole.splitlines() if line.startswith('{"event"')]
    return sorted(json.loads(line)["event"] for line in lines)


def listed(sender: Sender) -> list[str]:
    """Return when the events happened that stand before the text."""
    before, _, _ = sender.stored()["description"].partition("matched")
    return [line[2:25] for line in before.splitlines() if line.startswith("- ")]


def test_an_alert_that_grows_gets_what_is_new_and_no_more(sender: Sender) -> None:
    sent = events_alert(1, 2, 3)
    sender.send(sent)
    grown = replace(
        events_alert(2, 3, 4, source_ref=sent.source_ref),
        observables=(*sent.observables, address("192.0.2.1")),
    )
    assert outcomes(sender.send(grown)) == ["updated"]
    assert outcomes(sender.send(grown)) == ["already there"]
    got = sender.stored()
    assert {one["data"] for one in got["observables"]} == {"203.0.113.7", "192.0.2.1"}
    lines = [line for one in got["attachments"] for line in one["text"].splitlines()]
    assert sorted(lines) == [f'{{"event":{n},"x":""}}' for n in (1, 2, 3, 4)]


def test_an_alert_that_is_found_after_a_failure_gets_what_is_new(sender: Sender) -> None:
    """What is found then is not what was sent, but what an earlier run knew."""
    templates = [{"name": "logons"}]
    sender.thehive.set_up(catalogue={"case_templates": templates})
    sender.send(new_alert(source_ref="a"))
    sender.thehive.fail("status", status=503, method="POST", path="/alert$", times=1)
    more = (address("203.0.113.7"), address("192.0.2.9"))
    events = (event(1), event(2))
    grown = new_alert(
        source_ref="a", observables=more, events=events, case_template="logons", description="two"
    )
    closing = sender.send(grown)
    assert (outcomes(closing), closing.findings) == (["updated"], ())
    got = sender.stored()
    assert {one["data"] for one in got["observables"]} == {"203.0.113.7", "192.0.2.9"}
    assert got["description"].startswith("two")


def test_an_alert_that_was_half_sent_is_completed_after_a_failure(sender: Sender) -> None:
    """The same text, but of a run that was cut short before the observables."""
    body = {"type": "CreateError", "message": "Observable already exists"}
    sender.thehive.fail("status", status=400, body=body, path="/alert$", times=1)
    sender.thehive.fail("status", status=401, path="/observable$", times=1)
    sent = new_alert()
    sender.send(sent)
    assert sender.stored()["observables"] == []
    sender.thehive.fail("status", status=503, method="POST", path="/alert$", times=1)
    sender.send(sent)
    assert [one["data"] for one in sender.stored()["observables"]] == ["203.0.113.7"]


def test_the_description_follows_while_nobody_has_touched_the_alert(sender: Sender) -> None:
    sent = alert(1, 2, source_ref="a", custom_fields={}, description="two")
    grown = alert(1, 2, 3, source_ref="a", custom_fields={}, description="three")
    sender.send(sent)
    assert outcomes(sender.send(grown)) == ["updated"]
    assert sender.stored()["description"].startswith("three")
    # A run that sees fewer events knows less.
    sender.send(sent)
    assert sender.stored()["description"].startswith("three")


@pytest.mark.parametrize(
    "change", [{"description": "what I found"}, {"status": "InProgress"}, {"status": "Ignored"}]
)
def test_what_an_analyst_did_is_never_written_over(sender: Sender, change: dict[str, str]) -> None:
    sender.send(alert(1, source_ref="a", custom_fields={}, description="one"))
    before = sender.stored()
    sender.thehive.api("key-analyst").alert.update(before["_id"], change)  # type: ignore[arg-type]
    more = (address("192.0.2.1"),)
    grown = alert(1, 2, source_ref="a", custom_fields={}, description="two", observables=more)
    assert outcomes(sender.send(grown)) == ["updated"]
    got = sender.stored()
    assert got["description"] == change.get("description", before["description"])
    assert got["status"] == change.get("status", "New")
    assert len(got["observables"]) == 2


def test_a_note_of_what_was_left_out_stays_when_the_text_follows(sender: Sender) -> None:
    fields = {"zone": "dmz"}
    sender.send(alert(1, source_ref="a", custom_fields=fields, description="one"))
    sender.send(alert(1, 2, source_ref="a", custom_fields=fields, description="two"))
    text = sender.stored()["description"]
    assert text.startswith("two") and "custom field 'zone'" in text


# What the text tells, and what else there is


def test_an_event_that_comes_alone_later_is_told_before_the_text(sender: Sender) -> None:
    sender.send(told(1, 2, 3, 4))
    assert outcomes(sender.send(told(9))) == ["updated"]
    text = sender.stored()["description"]
    assert text.startswith("**The text below tells of 4 events.** Other runs found more")
    assert listed(sender) == ["2023-11-14 22:13:29 UTC"]
    assert "matched 4 events" in text and "matched 1 " not in text
    assert held(sender) == [1, 2, 3, 4, 9]
    for again in (told(9), told(1, 2, 3, 4), told(2, 3), told(1, 9)):
        assert outcomes(sender.send(again)) == ["already there"]
    assert sender.stored()["description"] == text


def test_a_run_that_sees_everything_tells_everything(sender: Sender) -> None:
    sender.send(told(1, 2, 3, 4))
    sender.send(told(9))
    sender.send(told(1, 2, 3, 4, 9))
    assert sender.stored()["description"].startswith("matched 5 events")
    assert set(held(sender)) == {1, 2, 3, 4, 9}


def test_a_window_that_begins_later_takes_no_log_away(sender: Sender) -> None:
    """As many events, but not those that the text tells of and shows, which nothing else holds."""
    sender.send(told(1, 2, 3))
    sender.send(told(3, 4, 5, 6))
    assert listed(sender) == [f"2023-11-14 22:13:{20 + n} UTC" for n in (4, 5, 6)]
    assert set(held(sender)) == {1, 2, 3, 4, 5, 6}
    assert outcomes(sender.send(told(3, 4, 5, 6))) == ["already there"]


@pytest.mark.parametrize("change", [{"description": "mine"}, {"status": "InProgress"}])
def test_a_text_that_stays_leaves_new_logs_to_files(sender: Sender, change: dict[str, str]) -> None:
    sender.send(told(1, 2))
    before = sender.stored()
    sender.thehive.api("key-analyst").alert.update(before["_id"], change)  # type: ignore[arg-type]
    sender.send(told(1, 2, 3))
    text = change.get("description", before["description"])
    assert sender.stored()["description"] == text
    assert 3 in held(sender)


def test_of_many_events_each_is_told_once(sender: Sender) -> None:
    """More than the text's last line has keys of."""
    sender.send(told(*range(1, 61)))
    for part in (told(30), told(*range(20, 50)), told(*range(1, 61))):
        assert outcomes(sender.send(part)) == ["already there"]
    sender.send(told(30, 70))
    assert listed(sender) == ["2023-11-14 22:14:30 UTC"]
    sender.send(told(*range(1, 61), 70, 71))
    assert sender.stored()["description"].startswith("matched 62 events")
    assert set(held(sender)) == {*range(1, 61), 70, 71}


def test_more_late_events_than_are_listed_are_said_to_be_more(sender: Sender) -> None:
    sender.send(told(*range(100)))
    sender.send(told(*range(200, 240)))
    text = sender.stored()["description"]
    assert len(listed(sender)) == 26 and "- and more\n" in text
    assert outcomes(sender.send(told(*range(200, 240)))) == ["already there"]
    assert sender.stored()["description"] == text


@pytest.mark.parametrize(
    "order",
    [
        {"path": "/attachments$", "method": "POST"},
        {"path": "/attachments$", "method": "POST", "stored": True},
        {"path": "/alert/", "method": "PATCH"},
        {"path": "/alert/", "method": "PATCH", "stored": True},
    ],
    ids=["before-attaching", "attached", "before-the-text", "text-written"],
)
@pytest.mark.parametrize("times", [1, None], ids=["once", "a-whole-run"])
def test_a_late_event_is_told_and_held_however_its_run_is_cut_short(
    sender: Sender, order: dict[str, object], times: int | None
) -> None:
    sender.send(told(1, 2, 3, 4))
    sender.thehive.fail("reset", times=times, **order)
    sender.send(told(9), patience_seconds=1)
    sender.thehive.control("DELETE", "failures")
    sender.send(told(9))
    assert len(listed(sender)) == 1
    assert held(sender) == [1, 2, 3, 4, 9]


# Two runs at one moment, or an analyst who writes meanwhile


class Meeting(TheHiveClient):
    """A client of a run that something else comes before when it attaches its first file."""

    before: list[Callable[[], object]]

    def attach(self, alert_id: str, name: str, content: bytes) -> Attachment:
        if self.before:
            self.before.pop()()
        return super().attach(alert_id, name, content)


def send_meeting(sender: Sender, sent: Alert, other: Callable[[], object]) -> None:
    with client_of(sender.thehive) as known:
        client = Meeting(known._library, known.server)
        client.before = [other]
        assert Courier(client, Pace(300, 10), 16_000).deliver(sent).error is None
        assert not client.before


def test_a_run_that_knows_less_does_not_write_over_one_at_the_same_moment(sender: Sender) -> None:
    sender.send(told(1, 2, 3, 4))
    more = told(1, 2, 3, 4, 5, 6)
    send_meeting(sender, told(1, 2, 3, 4, 5), lambda: sender.send(more))
    assert sender.stored()["description"].startswith("matched 6 events")
    assert set(held(sender)) == {1, 2, 3, 4, 5, 6}


def test_what_an_analyst_writes_while_a_run_goes_on_stays(sender: Sender) -> None:
    sender.send(told(1, 2, 3, 4))
    alert_id = sender.stored()["_id"]
    analyst = sender.thehive.api("key-analyst")
    change = {"description": "what I found"}
    send_meeting(
        sender,
        told(1, 2, 3, 4, 5),
        lambda: analyst.alert.update(alert_id, change),  # type: ignore[arg-type]
    )
    assert sender.stored()["description"] == "what I found"
