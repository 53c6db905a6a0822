"""`sigma2hive explain`: what each part of a rule saw in an event."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from sigma2hive.cli.columns import width
from tests.cli.run_world import EVENT, write_events, write_world
from tests.cli.test_test import CORRELATION, logon


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rule with two events."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def explained(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], catch_exceptions=False)


RULE_NAMES = [
    "sigma_rules/rule.yml",
    "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d",
    "shadow copies DELETED",
]


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_the_condition_is_shown_with_what_each_part_saw(world: Path, rule: str) -> None:
    result = explained(rule, "events.ndjson:2")

    assert result.exit_code == 0
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert "result  no match" in lines
    at = lines.index("false  condition")
    assert lines[at + 1 : at + 4] == [
        "false    selection: CommandLine|contains|all 2 values, not met: 'vssadmin',",
        "           'delete'",
        "           = process.command_line 'notepad.exe'",
    ]


def test_what_is_wrong_with_other_lines_is_not_told(world: Path) -> None:
    with (world / "events.ndjson").open("ab") as stream:
        stream.write(b"no event\nnor this\n")

    assert explained("sigma_rules/rule.yml", "events.ndjson:2").stderr == ""
    asked = explained("sigma_rules/rule.yml", "events.ndjson:4")

    assert asked.exit_code == 3
    assert "events.ndjson:4:1: error S2H501" in asked.stderr
    assert "events.ndjson:3" not in asked.stderr


def test_every_event_of_a_file_is_explained(world: Path) -> None:
    result = explained("sigma_rules/rule.yml", "events.ndjson")

    assert [line for line in result.stdout.splitlines() if line.startswith("result")] == [
        "result  match",
        "result  no match",
    ]


def test_json_has_the_whole_tree(world: Path) -> None:
    result = explained("sigma_rules/rule.yml", "events.ndjson:1", "--json")

    (entry,) = json.loads(result.stdout)["explanations"]
    condition = entry["rule"]["condition"]
    assert entry["rule"]["match"] is True
    assert condition["selection"] == "selection"
    seen = [part["saw"]["process.command_line"] for part in condition["parts"]]
    assert seen == [["VSSADMIN.exe Delete Shadows /all"]] * 2


def test_hostile_and_long_values_stay_within_the_terminal(world: Path) -> None:
    hostile = {**EVENT, "process": {"command_line": "\x1b[2J\u202e" + "漢" * 500}}
    write_events(world / "events.ndjson", hostile)

    result = explained("sigma_rules/rule.yml", "events.ndjson")

    assert "\x1b" not in result.output
    assert "\u202e" not in result.output
    assert "<U+001B>[2J<U+202E>" in result.stdout
    assert max(map(width, result.stdout.splitlines())) <= 80


def test_an_alert_of_the_inbox_is_explained_by_its_number(world: Path) -> None:
    CliRunner().invoke(main, ["run", "--once", "--events", "events.ndjson"])

    result = explained("sigma_rules/rule.yml", "1")

    assert result.exit_code == 0
    assert "event   events.ndjson:1" in result.stdout
    assert "result  match" in result.stdout


def test_a_correlation_is_explained_by_what_it_counts(world: Path) -> None:
    (world / "sigma_rules" / "logons.yml").write_text(CORRELATION)
    write_events(world / "events.ndjson", logon(1))

    result = explained("sigma_rules/logons.yml", "events.ndjson")

    assert "rule    Failed logon\n" in result.stdout
    assert "counts  for Three failed logons\n" in result.stdout
    assert "grouped by IpAddress: source.ip '203.0.113.7'" in result.stdout


def test_a_filter_that_suppresses_is_shown(world: Path) -> None:
    (world / "sigma_rules" / "filter.yml").write_text(
        """\
title: Not for the backup
logsource: {product: windows, category: process_creation}
filter:
    rules: any
    selection: {CommandLine|contains: shadows}
    condition: not selection
"""
    )

    result = explained("sigma_rules/rule.yml", "events.ndjson:1")

    assert "result  no match" in result.stdout
    assert "true   condition" in result.stdout
    assert "false  filter 'Not for the backup'" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing", "events.ndjson"), "error: the rule 'nothing' is not there"),
        (("sigma_rules/rule.yml", "nothing.ndjson"), "error: no event 'nothing.ndjson'"),
        (("sigma_rules/rule.yml", "events.ndjson:9"), "error: no event 'events.ndjson:9'"),
        (("sigma_rules/broken.yml", "events.ndjson"), "S2H201"),
    ],
)
def test_what_is_not_there_is_told(world: Path, arguments: tuple[str, str], told: str) -> None:
    (world / "sigma_rules" / "broken.yml").write_text("title: x\ndetection: {condition: s}\n")

    result = explained(*arguments)

    assert result.exit_code == 3
    assert told in result.stderr
    assert not result.stdout
