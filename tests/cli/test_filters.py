"""Muting as the alert advises it: a Sigma filter in a file beside the rules, then `run --once`."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sigma2hive.cli import main

BASE_ID = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"
CORRELATION_ID = "22222222-2222-4222-8222-222222222222"
BASE = f"""\
title: Failed logon
id: {BASE_ID}
name: failed_logon
logsource: {{product: windows, service: security}}
level: low
detection:
    selection: {{EventID: 4625}}
    condition: selection
"""
CORRELATION = f"""\
title: Many failed logons
id: {CORRELATION_ID}
name: many_failed_logons
level: high
correlation:
    type: event_count
    rules: [failed_logon]
    group-by: [IpAddress]
    timespan: 10m
    condition: {{gte: 6}}
"""
ATTACKER = "203.0.113.77"


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rules folder of a repository that has six failed logons of one address to look at."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "sigma_rules"
    folder.mkdir()
    (folder / "base.yml").write_text(BASE)
    events(ATTACKER, *range(6))
    return folder


def events(address: str | None, *seconds: int) -> None:
    lines = []
    for second in seconds:
        event: dict[str, Any] = {
            "@timestamp": f"2026-11-20T02:15:{second:02}Z",
            "event": {"code": "4625"},
            "winlog": {"channel": "Security"},
            "user": {"name": "anna"},
        }
        if address is not None:
            event["source"] = {"ip": address}
        lines.append(json.dumps(event) + "\n")
    with Path("events.ndjson").open("a") as file:
        file.writelines(lines)


def mute(reference: str, address: str = ATTACKER, logsource: str = "service: security") -> str:
    return f"""\
title: Mute a known scanner
id: 11111111-1111-4111-8111-111111111111
logsource: {{product: windows, {logsource}}}
filter:
    rules: [{reference}]
    selection: {{IpAddress: {address}}}
    condition: not selection
