"""What alerts say of events, whoever wrote them: made by ElastAlert itself, and in TheHive."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bench.cluster import Indices
from tests.bench.elastalert_program import Elastalert
from tests.elastalert.station import Station, compiled

RENDERING = Path(__file__).parent.parent / "bench" / "elastalert_rendering.py"
RULE = """\
title: Tool started
id: 6a0c0000-0000-4000-8000-000000000001
status: experimental
level: high
tags: [attack.t1059]
logsource: {product: windows, category: process_creation}
detection:
  selection: {Image|endswith: '\\tool.exe'}
  condition: selection
"""
ID = "6a0c0000-0000-4000-8000-000000000001"
MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "event": {
            "properties": {name: {"type": "keyword"} for name in ("code", "provider", "module")}
        },
        "winlog": {"properties": {"channel": {"type": "keyword"}}},
        "process": {
            "properties": {name: {"type": "keyword"} for name in ("executable", "command_line")}
        },
        "host": {"properties": {"name": {"type": "keyword"}}},
        "user": {"properties": {"name": {"type": "keyword"}}},
        "source": {"properties": {"ip": {"type": "ip"}}},
    }
}
EVENT: dict[str, Any] = {
    "@timestamp": "2026-11-20T02:13:21.500Z",
    "event": {"code": "1", "provider": "Microsoft-Windows-Sysmon", "module": "sysmon"},
    "winlog": {"channel": "Microsoft-Windows-Sysmon/Operational"},
    "process": {"executable": "C:\\new\\TOOL.exe", "command_line": "tool.exe {{ 7*7 }} `x` $HOME"},
    "host": {"name": "ws01.corp.example"},
    "user": {"name": "anna"},
    "source": {"ip": ["192.0.2.7", "2001:db8::7"]},
    # What would stand in the place of Jinja's own names, were the whole event fetched.
    "self": "x",
    "dict": {"a": 1},
}
START, END = "2026-11-20T00:00:00Z", "2026-11-20T03:00:00Z"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "rule.yml").write_text(RULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_up(repository: Path, *alerts: str) -> None:
    chosen = {"alerts": alerts, "buffer_minutes": 1440}
    (repository / "sigma2hive.yml").write_text(json.dumps({"elastalert": chosen}))


def ran(station: Station, repository: Path, indices: Indices, event: dict[str, Any]) -> None:
    index = indices.create(MAPPING, [event])
    compiled(repository, "--profile", "winlogbeat", index=index)
    done = station.run(START, END)
    assert done.rules == [ID] and not done.disabled, done.log
    assert done.matches == {ID: 1}


def test_an_alert_says_of_its_event_what_mappings_ask(
    station: Station, repository: Path, indices: Indices
) -> None:
    station.thehive.skip_if_real("show what it holds")
    set_up(repository, "thehive")
    ran(station, repository, indices, EVENT)
    (alert,) = station.thehive.alerts()
    at = int(datetime(2026, 11, 20, 2, 13, 21, 500_000, UTC).timestamp() * 1000)
    assert alert["sourceRef"] == f"{ID}:{at}:0"
    assert (alert["type"], alert["source"]) == ("sigma", "sigma2hive")
    assert alert["title"] == "Tool started on ws01.corp.example"
    assert (alert["severity"], alert["tlp"], alert["pap"], alert["date"]) == (3, 2, 2, at)
    assert {"attack.t1059", f"sigma:rule={ID}", "sigma:level=high"} == set(alert["tags"])
    assert "process.command_line: tool.exe {{ 7*7 }} 'x' $HOME\n" in alert["description"]
    assert "process.executable: C:\\new\\TOOL.exe\n" in alert["description"]
    seen = {(one["dataType"], one["data"]) for one in alert["observables"]}
    assert seen == {
        ("ip", "192.0.2.7"),
        ("ip", "2001:db8::7"),
        ("fqdn", "ws01.corp.example"),
        ("other", "anna"),
        ("filename", "TOOL.exe"),
    }


def test_an_alert_that_could_not_be_sent_is_sent_later_and_once(
    station: Station, repository: Path, indices: Indices
) -> None:
    set_up(repository, "thehive")
    # TheHive stores the alert, and ElastAlert never hears of it.
    station.thehive.fail("status", status=503, method="POST", path="/api/v1/alert", stored=True)
    ran(station, repository, indices, EVENT)
    assert [entry["alert_sent"] for entry in station.state()] == [False]
    station.run("2026-11-20T02:30:00Z", END)
    assert len(station.thehive.alerts()) == 1
    (first, second) = station.thehive.journal("POST", "/api/v1/alert")
    assert (first["status"], second["status"]) != (201, 201)


def test_hivealerter_makes_an_alert_of_its_own(
    station: Station, repository: Path, indices: Indices
) -> None:
    station.thehive.skip_if_real("show what it holds")
    set_up(repository, "hivealerter")
    ran(station, repository, indices, EVENT)
    (alert,) = station.thehive.alerts()
    assert alert["title"] == "Tool started on ws01.corp.example"
    assert "process.command_line: tool.exe {{ 7*7 }} 'x' $HOME" in alert["description"]
    assert ("hostname", "ws01.corp.example") in {
        (one["dataType"], one["data"]) for one in alert["observables"]
    }
    assert not alert["sourceRef"].startswith(ID)


_TEXTS = st.text(max_size=20) | st.sampled_from(
    [
        "{{ 7*7 }}",
        "{% raw %}",
        '"',
        "\\",
        "\\n",
        "a\nb",
        "`",
        "```\n# x",
        "$HOME",
        "\u202e",
        "x" * 5000,
    ]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ip", "name", "items", "get"]) | _TEXTS, inner, max_size=3
        )
    ),
    max_leaves=5,
)
_ROOTS = [
    "process",
    "host",
    "source",
    "user",
    "event",
    "winlog",
    "url",
    "file",
    "process.executable",
]
_EVENTS = st.dictionaries(
    st.sampled_from(
        [*_ROOTS, "source.ip", "user.name", "file.path", "url.full", "email.to.address"]
    ),
    _VALUES,
    max_size=6,
).map(lambda event: {"@timestamp": "2026-11-20T02:13:21.5Z", "_id": "a", "_index": "b", **event})


def test_no_event_breaks_a_template(elastalert: Elastalert, repository: Path) -> None:
    """A rule whose template fails once is disabled by ElastAlert: an attacker's wish."""
    set_up(repository, "thehive")
    (path,) = compiled(repository, "--profile", "winlogbeat").glob("*.yml")
    collected: list[dict[str, Any]] = []

    @settings(max_examples=300, suppress_health_check=list(HealthCheck), database=None)
    @given(_EVENTS)
    def collect(event: dict[str, Any]) -> None:
        collected.append(event)

    collect()
    done = subprocess.run(
        [str(elastalert.home / "bin" / "python"), "-P", str(RENDERING), str(path)],
        input="".join(f"{json.dumps(event)}\n" for event in collected),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(alerts) == len(collected) >= 300
    for event, alert in zip(collected, alerts, strict=True):
        assert alert["sourceRef"] == f"{ID}:1795140801500:a"
        assert 0 < len(alert["title"]) <= 512
        assert alert["description"].endswith("```") and alert["description"].count("```") == 2
        names = [(one["dataType"], one["data"].lower()) for one in alert["observables"]]
        assert len(set(names)) == len(names) and all(data for _, data in names)
        name = event.get("user.name")
        if (
            isinstance(name, str)
            and 0 < len(name) <= 4096
            and name not in ("-",)
            and "\n" not in name
        ):
            assert any(one["data"].lower() == name.lower() for one in alert["observables"])
