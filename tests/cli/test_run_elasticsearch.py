"""`run --since`: the rules over a window of a real Elasticsearch, every hit decided again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.bench.accounts import User
from tests.bench.cluster import Cluster, Indices

MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "event": {"properties": {"code": {"type": "keyword"}}},
        "source": {"properties": {"ip": {"type": "ip"}}},
        "user": {"properties": {"name": {"type": "keyword"}}},
        "process": {"properties": {"command_line": {"type": "keyword", "ignore_above": 60}}},
    }
}
PROFILE = """\
profile: site
title: A site's own
field_types:
    source.ip: ip
    process.command_line: {{type: keyword, ignore_above: 60}}
logsources:
    - {{product: windows, service: security, indices: [{index}]}}
    - {{product: windows, service: elsewhere, indices: [s2h-test-nowhere-*]}}
"""
RULES = """\
title: Failed logon
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
name: failed_logon
level: low
logsource: {product: windows, service: security}
detection:
    selection: {event.code: 4625}
    condition: selection
---
title: Many failed logons
id: 22222222-2222-4222-8222-222222222222
level: high
sigma2hive: {title: 'Failed logons from {source.ip}'}
correlation:
    type: event_count
    rules: [failed_logon]
    group-by: [source.ip]
    timespan: 10m
    condition: {gte: 6}
---
title: Shadow copies deleted
id: 33333333-3333-4333-8333-333333333333
level: critical
logsource: {product: windows, service: security}
detection:
    selection:
        process.command_line|contains|all: [vssadmin, delete]
    condition: selection
"""


def at(minutes_ago: float) -> str:
    moment = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def logon(minutes_ago: float, address: str = "203.0.113.7") -> dict[str, object]:
    return {
        "@timestamp": at(minutes_ago),
        "event": {"code": "4625"},
        "source": {"ip": address},
        "user": {"name": "anna"},
    }


def command(line: str) -> dict[str, object]:
    return {"@timestamp": at(5), "process": {"command_line": line}}


@pytest.fixture
def site(
    tmp_path: Path, elasticsearch: Cluster, indices: Indices, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A repository whose profile reads one index of the cluster, asked as the reader."""
    events = [
        *(logon(30 - number) for number in range(6)),
        *(logon(20 - number, "203.0.113.8") for number in range(5)),
        logon(60 * 30, "203.0.113.9"),
        command("VSSADMIN.EXE Delete Shadows"),
        command(
            "vssadmin delete shadows /all /quiet" + " " * 80 + "& rem longer than ignore_above"
        ),
        command("vssadmin list"),
    ]
    index = indices.create(MAPPING, events)
    (tmp_path / "mappings" / "schemas").mkdir(parents=True)
    (tmp_path / "mappings" / "schemas" / "site.yml").write_text(PROFILE.format(index=index))
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "rules.yml").write_text(RULES)
    (tmp_path / "sigma2hive.yml").write_text(
        f"profile: site\nelasticsearch: {{urls: ['{elasticsearch.url}']}}\n"
    )
    monkeypatch.chdir(tmp_path)
    log_in(monkeypatch, elasticsearch.users.reader)
    return tmp_path


def log_in(monkeypatch: pytest.MonkeyPatch, user: User) -> None:
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_USERNAME", user.name)
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_PASSWORD", user.password)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", "--once", *arguments], catch_exceptions=False)


def test_a_day_of_a_cluster_becomes_alerts_once(site: Path) -> None:
    first, second = run("--since", "24h"), run("--since", "24h")
    assert first.exit_code == 0, first.output
    titles = [line[31:] for line in first.stdout.splitlines() if line[:1] in "hc"]
    assert sorted(titles) == [
        "Failed logons from 203.0.113.7  (6 events)",
        "Shadow copies deleted",
        "Shadow copies deleted",
    ]
    assert "inbox: 3 stored" in first.stdout
    assert "inbox: 3 already there" in second.stdout