"""


def run() -> dict[str, Any]:
    arguments = ["run", "--once", "--dry-run", "--json", "--events", "events.ndjson"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def titles(told: dict[str, Any]) -> list[str]:
    return [alert["title"].partition(":")[0] for alert in told["alerts"]]


def codes(told: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in told["findings"]]


@pytest.mark.parametrize("reference", [BASE_ID, "failed_logon", BASE_ID.upper()])
def test_a_filter_that_names_the_rule_mutes_what_it_selects(rules: Path, reference: str) -> None:
    events("192.0.2.9", 30)
    assert len(run()["alerts"]) == 7
    (rules / "mute.yml").write_text(mute(reference))
    told = run()
    assert len(told["alerts"]) == 1
    assert told["findings"] == []


@pytest.mark.parametrize(
    "reference", [CORRELATION_ID, "many_failed_logons", CORRELATION_ID.upper()]
)
def test_a_filter_that_names_the_correlation_mutes_it(rules: Path, reference: str) -> None:
    (rules / "many.yml").write_text(CORRELATION)
    assert titles(run()) == ["Many failed logons"]
    (rules / "mute.yml").write_text(mute(reference))
    told = run()
    assert told["alerts"] == []
    assert told["findings"] == []


def test_what_filters_suppress_is_counted_and_named(rules: Path) -> None:
    (rules / "mute.yml").write_text(mute(BASE_ID))
    events("192.0.2.9", 30)
    told = run()
    (suppressed,) = told["suppressed"]
    assert (suppressed["rule"], suppressed["matches"]) == (BASE_ID, 6)
    assert suppressed["title"] in (rules / "mute.yml").read_text()
    arguments = ["run", "--once", "--dry-run", "--events", "events.ndjson"]
    text = CliRunner().invoke(main, arguments, catch_exceptions=False).stdout
    assert f"suppressed: 6 matches by filter '{suppressed['title']}'\n" in text
    assert "7 events, 1 rule, 1 alert, 0 left out" in text


def test_what_a_filter_takes_from_a_count_is_suppressed_for_the_correlation(rules: Path) -> None:
    (rules / "many.yml").write_text(CORRELATION)
    (rules / "mute.yml").write_text(mute(CORRELATION_ID))
    (suppressed,) = run()["suppressed"]
    assert (suppressed["rule"], suppressed["matches"]) == (CORRELATION_ID, 6)


def test_a_filter_with_nothing_to_suppress_is_not_named(rules: Path) -> None:
    (rules / "mute.yml").write_text(mute(BASE_ID, "203.0.113.78"))
    assert run()["suppressed"] == []


def test_a_filter_for_another_address_leaves_the_alert(rules: Path) -> None:
    (rules / "many.yml").write_text(CORRELATION)
    before = run()["alerts"]
    (rules / "mute.yml").write_text(mute(CORRELATION_ID, "203.0.113.78"))
    assert run()["alerts"] == before


def test_only_the_correlation_that_is_named_stops_counting(rules: Path) -> None:
    other = CORRELATION.replace("22222222", "33333333").replace("many_failed", "other_failed")
    (rules / "many.yml").write_text(CORRELATION)
    (rules / "other.yml").write_text(
        other.replace("Many", "Loud").replace("timespan", "generate: true\n    timespan")
    )
    (rules / "mute.yml").write_text(mute(CORRELATION_ID))
    found = titles(run())
    assert "Many failed logons" not in found
    assert "Loud failed logons" in found
    assert len(found) == 7


def test_a_filter_takes_only_what_it_selects_from_the_count(rules: Path) -> None:
    (rules / "many.yml").write_text(CORRELATION.replace("IpAddress", "user.name"))
    events("192.0.2.9", *range(10, 15))
    (rules / "mute.yml").write_text(mute(CORRELATION_ID))
    assert run()["alerts"] == []
    events("192.0.2.10", 20)
    (alert,) = run()["alerts"]
    assert alert["events"] == 6


def test_a_filter_whose_log_source_does_not_fit_is_said_to_do_nothing(rules: Path) -> None:
    (rules / "many.yml").write_text(CORRELATION)
    (rules / "mute.yml").write_text(mute(CORRELATION_ID, logsource="service: system"))
    told = run()
    assert titles(told) == ["Many failed logons"]
    assert codes(told) == ["S2H216"]


def test_keywords_of_a_filter_that_cannot_be_searched_leave_the_filter_out(rules: Path) -> None:
    schemas = rules.parent / "mappings" / "schemas"
    schemas.mkdir(parents=True)
    (schemas / "site.yml").write_text(
        "profile: site\ntitle: Ours\nlogsources:\n"
        "    - {product: windows, service: security, indices: [site-*],\n"
        "       fields: {EventID: event.code, IpAddress: source.ip}}\n"
    )
    Path("sigma2hive.yml").write_text("profile: site\n")
    words = mute("any").replace("selection: {IpAddress: 203.0.113.77}", "selection: [scanner]")
    (rules / "mute.yml").write_text(words.replace("rules: [any]", "rules: any"))
    told = run()
    assert len(told["alerts"]) == 6
    assert told["left_out"] == 1
    (finding,) = told["findings"]
    assert (finding["code"], finding["path"], finding["line"]) == (
        "S2H404",
        "sigma_rules/mute.yml",
        6,
    )


def test_matches_without_a_value_to_group_by_are_counted_and_named(rules: Path) -> None:
    (rules / "many.yml").write_text(CORRELATION)
    events(None, *range(20, 32))
    arguments = ["run", "--once", "--dry-run", "--events", "events.ndjson"]
    lines = CliRunner().invoke(main, arguments, catch_exceptions=False).stdout.splitlines()
    assert lines[-3:-1] == [
        "not grouped: 12 matches of 'Failed logon' have no IpAddress,",
        "  so 'Many failed logons' does not count them",
    ]
    assert run()["ungrouped"] == [
        {
            "correlation": CORRELATION_ID,
            "rule": BASE_ID,
            "field": "IpAddress",
            "matches": 12,
            "reason": "no value to group by",
        }
    ]


@pytest.mark.parametrize(
    ("wrong", "right", "code"),
    [
        ("type: event_count", "type: value_count", "S2H209"),
        ("type: event_count", "type: temporal", "S2H209"),
        ("type: event_count", "type: event_cuont", "S2H209"),
        ("gte: 6", "gte: many", "S2H209"),
        ("rules: [failed_logon]", "rules: [failed_logon, no_such_rule]", "S2H210"),
        ("level: high", "level: high\nsigma2hive: {tilte: x}", "S2H405"),
        (CORRELATION_ID, BASE_ID, "S2H208"),
    ],
)
def test_rules_of_a_correlation_that_is_left_out_stay_silent_and_are_named(
    rules: Path, wrong: str, right: str, code: str
) -> None:
    (rules / "many.yml").write_text(CORRELATION.replace(wrong, right))
    told = run()
    assert told["alerts"] == []
    assert codes(told) == [code, "S2H217"]
    assert "'Failed logon'" in told["findings"][1]["message"]
    loud = CORRELATION.replace(wrong, right).replace("timespan", "generate: true\n    timespan")
    (rules / "many.yml").write_text(loud)
    told = run()
    assert len(told["alerts"]) == 6
    assert codes(told) == [code]
