"""A summary grows while its hour lasts: what sinks have is what it said last."""

from contextlib import closing
from pathlib import Path

import pytest

from sigma2hive.clock import FrozenClock
from sigma2hive.model.alerts import Alert
from sigma2hive.settings import FloodSettings
from sigma2hive.sinks import Inbox, SinkRequest, open_courier
from sigma2hive.sinks.lines import parse_alert
from tests.doubles.running import TheHive
from tests.runner.floods.conftest import Make
from tests.runner.floods_world import MINUTE, NOW, event, match, rule
from tests.sinks.thehive_sinks import Sender, outcomes


@pytest.fixture
def versions(make: Make) -> list[Alert]:
    """A summary as it was after each of some steps: with more matches."""
    world = make(FloodSettings(per_group=1))
    found = []
    for n in range(4):
        numbers = range(n * 10, n * 10 + 10)
        world.step([match(event(i), rule(level="high")) for i in numbers], NOW + n * MINUTE)
        found.append(world.summary())
    return found


def test_files_have_a_summary_as_it_was_last(versions: list[Alert], tmp_path: Path) -> None:
    for spec in ("jsonl:a.jsonl", "inbox:a.db"):
        courier = open_courier(SinkRequest(spec, tmp_path), FrozenClock(NOW))
        for n, version in enumerate(versions):
            courier.deliver(version, was_delivered=n > 0)
    line = parse_alert((tmp_path / "a.jsonl").read_text().splitlines()[-1])
    with closing(Inbox(tmp_path / "a.db", read_only=True)) as inbox:
        stored = inbox.load_alert("1")
    assert stored is not None
    for alert in (line, stored.alert):
        assert "**39 matches made no alert of their own**" in alert.description
        assert alert.severity == 3
        assert len(alert.events) == 3


def test_thehive_has_a_summary_as_it_was_last(
    versions: list[Alert], thehive: TheHive, monkeypatch: pytest.MonkeyPatch
) -> None:
    thehive.skip_if_real("show what it holds")
    sender = Sender(thehive, monkeypatch)
    for version in versions:
        sender.send(version)
    assert outcomes(sender.send(versions[-1])) == ["already there"]
    got = sender.stored()
    assert "39 matches made no alert of their own" in got["description"]
    assert got["severity"] == 3
