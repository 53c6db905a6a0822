"""How ElastAlert 2 counts: where it agrees with Sigma's sliding window, and where it does not.

What stands in docs/targets.md and in the files themselves is shown here with the real one.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.bench.cluster import Indices
from tests.elastalert.station import Station, compiled

MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "event": {"properties": {"code": {"type": "keyword"}, "provider": {"type": "keyword"}}},
        "winlog": {"properties": {"channel": {"type": "keyword"}}},
        "host": {"properties": {"name": {"type": "keyword"}}},
        "user": {"properties": {"name": {"type": "keyword"}}},
    }
}
START = datetime(2026, 11, 20, tzinfo=UTC)
SETTINGS = {"profile": "ecs", "elastalert": {"buffer_minutes": 1440}}
RULES = """\
title: Failed logon
id: 20e52835-8caa-4db7-8783-670937216d52
name: failed_logon
status: experimental
level: low
logsource: {product: windows, service: security}
detection:
  selection: {EventID: 4625}
  condition: selection
---
title: Many failed logons
id: 5ae2d05d-b7d2-4c1a-9279-c5dca9975847
status: experimental
level: high
correlation:
  type: event_count
  rules: [failed_logon]
  group-by: [host.name]
  timespan: 10m
  condition: {gte: 3}
---
title: Many names
id: 5ae2d05d-b7d2-4c1a-9279-c5dca9975848
status: experimental
level: high
correlation:
  type: value_count
  rules: [failed_logon]
  group-by: [host.name]
  timespan: 10m
  condition: {gte: 3, field: user.name}
"""
COUNT, VALUES = "5ae2d05d-b7d2-4c1a-9279-c5dca9975847", "5ae2d05d-b7d2-4c1a-9279-c5dca9975848"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sigma2hive.yml").write_text(json.dumps(SETTINGS))
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "rules.yml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def logon(minutes: float, user: str = "anna", host: str = "dc01") -> dict[str, object]:
    at = START + timedelta(minutes=minutes)
    return {
        "@timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": {"code": "4625"},
        "winlog": {"channel": "Security"},
        "host": {"name": host},
        "user": {"name": user},
    }


def raised(
    station: Station, repository: Path, indices: Indices, events: list[dict[str, object]]
) -> dict[str, list[int]]:
    """Return by correlation the events with which ElastAlert matched."""
    index = indices.create(MAPPING, events)
    folder = compiled(repository, "--allow-approximate", index=index)
    for path in folder.glob("*.yml"):
        # Without realert, so that TheHive gets what is counted and not what the clock lets through.
        text = path.read_text("ascii").replace("realert:\n  minutes: 10", "realert:\n  minutes: 0")
        path.write_text(text, "ascii")
    ran = station.run("2026-11-19T23:00:00Z", "2026-11-20T12:00:00Z")
    assert not ran.disabled and set(ran.rules) == {COUNT, VALUES}, ran.log
    found: dict[str, list[int]] = {COUNT: [], VALUES: []}
    for rule, document in station.pairs():
        found[rule].append(int(document))
    return {rule: sorted(numbers) for rule, numbers in found.items()}


def test_an_episode_is_one_for_sigma_and_several_for_elastalert(
    station: Station, repository: Path, indices: Indices
) -> None:
    station.thehive.skip_if_real("show what it holds")
    # Nine logons, a minute between two of them: for Sigma the third begins the one episode.
    events = [logon(minute, user=f"user{minute}") for minute in range(9)]
    found = raised(station, repository, indices, events)
    # It empties its window at each alert, so that every third event is another one.
    assert found[COUNT] == [2, 5, 8]
    # Of values it forgets none: from the third on each event is one.
    assert found[VALUES] == [2, 3, 4, 5, 6, 7, 8]


def test_the_first_alert_of_an_episode_is_at_the_event_that_sigma_says(
    station: Station, repository: Path, indices: Indices
) -> None:
    station.thehive.skip_if_real("show what it holds")
    events = [
        logon(0, "a"),
        logon(5, "b"),
        logon(10, "c"),  # exactly a timespan after the first: two within ten minutes
        logon(12, "d"),  # 5, 10, 12: three
        logon(12, "a", host="dc02"),
        logon(40, "a"),
        logon(41, "a"),
        logon(42, "a"),  # another episode of events, but of one name
    ]
    found = raised(station, repository, indices, events)
    assert found == {COUNT: [3, 7], VALUES: [3]}


def test_letter_case_makes_two_groups_for_elastalert(
    station: Station, repository: Path, indices: Indices
) -> None:
    station.thehive.skip_if_real("show what it holds")
    events = [logon(0, "a"), logon(1, "b", host="DC01"), logon(2, "c")]
    assert raised(station, repository, indices, events) == {COUNT: [], VALUES: []}
