"""A service that delivers to TheHive, whatever TheHive does: each alert once, none lost."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.model.alerts import Alert
from sigma2hive.model.service import Receipt
from sigma2hive.settings import TheHiveSettings
from sigma2hive.sinks.thehive.service import TheHiveCourier
from sigma2hive.storage import StorageError
from tests.clients.thehive_clients import API_KEY, new_alert
from tests.doubles.running import TheHive, running_thehive
from tests.runner.outbox.world import World
from tests.sinks.alerts import event

NAME = "thehive"
CREATE = r"/api/v1/alert$"
BROKEN = [
    pytest.param({"kind": "status", "status": 500}, id="500"),
    pytest.param({"kind": "status", "status": 503}, id="503"),
    pytest.param({"kind": "status", "status": 500, "stored": True}, id="500-after-storing"),
    pytest.param({"kind": "reset"}, id="reset"),
    pytest.param({"kind": "reset", "stored": True}, id="reset-after-storing"),
    pytest.param({"kind": "html"}, id="page-with-200"),
    pytest.param({"kind": "html", "stored": True}, id="page-after-storing"),
    pytest.param({"kind": "truncated"}, id="truncated"),
]


class Hive:
    """A TheHive, and the service that sends to it."""

    def __init__(self, thehive: TheHive, world: World, patch: pytest.MonkeyPatch) -> None:
        self.thehive, self.world, self.patch = thehive, world, patch
        patch.setenv(API_KEY, thehive.key)

    def courier(self, **settings: Any) -> TheHiveCourier:
        given = {"url": self.thehive.url, "timeout_seconds": 5, "service_concurrency": 1}
        given["service_requests_per_second"] = 1_000
        return TheHiveCourier(TheHiveSettings(**{**given, **settings}), self.world.clock)

    def deliver(self, *alerts: Alert, **settings: Any) -> None:
        self.world.deliver({NAME: self.courier(**settings)}, *alerts)

    def heal_at(self, seconds: float) -> None:
        self.world.clock.at(seconds, lambda: self.thehive.control("DELETE", "failures"))

    def told(self, alert: Alert) -> str:
        """Return what was noted of an alert that is there."""
        with self.world.store._file.reading() as connection:
            row = connection.execute(
                """SELECT reason FROM delivery AS d JOIN alert AS a ON a.number = d.alert
                   WHERE a.source_ref = ? AND d.state = 'delivered'""",
                (alert.source_ref,),
            ).fetchone()
        return str(row[0])

    def refs(self) -> list[str]:
        return sorted(one["sourceRef"] for one in self.thehive.alerts())


@pytest.fixture
def hive(thehive: TheHive, world: World, monkeypatch: pytest.MonkeyPatch) -> Hive:
    thehive.skip_if_real("fail")
    return Hive(thehive, world, monkeypatch)


def refs_of(alerts: list[Alert]) -> list[str]:
    return sorted(one.source_ref for one in alerts)


@pytest.mark.parametrize("order", BROKEN)
def test_an_alert_arrives_once_whatever_became_of_the_attempts_before(
    hive: Hive, order: dict[str, Any]
) -> None:
    hive.thehive.fail(**order, method="POST", path=CREATE, times=3)
    alerts = [new_alert() for _ in range(5)]
    hive.deliver(*alerts)
    assert hive.refs() == refs_of(alerts)
    assert all(len(one["observables"]) == 1 for one in hive.thehive.alerts())


def test_a_server_that_hangs_costs_a_time_out_and_no_alert(hive: Hive) -> None:
    hive.thehive.fail("hang", method="POST", path=CREATE, times=2, stored=True)
    alerts = [new_alert() for _ in range(3)]
    hive.deliver(*alerts, timeout_seconds=1)
    assert hive.refs() == refs_of(alerts)


def test_nothing_is_lost_while_thehive_is_away_for_an_hour(hive: Hive) -> None:
    hive.thehive.fail("status", status=502, times=None)
    hive.heal_at(3600)
    alerts = [new_alert(severity=1 + n % 4) for n in range(40)]
    hive.deliver(*alerts)
    assert hive.refs() == refs_of(alerts)
    assert 3600 <= hive.world.clock.seconds < 3600 + 120
    in_vain = [one for one in hive.thehive.journal() if one["failure"]]
    assert len(in_vain) < 80


def test_a_thehive_that_is_started_again_gets_what_waits(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = str(tmp_path / "thehive.json")
    with running_thehive("--state", state) as running:
        hive = Hive(running.thehive, world, monkeypatch)
        first = new_alert()
        hive.deliver(first)
        running.kill()
    port = running.thehive.url.rpartition(":")[2]
    second = new_alert()
    world.clock.at(50, world.clock.stop.set)
    hive.deliver(second)
    assert world.store.counts()[NAME].waiting == 1
    assert "cannot be reached" in world.store.counts()[NAME].paused
    with running_thehive("--state", state, "--port", port) as again:
        hive.deliver()
        assert sorted(one["sourceRef"] for one in again.thehive.alerts()) == refs_of(
            [first, second]
        )


def test_a_new_key_in_the_file_is_taken_without_a_restart(hive: Hive, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("an-old-key\n")
    hive.patch.delenv(API_KEY)
    hive.patch.setenv(f"{API_KEY}_FILE", str(file))
    paused: list[str] = []
    clock = hive.world.clock
    clock.at(300, lambda: paused.append(hive.world.store.counts()[NAME].paused))
    clock.at(301, lambda: file.write_text(hive.thehive.key + "\n"))
    alerts = [new_alert() for _ in range(3)]
    hive.deliver(*alerts)
    assert hive.refs() == refs_of(alerts)
    assert "does not accept the API key" in paused[0]
    assert clock.seconds < 301 + 70
    assert len([one for one in hive.thehive.journal() if one["status"] == 401]) < 20
    assert "an-old-key" not in "".join(hive.world.told)


def test_a_key_that_is_replaced_while_the_old_one_holds_is_used_at_once(
    hive: Hive, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(hive.thehive.key)
    hive.patch.delenv(API_KEY)
    hive.patch.setenv(f"{API_KEY}_FILE", str(file))
    courier = hive.courier()
    assert courier.deliver(new_alert(), was_delivered=False)
    before = {one["user"] for one in hive.thehive.journal()}
    mounted = tmp_path / "new"  # as a mounted secret is replaced
    mounted.write_text("key-analyst")
    mounted.replace(file)
    asked = len(hive.thehive.journal())
    courier.deliver(new_alert(), was_delivered=False)
    courier.close()
    after = {one["user"] for one in hive.thehive.journal()[asked:]}
    assert len(before) == len(after) == 1
    assert before != after


def test_an_unusable_new_key_is_told_and_the_old_one_goes_on(hive: Hive, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(hive.thehive.key)
    hive.patch.delenv(API_KEY)
    hive.patch.setenv(f"{API_KEY}_FILE", str(file))
    courier = hive.courier()
    file.write_text("two words")
    alert = new_alert()
    hive.world.deliver({NAME: courier}, alert)
    assert hive.refs() == refs_of([alert])


def test_too_many_requests_pause_the_sink_until_the_time_it_names(hive: Hive) -> None:
    hive.thehive.fail("status", status=429, retry_after=120, times=1, path=CREATE)
    asked: list[int] = []
    clock = hive.world.clock
    clock.at(1, lambda: asked.append(len(hive.thehive.journal())))
    clock.at(118, lambda: asked.append(len(hive.thehive.journal())))
    alerts = [new_alert() for _ in range(4)]
    hive.deliver(*alerts)
    assert asked == [1, 1]
    assert hive.refs() == refs_of(alerts)
    assert 120 <= clock.seconds < 130


@pytest.mark.parametrize("status", [401, 403, 408, 429])
def test_what_concerns_every_alert_pauses_the_sink_at_once(hive: Hive, status: int) -> None:
    body = {"type": "AuthorizationError", "message": "no"}
    hive.thehive.fail("status", status=status, times=None, body=body)
    hive.heal_at(100)
    paused: list[str] = []
    hive.world.clock.at(50, lambda: paused.append(hive.world.store.counts()[NAME].paused))
    alerts = [new_alert() for _ in range(20)]
    hive.deliver(*alerts)
    assert f"({status})" in paused[0]
    # One alert is tried, and then one now and then: after 1, 2, 4, ... seconds.
    assert len([one for one in hive.thehive.journal() if one["failure"]]) <= 8
    assert hive.refs() == refs_of(alerts)


def test_a_lapsed_licence_is_an_outage_and_no_refusal(hive: Hive) -> None:
    hive.thehive.set_up(behaviour={"read_only": True})
    hive.world.clock.at(7200, lambda: hive.thehive.set_up(behaviour={"read_only": False}))
    paused: list[str] = []
    hive.world.clock.at(50, lambda: paused.append(hive.world.store.counts()[NAME].paused))
    alerts = [new_alert() for _ in range(5)]
    hive.deliver(*alerts)
    assert "licence" in paused[0]
    assert hive.world.store.dead() == []
    assert hive.refs() == refs_of(alerts)


def test_a_refused_part_is_left_out_and_named(hive: Hive) -> None:
    alert = new_alert(custom_fields={"no-such-field": 3})
    hive.deliver(alert)
    (there,) = hive.thehive.alerts()
    assert "no-such-field" in there["description"]
    assert "custom field 'no-such-field'" in hive.told(alert)


def test_a_part_that_somebody_adds_to_thehive_is_sent_again_from_then_on(hive: Hive) -> None:
    courier = hive.courier()
    courier.deliver(new_alert(custom_fields={"later": 3}), was_delivered=False)
    hive.thehive.set_up(
        catalogue={
            "custom_fields": [
                {
                    "name": "later",
                    "displayName": "later",
                    "type": "integer",
                    "group": "default",
                    "description": "",
                }
            ]
        }
    )
    hive.world.clock.advance(3600)
    alert = new_alert(custom_fields={"later": 3})
    courier.deliver(alert, was_delivered=False)
    courier.close()
    (there,) = [one for one in hive.thehive.alerts() if one["sourceRef"] == alert.source_ref]
    assert "later" in str(there["customFields"])


def test_what_remains_refused_is_a_dead_letter_with_its_reason(hive: Hive) -> None:
    body = {"type": "BadRequest", "message": "this organisation takes no alerts"}
    hive.thehive.fail("status", status=400, times=None, body=body, method="POST", path=CREATE)
    alert = new_alert()
    hive.deliver(alert)
    (dead,) = hive.world.store.dead()
    assert "this organisation takes no alerts" in dead.reason
    hive.thehive.control("DELETE", "failures")
    hive.world.store.replay(NAME)
    hive.deliver()
    assert hive.refs() == refs_of([alert])


def test_a_crash_between_sending_and_noting_sends_again_and_makes_nothing_twice(
    hive: Hive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        hive.world.clock.stop.set()
        raise StorageError("the power is gone")

    alert = new_alert(custom_fields={"count": 1})
    with monkeypatch.context() as patch:
        patch.setattr(hive.world.store, "arrived", crash)
        hive.deliver(alert)
    assert hive.world.store.counts()[NAME].waiting == 1
    (before,) = hive.thehive.alerts()
    hive.deliver()
    (after,) = hive.thehive.alerts()
    assert hive.world.store.counts()[NAME].delivered == 1
    assert before["description"] == after["description"]
    assert len(after["observables"]) == len(after["procedures"]) == 1


def test_an_alert_that_an_analyst_deleted_is_not_made_again(hive: Hive) -> None:
    alert = new_alert()
    hive.deliver(alert)
    (there,) = hive.thehive.alerts()
    hive.thehive.api("key-analyst").alert.delete(there["_id"])
    grown = replace(alert, events=(*alert.events, event(2)))
    hive.deliver(grown)
    assert hive.thehive.alerts() == []
    assert hive.told(alert) == "deleted in TheHive; it is not made again"


def test_an_alert_that_grows_is_brought_up_to_date(hive: Hive) -> None:
    alert = new_alert(events=(event(1),))
    hive.deliver(alert)
    grown = replace(alert, title="", description="It goes on.", events=(event(1), event(2)))
    hive.deliver(replace(grown, title=alert.title))
    (there,) = hive.thehive.alerts()
    assert there["description"].startswith("It goes on.")


def test_requests_keep_to_the_rate(hive: Hive) -> None:
    hive.deliver(*(new_alert() for _ in range(40)), service_requests_per_second=5)
    requests = len(hive.thehive.journal())
    assert requests >= 40
    least = (requests - 1) / 5
    assert least <= hive.world.clock.seconds <= least + 10


def test_the_default_is_five_requests_a_second_over_four_connections(hive: Hive) -> None:
    settings = TheHiveSettings(url=hive.thehive.url)
    courier = TheHiveCourier(settings, hive.world.clock)
    assert courier.workers == 4
    hive.world.deliver({NAME: courier}, *(new_alert() for _ in range(40)))
    assert len(hive.refs()) == 40
    assert hive.world.clock.seconds >= (len(hive.thehive.journal()) - 1) / 5


def test_a_stop_ends_what_waits_for_its_turn_and_loses_nothing(
    hive: Hive, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = [new_alert() for _ in range(100)]
    real = hive.world.store.arrived

    def first_only(receipts: Sequence[Receipt]) -> None:
        real(receipts)
        hive.world.clock.stop.set()

    with monkeypatch.context() as patch:
        patch.setattr(hive.world.store, "arrived", first_only)
        hive.deliver(*alerts, service_concurrency=4)
    counts = hive.world.store.counts()[NAME]
    # What was sent while the first was noted is noted, too: how much that is, the machine decides.
    assert 1 <= counts.delivered < 100
    assert counts.waiting == 100 - counts.delivered
    hive.deliver()
    assert hive.refs() == refs_of(alerts)
