"""`sigma2hive test`: what passes, what fails and why, and what rules must have."""

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.workflows.project import ProjectOptions, load_project
from sigma2hive.workflows.testing import Least, run_tests
from sigma2hive.workflows.testing import tests_of as load_tests
from sigma2hive.workflows.testing.cluster import Elsewhere
from tests.cli.run_world import EVENT, OTHER, RULE, write_events, write_world

PASSING = """\
tests:
  - name: the attack
    events: ../events.ndjson:1
    match: true
  - name: another program
    events: ../events.ndjson:2
    match: false
"""
#: What the rule of the world asks.
ASKED = "CommandLine|contains|all: [vssadmin, delete]"
CORRELATION = """\
title: Failed logon
id: 20e52835-8caa-4db7-8783-670937216d51
name: failed_logon
level: low
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4625}
    condition: selection
---
title: Three failed logons
id: 5ae2d05d-b7d2-4c1a-9279-c5dca9975846
level: high
correlation:
    type: event_count
    rules: [failed_logon]
    group-by: [IpAddress]
    timespan: 10m
    condition: {gte: 3}
sigma2hive: {title: 'Failed logons from {source.ip}'}
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rule with two events, and tests that pass."""
    write_world(tmp_path)
    write_tests(tmp_path, PASSING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_tests(folder: Path, text: str, name: str = "rule") -> None:
    (folder / "sigma_rules" / f"{name}.test.yml").write_text(text)


def outcome_of(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["test", *arguments], catch_exceptions=False)


def told(*arguments: str) -> tuple[int, str]:
    """Return the exit code and what is printed, in one line."""
    result = outcome_of(*arguments)
    return result.exit_code, " ".join(result.stdout.split())


def report(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(outcome_of("--json", *arguments).stdout)
    return found


def logon(minute: int, address: str = "203.0.113.7") -> dict[str, Any]:
    return {
        "@timestamp": f"2026-11-20T02:{minute:02}:00Z",
        "event": {"code": "4625", "provider": "Microsoft-Windows-Security-Auditing"},
        "winlog": {"channel": "Security"},
        "source": {"ip": address},
    }


def test_what_is_as_it_should_be_passes(world: Path) -> None:
    code, text = told()

    assert code == 0
    assert text.startswith("ok Shadow copies deleted (2 tests, 2 events)")
    assert "2 tests of 1 of 1 rule: 2 passed, 0 failed, 0 skipped" in text


def test_a_failure_names_the_part_that_did_not_hold_and_the_value(world: Path) -> None:
    write_tests(world, PASSING.replace("match: false", "match: true"))

    code, text = told()

    assert code == 1
    assert "FAIL another program (sigma_rules/rule.test.yml:5:5)" in text
    assert (
        "events.ndjson:2: must match, and does not selection: CommandLine|contains|all none of "
        "'vssadmin', 'delete' — the event has process.command_line 'notepad.exe'"
    ) in text


def test_a_match_that_must_not_be_is_a_failure(world: Path) -> None:
    write_tests(world, PASSING.replace("match: true", "match: false"))

    code, text = told()

    assert code == 1
    assert "events.ndjson:1: must not match, and does" in text
    assert "the event has process.command_line 'VSSADMIN.exe Delete Shadows /all'" in text


def test_an_event_of_another_log_source_is_told_as_such(world: Path) -> None:
    write_events(world / "events.ndjson", {**EVENT, "event": {"code": "2"}}, OTHER)

    code, text = told()

    assert code == 1
    assert "log source: event.code '1' — the event has event.code '2'" in text


@pytest.mark.parametrize(
    ("written", "lacks"),
    [
        ("", "no test of what it must match and no test of what it must not match"),
        (PASSING[: PASSING.index("  - name: another")], "no test of what it must not match"),
    ],
)
def test_a_rule_needs_a_test_of_either_kind(world: Path, written: str, lacks: str) -> None:
    if written:
        write_tests(world, written)
    else:
        (world / "sigma_rules" / "rule.test.yml").unlink()

    result = outcome_of()

    assert result.exit_code == 1
    assert f"error S2H231: 'Shadow copies deleted' has {lacks}" in result.stderr
    assert told("--least-positive", "0", "--least-negative", "0")[0] == 0


@pytest.mark.parametrize(
    ("condition", "event"),
    [
        ("CommandLine|contains|all: [vssadmin, delete]", "{}"),
        ("CommandLine|contains|all: [vssadmin, delete]", "{Hashes: MD5=1}"),
        # Of another log source: no event of it is looked at.
        ("CommandLine|contains|all: [vssadmin, delete]", "{EventID: 5, CommandLine: vssadmin}"),
        # What matches every event that has the field at all.
        ("CommandLine: '*'", "{}"),
        ("CommandLine: '*'", "{Image: a.exe}"),
    ],
)
def test_a_test_that_could_not_fail_is_no_test(world: Path, condition: str, event: str) -> None:
    rule = world / "sigma_rules" / "rule.yml"
    rule.write_text(rule.read_text().replace(ASKED, condition))
    attack = PASSING[: PASSING.index("  - name: another")]
    write_tests(world, f"{attack}  - {{events: [{event}], match: false}}\n")

    result = outcome_of()

    assert result.exit_code == 1
    lacks = "no test of what it must not match (1 test has no event that the rule"
    assert f"error S2H231: 'Shadow copies deleted' has {lacks}" in result.stderr
    assert told("--least-negative", "0")[0] == 0


@pytest.mark.parametrize(
    ("condition", "event"),
    [
        ("CommandLine|contains|all: [vssadmin, delete]", "{CommandLine: notepad.exe}"),
        ("CommandLine: null", "{CommandLine: notepad.exe}"),
        ("CommandLine|exists: true\n        Image|endswith: b.exe", "{Image: a.exe}"),
    ],
)
def test_a_near_miss_is_a_test(world: Path, condition: str, event: str) -> None:
    rule = world / "sigma_rules" / "rule.yml"
    rule.write_text(rule.read_text().replace(ASKED, condition))
    write_tests(world, f"tests:\n  - {{events: [{event}], match: false}}\n")

    assert told("--least-positive", "0") == (0, told("--least-positive", "0")[1])


def test_a_negative_test_of_a_correlation_has_an_event_that_it_counts(world: Path) -> None:
    (world / "sigma_rules" / "rule.yml").write_text(CORRELATION)
    other = "tests:\n  - {events: [{EventID: 4624, IpAddress: 192.0.2.1}], match: false}\n"
    write_tests(world, other)
    assert "no test of what it must not match (1 test has" in outcome_of().stderr

    write_tests(world, other.replace("4624", "4625"))
    assert told("--least-positive", "0")[0] == 0


def test_a_test_that_cannot_be_used_is_a_finding(world: Path) -> None:
    write_tests(world, PASSING + "  - {events: ../nothing.ndjson, match: true}\n")

    result = outcome_of()

    assert result.exit_code == 1
    assert "rule.test.yml:8:6: error S2H230: there are no events at" in result.stderr


@pytest.mark.parametrize("path", ["/etc/passwd", "../../outside.ndjson", "../link.ndjson"])
def test_events_outside_of_the_repository_are_not_read(world: Path, path: str) -> None:
    (world.parent / "outside.ndjson").write_text("secret")
    (world / "link.ndjson").symlink_to(world.parent / "outside.ndjson")
    (world / "sigma2hive.yml").write_text("rules: [sigma_rules]\n")
    write_tests(world, PASSING + f"  - {{events: {path}, match: true}}\n")

    result = outcome_of()

    assert result.exit_code == 1
    assert "outside of the repository" in result.stderr
    assert "secret" not in result.output


def test_an_event_that_cannot_be_read_fails_its_test(world: Path) -> None:
    write_events(world / "events.ndjson", EVENT, "{broken")

    code, text = told()

    assert code == 1
    assert "the event cannot be read" in text
    assert "(S2H501)" in text


def test_tests_may_stand_in_the_rule_with_events_written_there(world: Path) -> None:
    (world / "sigma_rules" / "rule.test.yml").unlink()
    inline = {key: value for key, value in EVENT.items() if key != "@timestamp"}
    tests = [
        {"events": [inline], "match": True},
        {"events": ["../events.ndjson:2"], "match": False},
    ]
    text = RULE + f"sigma2hive: {{tests: {json.dumps(tests)}}}\n"
    (world / "sigma_rules" / "rule.yml").write_text(text)

    assert told()[0] == 0
    # The rule is as good as any in a run.
    result = CliRunner().invoke(main, ["run", "--once", "--dry-run", "--events", "events.ndjson"])
    assert "1 alert, 0 left out" in result.output


def test_a_raw_windows_event_may_be_written_in_a_test(world: Path) -> None:
    raw = {
        "Event": {
            "System": {
                "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
                "EventID": 1,
                "Channel": "Microsoft-Windows-Sysmon/Operational",
                "Computer": "ws01",
            },
            "EventData": {"CommandLine": "vssadmin delete shadows"},
        }
    }
    write_tests(world, PASSING + f"  - {{events: [{json.dumps(raw)}], match: true}}\n")

    code, text = told()

    assert code == 0, text


SIGMAS_NAMES = r"""
title: Encoded PowerShell from Word
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
logsource: {product: windows, category: process_creation}
level: high
detection:
    selection:
        ParentImage|endswith: '\winword.exe'
        User|endswith: '\anna'
        Hashes|contains: 'SHA256=AA'
        IntegrityLevel: High
        Initiated: 'true'
    filter: {CommandLine|contains: Get-Help}
    condition: selection and not filter
"""
IN_SIGMAS_NAMES = {
    "ParentImage": r"C:\Office\WINWORD.EXE",
    "User": r"CORP\anna",
    "Hashes": "MD5=01,SHA256=AA02",
    "IntegrityLevel": "High",
    "Initiated": True,
    "CommandLine": "powershell -enc SQBFAFgA",
}
SYSMON = "Microsoft-Windows-Sysmon/Operational"


@pytest.mark.parametrize("profile", ["winlogbeat", "elastic-agent", "ecs", "windows-flat"])
def test_events_in_sigmas_own_names_are_brought_into_the_profiles(
    world: Path, profile: str
) -> None:
    (world / "sigma_rules" / "rule.test.yml").unlink()
    tests = [
        {
            "match": True,
            "events": [
                IN_SIGMAS_NAMES,
                {**IN_SIGMAS_NAMES, "EventID": 1},
                {**IN_SIGMAS_NAMES, "EventID": 1, "Channel": SYSMON},
            ],
        },
        {"match": True, "events": "sigma.ndjson"},
        {
            "match": False,
            "events": [
                {**IN_SIGMAS_NAMES, "CommandLine": "Get-Help"},
                {**IN_SIGMAS_NAMES, "EventID": 11},
                {**IN_SIGMAS_NAMES, "Channel": "System"},
            ],
        },
    ]
    text = SIGMAS_NAMES + f"sigma2hive: {{tests: {json.dumps(tests)}}}\n"
    (world / "sigma_rules" / "rule.yml").write_text(text)
    converted = {"UtcTime": "2026-11-20 02:15:00.123", "EventID": 1, "Channel": SYSMON}
    write_events(world / "sigma_rules" / "sigma.ndjson", {**converted, **IN_SIGMAS_NAMES})

    code, text = told("--profile", profile)

    assert code == 0, text
    assert "3 tests" in text


def test_an_event_of_a_file_is_of_no_log_that_it_does_not_name(world: Path) -> None:
    """It would not be found in a run either."""
    unnamed = {"@timestamp": "2026-11-20", "CommandLine": "vssadmin delete shadows"}
    write_events(world / "events.ndjson", EVENT, unnamed)
    write_tests(world, PASSING + "  - {events: ../events.ndjson:2, match: false}\n")

    for profile in ("winlogbeat", "windows-flat"):
        assert "log source" in told("--profile", profile, "--verbose")[1]


@pytest.mark.parametrize("profile", ["ecs", "elastic-agent"])
def test_sigmas_names_are_known_of_other_log_sources_too(world: Path, profile: str) -> None:
    (world / "sigma_rules" / "rule.test.yml").unlink()
    (world / "sigma_rules" / "rule.yml").write_text(
        """\
title: A shell of cron's
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
logsource: {product: linux, category: process_creation}
detection:
    selection: {Image|endswith: /bash, ParentImage|endswith: /cron}
    condition: selection
sigma2hive:
    tests:
        - {match: true, events: [{Image: /bin/bash, ParentImage: /usr/sbin/cron}]}
        - {match: false, events: [{Image: /bin/sh, ParentImage: /usr/sbin/cron}]}
"""
    )

    code, text = told("--profile", profile)

    assert code == 0, text


ALERT = """\
  - name: the alert
    events: ../events.ndjson
    alerts:
      - title: Shadow copies deleted on ws01.corp.example
        severity: high
        techniques: []
        observables: [{type: fqdn, data: ws01.corp.example}]
        no_observables: [203.0.113.7]
"""


def test_what_an_alert_says_is_held_against_what_is_wanted(world: Path) -> None:
    rule = RULE + "sigma2hive: {title: 'Shadow copies deleted on {host.name}'}\n"
    (world / "sigma_rules" / "rule.yml").write_text(rule)
    write_tests(world, PASSING + ALERT)

    assert told()[0] == 0

    write_tests(world, PASSING + ALERT.replace("ws01.corp", "ws02.corp").replace("high", "low"))
    code, text = told()
    assert code == 1
    assert "title is 'Shadow copies deleted on ws01.corp.example', not" in text
    assert "severity is 3, not 1" in text
    assert "no observable fqdn 'ws02.corp.example'; there are 'ws01.corp.example'" in text


def test_as_many_alerts_are_wanted_as_are_listed(world: Path) -> None:
    write_tests(world, PASSING + "  - {events: ../events.ndjson, alerts: [{}, {}]}\n")

    code, text = told()

    assert code == 1
    assert "1 match, not 2, of 2 events" in text


def test_a_correlation_is_tested_with_a_list_of_events(world: Path) -> None:
    (world / "sigma_rules" / "logons.yml").write_text(CORRELATION)
    write_events(world / "three.ndjson", *(logon(minute) for minute in range(3)))
    write_events(world / "slow.ndjson", *(logon(minute * 6) for minute in range(3)))
    write_tests(
        world,
        """\
tests:
  - events: ../three.ndjson
    alerts: [{title: 'Failed logons from 203.0.113.7', events: 3}]
  - {events: ../slow.ndjson, match: false}
""",
        "logons",
    )

    code, text = told()

    # The rule that it counts has no tests of its own, and needs none.
    assert code == 0, text
    (counted,) = [rule for rule in report()["rules"] if rule["title"] == "Failed logon"]
    assert counted["tested_with_correlation"]
    assert not counted["missing"]

    write_tests(world, "tests: [{events: ../slow.ndjson, match: true}]", "logons")
    code, text = told()
    assert code == 1
    assert "no alert: 3 of 3 events meet a rule that it counts" in text


CHAIN = """\
---
title: Logon
id: 33333333-3333-4333-8333-333333333333
name: logon
level: low
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4624}
    condition: selection
---
title: Logon after failed ones
id: 44444444-4444-4444-8444-444444444444
level: high
correlation:
    type: temporal_ordered
    rules: [5ae2d05d-b7d2-4c1a-9279-c5dca9975846, logon]
    group-by: [IpAddress]
    timespan: 10m
"""


def test_a_chain_and_what_it_counts_are_tested(world: Path) -> None:
    (world / "sigma_rules" / "logons.yml").write_text(CORRELATION + CHAIN)
    failed = [logon(minute) for minute in range(3)]
    success = logon(4)
    success["event"] = {**success["event"], "code": "4624"}
    write_events(world / "failed.ndjson", *failed)
    write_events(world / "attack.ndjson", *failed, success)
    write_tests(
        world,
        """\
tests:
  - {events: ../attack.ndjson, match: 1}
  - {events: ../failed.ndjson, match: false}
  - {rule: Three failed logons, events: ../failed.ndjson, match: 1}
""",
        "logons",
    )

    code, text = told()

    assert code == 0, text


def test_letter_case_that_decides_is_a_note_and_no_failure(world: Path) -> None:
    rule = RULE.replace("CommandLine|contains|all: [vssadmin, delete]", "CommandLine|re: Delete")
    (world / "sigma_rules" / "rule.yml").write_text(rule)

    code, text = told("--verbose")

    assert code == 0
    assert "in another letter case it does not match any more, by CommandLine|re" in text


def test_a_selection_of_which_one_side_was_seen_is_told(world: Path) -> None:
    rule = RULE.replace(
        "    condition: selection",
        "    filter_backup: {ParentImage|endswith: backup.exe}\n"
        "    condition: selection and not filter_backup",
    )
    (world / "sigma_rules" / "rule.yml").write_text(rule)

    code, text = told()

    assert code == 0
    assert "Shadow copies deleted: filter_backup was never true" in text
    assert "selection was never" not in text


def test_a_rule_that_is_left_out_has_its_tests_skipped(world: Path) -> None:
    rule = RULE.replace("category: process_creation", "category: unheard_of")
    (world / "sigma_rules" / "rule.yml").write_text(rule)

    code, text = told()

    assert code == 0
    assert "2 skipped" in text
    assert told("--strict")[0] == 1


def test_junit_has_a_case_for_each_test(world: Path) -> None:
    write_tests(world, PASSING.replace("match: false", "match: true"))

    assert outcome_of("--junit", "results.xml").exit_code == 1

    root = ET.parse(world / "results.xml").getroot()
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert (root.get("tests"), root.get("failures")) == ("3", "2")
    assert set(cases) == {"the attack", "another program", "enough tests"}
    assert cases["the attack"].find("failure") is None
    failure = cases["another program"].find("failure")
    assert failure is not None
    assert "notepad.exe" in (failure.text or "")


def test_junit_replaces_its_own_file_and_no_other(world: Path) -> None:
    assert outcome_of("--junit", "results.xml").exit_code == 0
    assert outcome_of("--junit", "results.xml").exit_code == 0

    before = (world / "events.ndjson").read_bytes()
    result = outcome_of("--junit", "events.ndjson")

    assert result.exit_code == 3
    assert "S2H109" in result.stderr
    assert (world / "events.ndjson").read_bytes() == before


def test_a_folder_that_is_not_there_is_told_with_the_file_that_was_asked_for(world: Path) -> None:
    result = outcome_of("--junit", "nowhere/results.xml")

    assert result.exit_code == 3
    assert "nowhere/results.xml: error S2H109" in result.stderr


def test_hostile_values_reach_no_terminal_and_no_xml(world: Path) -> None:
    write_events(
        world / "events.ndjson", EVENT, {**EVENT, "process": {"command_line": "\x1b[2J\x00\ud800"}}
    )
    write_tests(world, PASSING.replace("match: false", "match: true"))

    result = outcome_of("--junit", "results.xml")

    assert "\x1b" not in result.output
    assert "<U+001B>[2J" in result.stdout
    ET.parse(world / "results.xml")


REGRESSION = """\
id: 242d26e0-1ce5-4a34-960d-144f34f60e37
description: N/A
rule_metadata:
    - id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
      title: Shadow copies deleted
regression_tests_info:
    - name: Positive Detection Test
      type: ndjson
      provider: Microsoft-Windows-Sysmon
      match_count: 1
      path: regression_data/rule/events.ndjson
    - name: Switch
      type: raw
      path: regression_data/rule/switch.raw
"""


@pytest.mark.parametrize("is_named", [True, False])
def test_sigmahqs_own_tests_are_run(world: Path, is_named: bool) -> None:
    folder = world / "regression_data" / "rule"
    folder.mkdir(parents=True)
    (folder / "info.yml").write_text(REGRESSION)
    (world / "events.ndjson").rename(folder / "events.ndjson")
    (world / "sigma_rules" / "rule.test.yml").unlink()
    arguments = ["--least-negative", "0", "--least-positive", "0"]
    if is_named:
        named = "regression_tests_path: regression_data/rule/info.yml\n"
        (world / "sigma_rules" / "rule.yml").write_text(RULE + named)
    else:
        arguments += ["--regression-data", "regression_data"]

    code, text = told(*arguments)

    assert code == 0
    assert "1 passed, 0 failed, 1 skipped" in text
    assert "samples of type 'raw' are not read" in text

    (folder / "info.yml").write_text(REGRESSION.replace("match_count: 1", "match_count: 2"))
    code, text = told(*arguments)
    assert code == 1
    assert "1 match, not at least 2, of 2 events" in text


def test_regression_data_that_is_not_there_is_told(world: Path) -> None:
    result = outcome_of("--regression-data", "nowhere")

    assert result.exit_code == 3
    assert "nowhere: error S2H108: there is no such file" in result.stderr


def test_a_broken_rule_is_no_reason_to_pass_its_tests_over(world: Path) -> None:
    (world / "sigma_rules" / "rule.yml").write_text(RULE.replace("condition: selection", ""))
    (world / "sigma_rules" / "other.yml").write_text(RULE)

    result = outcome_of("--least-positive", "0", "--least-negative", "0")

    assert result.exit_code == 1
    assert "S2H230: the rule that this file tests cannot be used" in result.stderr


class Nothing:
    """A cluster that finds nothing, and takes all but the first event."""

    name = "https://elastic.example:9200"

    def find(self, rules: object, events: object) -> Elsewhere:
        return Elsewhere({}, {0: "the field is an object"})


def test_what_a_cluster_finds_otherwise_is_a_failure(world: Path) -> None:
    write_tests(world, PASSING.replace("events.ndjson:1", "events.ndjson"))
    write_events(world / "events.ndjson", EVENT, {**EVENT, "host": {"name": "ws02"}})
    project = load_project(ProjectOptions(world, with_repository=True))
    tests = load_tests(project, (), Diagnostics())

    found = run_tests(project, tests, Least(), Nothing())  # type: ignore[arg-type]

    messages = [failure.message for failure in found.tests[0].failures]
    assert messages[:2] == [
        "Elasticsearch does not take the event: the field is an object",
        "Elasticsearch does not find the event for 'Shadow copies deleted'",
    ]


def test_a_report_of_a_cluster_has_the_form_of_any_other(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sigma2hive.cli.test.open_cluster", lambda *_: nullcontext(Nothing()))
    here = json.loads(outcome_of("--json").stdout)

    result = outcome_of("--json", "--elasticsearch", Nothing.name, "--junit", "results.xml")

    there = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (here["cluster"], there["cluster"]) == ("", Nothing.name)
    assert shape_of(there) == shape_of(here)
    failures = [failure["message"] for failure in there["rules"][0]["tests"][0]["failures"]]
    assert "Elasticsearch does not take the event: the field is an object" in failures
    case = ET.parse(world / "results.xml").getroot().find(".//testcase")
    assert case is not None
    told_by_junit = [failure.get("message") or "" for failure in case.iter("failure")]
    assert any("Elasticsearch does not take the event" in message for message in told_by_junit)


def shape_of(report: dict[str, Any]) -> list[set[str]]:
    """Return the keys of a report, of its rules and of their tests."""
    rules = report["rules"]
    return [
        set(report),
        *(set(rule) for rule in rules),
        *(set(t) for r in rules for t in r["tests"]),
    ]


#: What is wrong with a file of tests → where it is told, and a part of what.
WRONG = {
    "broken YAML": ("tests:\n  - {events: [", "rule.test.yml:3:1: error S2H102", "YAML"),
    "no map": ("- a\n", "rule.test.yml:1:1: error S2H230", "a file of tests is a map"),
    "an unknown key": (
        "tests:\n  - {event: ../events.ndjson:1, match: true}\n",
        "rule.test.yml:2:6: error S2H230",
        "did you mean 'events'?",
    ),
    "an unknown key above": (
        "testss: []\n",
        "rule.test.yml:1:1: error S2H230",
        "did you mean 'tests'?",
    ),
    "no such events": (
        "tests:\n  - {events: nothing.ndjson, match: true}\n",
        "rule.test.yml:2:6: error S2H230",
        "there are no events at nothing.ndjson",
    ),
    "events that are a number": (
        "tests:\n  - {events: 5, match: true}\n",
        "rule.test.yml:2:6: error S2H230",
        "'5' is neither a path nor an event",
    ),
    "nothing wanted": (
        "tests:\n  - {events: ../events.ndjson:1}\n",
        "rule.test.yml:2:5: error S2H230",
        "the test does not say what it wants",
    ),
    "another rule": (
        "tests:\n  - {rule: other, events: ../events.ndjson:1, match: true}\n",
        "rule.test.yml:2:6: error S2H230",
        "'other' is no rule of this file",
    ),
    "an observable without data": (
        "tests:\n  - events: ../events.ndjson:1\n    alert: {observables: [{type: ip}]}\n",
        "rule.test.yml:3:28: error S2H230",
        "an observable has type and data",
    ),
    "an observable that cannot be": (
        "tests:\n  - events: ../events.ndjson:1\n"
        "    alert:\n      observables:\n        - {type: ip, data: ws01}\n",
        "rule.test.yml:5:22: error S2H230",
        "'ws01' is no address",
    ),
    "a severity that there is not": (
        "tests:\n  - {events: ../events.ndjson:1, alert: {severity: awful}}\n",
        "rule.test.yml:2:42: error S2H230",
        "severity",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_file_of_tests_is_told_at_its_place(world: Path, wrong: str) -> None:
    text, place, message = WRONG[wrong]
    write_tests(world, text)

    result = outcome_of()

    assert result.exit_code == 1
    assert f"sigma_rules/{place}" in result.stderr
    assert message in result.stderr
    assert "  hint: " in result.stderr


def test_a_file_of_tests_that_is_no_text_is_told(world: Path) -> None:
    (world / "sigma_rules" / "rule.test.yml").write_bytes(b"tests:\n  - name: \xff\xfe\n")

    result = outcome_of()

    assert result.exit_code == 1
    assert "sigma_rules/rule.test.yml:2:11: error S2H106" in result.stderr


def test_a_folder_in_place_of_a_file_of_tests_is_told(world: Path) -> None:
    (world / "sigma_rules" / "rule.test.yml").unlink()
    (world / "sigma_rules" / "rule.test.yml").mkdir()

    result = outcome_of()

    assert result.exit_code == 1
    assert "sigma_rules/rule.test.yml" in result.stderr
    assert "folder" in result.stderr


def test_names_that_are_there_twice_are_told_and_both_are_run(world: Path) -> None:
    write_tests(world, PASSING.replace("another program", "the attack"))

    result = outcome_of()

    assert result.exit_code == 0
    assert "rule.test.yml:5:5: warning S2H230: another test of the rule is" in result.stderr
    assert "2 passed" in result.stdout


@pytest.mark.parametrize(
    ("content", "told_of"),
    [
        (b"{broken\n", "S2H501"),
        (b"[1, 2]\n", "S2H501"),
        (b'{"a": "\xff\xfe"}\n', "S2H106"),
        (b"", "there is no event in it"),
    ],
)
def test_events_that_cannot_be_read_fail_their_test_with_the_place(
    world: Path, content: bytes, told_of: str
) -> None:
    (world / "bad.ndjson").write_bytes(content)
    write_tests(world, PASSING + "  - {events: ../bad.ndjson, match: false}\n")

    code, text = told()

    assert code == 1
    assert told_of in text
    assert "2 passed, 1 failed" in text


def test_watching_runs_again_what_changed(world: Path) -> None:
    (world / "sigma_rules" / "logons.yml").write_text(CORRELATION)
    command = [sys.executable, "-m", "sigma2hive", "test", "--watch"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=world
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        first = next(line for line in lines if "passed" in line)
        assert "2 passed, 0 failed" in first

        # Replaced in one step, so that no half of it is read.
        changed = world / "changed"
        changed.write_text(PASSING.replace("match: false", "match: true"))
        changed.replace(world / "sigma_rules" / "rule.test.yml")
        second = next(line for line in lines if "passed" in line)

        assert "of 1 of 1 rule: 1 passed, 1 failed" in second
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