def test_a_dry_run_says_what_would_be_raised_and_writes_nothing(site: Path) -> None:
    result = run("--since", "24h", "--dry-run")
    assert result.exit_code == 0
    *_, total, shadow_copies, logons, last = result.stdout.splitlines()
    assert total == "would have raised 3 alerts in 24 hours, from these rules:"
    assert shadow_copies.split(maxsplit=1) == ["2", "Shadow copies deleted"]
    assert logons.split(maxsplit=1) == ["1", "Many failed logons"]
    assert "3 alerts" in last
    assert not (site / ".sigma2hive").exists()
    report = json.loads(run("--since", "24h", "--dry-run", "--json").stdout)
    assert report["window_seconds"] == 24 * 60 * 60
    assert [(entry["title"], entry["alerts"]) for entry in report["by_rule"]] == [
        ("Shadow copies deleted", 2),
        ("Many failed logons", 1),
    ]


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("60m", "3 alerts in 1 hour, from"),
        ("10m", "2 alerts in 10 minutes, from"),
        ("7d", "3 alerts in 7 days, from"),
        ("1m", "no alert in 1 minute"),
    ],
)
def test_the_time_that_was_looked_at_is_named(site: Path, since: str, said: str) -> None:
    assert f"would have raised {said}" in run("--since", since, "--dry-run").stdout


def test_the_window_decides_what_is_looked_at(site: Path) -> None:
    assert "2 alerts" in run("--since", "10m", "--dry-run").stdout.splitlines()[-1]


def test_an_alert_keeps_the_whole_document(site: Path) -> None:
    run("--since", "24h", "--sink", "jsonl:alerts.jsonl")
    alerts = [json.loads(line) for line in (site / "alerts.jsonl").read_text().splitlines()]
    (logons,) = [alert for alert in alerts if alert["severity"] == 3]
    assert {json.loads(event["raw"])["user"]["name"] for event in logons["events"]} == {"anna"}
    assert all(event["key"][0] == "elasticsearch" for event in logons["events"])


def test_more_hits_than_a_page_are_all_read(site: Path, indices: Indices) -> None:
    indices.add(indices.names[0], (logon(5, "203.0.113.77") for _ in range(1_300)), first=1_000)
    run("--since", "24h", "--sink", "jsonl:alerts.jsonl")
    alerts = [json.loads(line) for line in (site / "alerts.jsonl").read_text().splitlines()]
    sizes = {alert["title"]: len(alert["events"]) for alert in alerts}
    assert sizes["Failed logons from 203.0.113.77"] == 1_300


def test_a_pattern_without_an_index_is_named_and_the_rest_is_searched(site: Path) -> None:
    rule = RULES.split("---\n")[2].replace("33333333", "44444444")
    (site / "sigma_rules" / "other.yml").write_text(rule.replace("security", "elsewhere"))
    result = run("--since", "24h")
    assert result.exit_code == 3
    assert "error S2H507: 1 rule not searched: " in result.stdout
    assert "s2h-test-nowhere-*" in result.stdout
    assert "3 alerts" in result.stdout.splitlines()[-1]
    total = "would have raised 3 alerts in 24 hours of what could be searched, from these rules:"
    assert total in run("--since", "24h", "--dry-run").stdout


def test_a_correlation_is_left_out_when_its_rule_could_not_be_searched(site: Path) -> None:
    rules = RULES.replace(
        "service: security}\ndetection:\n    selection: {event",
        "service: elsewhere}\ndetection:\n    selection: {event",
    )
    (site / "sigma_rules" / "rules.yml").write_text(rules)
    result = run("--since", "24h")
    assert result.exit_code == 3
    assert "Failed logons" not in result.stdout


@pytest.mark.parametrize(("who", "said"), [("blind", "read"), ("wrong", "credentials")])
def test_who_may_not_read_is_told_so(
    site: Path, elasticsearch: Cluster, monkeypatch: pytest.MonkeyPatch, who: str, said: str
) -> None:
    if who == "blind":
        log_in(monkeypatch, elasticsearch.users.blind)
    else:
        monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_PASSWORD", "wrong")
    result = run("--since", "24h")
    assert result.exit_code == 3
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_server_that_is_not_there_is_exit_code_4(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_URLS", "http://127.0.0.1:9")
    result = run("--since", "24h")
    assert result.exit_code == 4
    assert "127.0.0.1:9" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["--since", "soon"], ["--since", "24h", "--events", "x.ndjson"]]
)
def test_a_span_that_is_none_and_two_sources_at_once_are_refused(
    site: Path, arguments: list[str]
) -> None:
    assert run(*arguments).exit_code == 2


def test_what_is_in_an_index_of_our_own_is_no_event(site: Path) -> None:
    profile = (site / "mappings" / "schemas" / "site.yml").read_text()
    index = profile.partition("service: security, indices: [")[2].partition("]")[0]
    settings = site / "sigma2hive.yml"
    settings.write_text(settings.read_text() + f"sources: {{own_indices: [{index}]}}\n")
    result = run("--since", "24h")
    assert result.exit_code == 0, result.output
    assert "0 alerts" in result.stdout.splitlines()[-1]
