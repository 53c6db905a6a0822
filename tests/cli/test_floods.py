"""`sigma2hive mute` and `sigma2hive matches`, as a person meets them."""

import json
import os
import pwd
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from sigma2hive.cli.columns import width
from sigma2hive.model.service import Fate, RecordedMatch, Step
from sigma2hive.runner.store.sqlite import SqliteStore
from tests.cli.run_world import write_world
from tests.runner.floods_world import NOW, RULE_ID, event

GONE_ID = "99999999-9999-4999-8999-999999999999"
SILENT = """\
title: Base
id: 33333333-3333-4333-8333-333333333333
name: base_rule
logsource: {product: windows, category: process_creation}
level: low
detection:
    selection: {Image|endswith: whoami.exe}
    condition: selection
---
title: Many
id: 44444444-4444-4444-8444-444444444444
level: high
correlation:
    type: event_count
    rules: [base_rule]
    group-by: [User]
    timespan: 10m
    condition: {gte: 6}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_world(tmp_path)
    (tmp_path / "sigma_rules" / "many.yml").write_text(SILENT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments], catch_exceptions=False)


def store(folder: Path) -> SqliteStore:
    (folder / ".sigma2hive").mkdir(exist_ok=True)
    return SqliteStore(folder / ".sigma2hive" / "state.db")


def fill(folder: Path) -> None:
    fates = [Fate.ALERT, Fate.SUMMARISED, Fate.MUTED, Fate.SHADOW, Fate.MAINTENANCE, Fate.COUNTED]
    matches = [
        RecordedMatch(
            *(RULE_ID if n < 5 else GONE_ID, event(n, user_name=f"u{n}"), "logs-1", NOW + n, fate),
            alert=("sigma", "sigma2hive", f"ref{n}") if n < 2 else None,
            grouped_by=f'[["user.name","u{n}"]]',
        )
        for n, fate in enumerate(fates)
    ]
    opened = store(folder)
    opened.commit(Step(matches=tuple(matches)))
    opened.close()


@pytest.mark.parametrize("name", [RULE_ID, "Shadow copies deleted", "sigma_rules/rule.yml"])
def test_a_rule_is_muted_by_id_title_or_file_with_who_and_why(folder: Path, name: str) -> None:
    result = run("mute", name, "--where", "host.name=DC01", "--for", "4h", "--reason", "scan")
    assert result.exit_code == 0
    assert "Shadow copies deleted where host.name=DC01 is muted until" in result.stdout
    opened = store(folder)
    (mute,) = opened.mutes()
    opened.close()
    assert mute.rule_id == RULE_ID
    assert mute.where == (("host.name", "DC01"),)
    assert mute.until_ns - mute.since_ns == 4 * 3600 * 1_000_000_000
    assert mute.by.startswith(pwd.getpwuid(os.getuid()).pw_name)
    assert mute.reason == "scan"


def test_mutes_are_listed_and_ended_once(folder: Path) -> None:
    run("mute", RULE_ID, "--for", "4h", "--reason", "scan \x1b[31m " + "x" * 200)
    listed = run("mute", "--list").stdout
    assert f"   1  {RULE_ID}: until " in listed
    assert "\x1b" not in listed
    assert all(width(line) <= 80 for line in listed.splitlines())
    assert run("mute", "--end", "1").stdout == "mute 1 has ended\n"
    again = run("mute", "--end", "1")
    assert (again.exit_code, "mute 1 has ended before" in again.stderr) == (1, True)
    assert "mute 7 is not there" in run("mute", "--end", "7").stderr
    assert "ended early" in run("mute", "--list").stdout
    (entry,) = json.loads(run("mute", "--list", "--json").stdout)
    assert entry["ended"] is not None
    assert entry["hidden"] == 0


def test_a_rule_or_field_that_is_not_there_is_told_with_the_nearest(folder: Path) -> None:
    result = run("mute", "Shadow copys deleted", "--for", "4h", "--reason", "x")
    assert result.exit_code == 3
    assert "did you mean 'Shadow copies deleted'?" in result.stderr
    result = run("mute", RULE_ID, "--where", "host.nam=a", "--for", "4h", "--reason", "x")
    assert result.exit_code == 3
    assert "are not known to have the field 'host.nam'" in result.stderr
    assert "did you mean 'host.name'?" in result.stderr
    assert run("mute", "--list").stderr == "no mutes\n"


def test_sigmas_names_of_fields_are_fields(folder: Path) -> None:
    result = run("mute", RULE_ID, "--where", "CommandLine=x", "--for", "1h", "--reason", "x")
    assert result.exit_code == 0


def test_a_rule_that_only_feeds_a_correlation_cannot_be_muted(folder: Path) -> None:
    result = run("mute", "base_rule", "--for", "4h", "--reason", "x")
    assert result.exit_code == 3
    assert "makes no alerts itself" in result.stderr
    assert run("mute", "Many", "--for", "4h", "--reason", "x").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [RULE_ID],
        [RULE_ID, "--for", "4h"],
        [RULE_ID, "--for", "4h", "--reason", "  "],
        [RULE_ID, "--for", "31d", "--reason", "x"],
        [RULE_ID, "--for", "soon", "--reason", "x"],
        [RULE_ID, "--where", "host.name", "--for", "4h", "--reason", "x"],
        [RULE_ID, "--list"],
        ["--list", "--end", "1"],
        ["--list", "--reason", "x"],
    ],
)
def test_a_mute_that_is_asked_for_wrongly_is_usage(folder: Path, arguments: list[str]) -> None:
    result = run("mute", *arguments)
    assert result.exit_code == 2
    assert not (folder / ".sigma2hive").exists()


def test_matches_of_every_fate_are_shown_the_latest_first(folder: Path) -> None:
    fill(folder)
    result = run("matches")
    assert result.exit_code == 0
    heads = [line.split()[2] for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert heads == ["counted", "maintenance", "shadow", "muted", "summarised", "alert"]
    assert "user.name=u1  logs/id-1" in result.stdout
    assert all(width(line) <= 80 for line in result.stdout.splitlines())


def test_matches_are_narrowed_by_rule_fate_time_and_value(folder: Path) -> None:
    fill(folder)

    def origins(*arguments: str) -> list[str]:
        return [
            entry["origin"] for entry in json.loads(run("matches", "--json", *arguments).stdout)
        ]

    assert origins("--rule", RULE_ID) == [f"logs/id-{n}" for n in (4, 3, 2, 1, 0)]
    assert origins("--rule", "Shadow copies deleted", "--fate", "muted") == ["logs/id-2"]
    assert origins("--where", "user.name=U3") == ["logs/id-3"]
    assert origins("--where", "user.name=u3", "--fate", "muted") == []
    assert origins("--since", "1m") == []
    assert len(origins("--since", "2025-11-24", "--until", "2025-11-25")) == 6
    assert origins("--until", "2025-11-24") == []
    assert origins("--limit", "2") == ["logs/id-5", "logs/id-4"]


def test_matches_as_json_have_the_raw_event_and_what_tells_of_it(folder: Path) -> None:
    fill(folder)
    (entry,) = json.loads(run("matches", "--json", "--fate", "summarised").stdout)
    assert json.loads(entry["raw"])["user.name"] == "u1"
    assert entry["rule_title"] == "Shadow copies deleted"
    assert entry["group"] == [["user.name", "u1"]]
    assert entry["alert"] == {"type": "sigma", "source": "sigma2hive", "sourceRef": "ref1"}


def test_more_matches_than_are_shown_are_told(folder: Path) -> None:
    fill(folder)
    assert "there are more; --limit 2 shows the latest 2" in run("matches", "--limit", "2").stderr
    assert "there are more" not in run("matches", "--limit", "6").stderr


def test_before_the_service_ran_there_is_nothing_to_show(folder: Path) -> None:
    result = run("matches", "--json")
    assert (result.exit_code, result.stdout) == (0, "[]\n")
    assert "the service has not run here yet" in result.stderr
    assert not (folder / ".sigma2hive").exists()


def test_a_rule_that_is_not_there_is_told(folder: Path) -> None:
    fill(folder)
    result = run("matches", "--rule", "Shadow copys deleted")
    assert result.exit_code == 3
    assert "did you mean 'Shadow copies deleted'?" in result.stderr


def test_a_maintenance_window_of_a_rule_that_is_not_there_is_told(folder: Path) -> None:
    (folder / "mappings").mkdir()
    window = "{reason: x, owner: y, rules: [base_rul], from: 2026-11-28, until: 2026-11-29}"
    (folder / "mappings" / "maintenance.yml").write_text(f"windows:\n  - {window}\n")
    result = run("run", "--once", "--dry-run", "--events", "events.ndjson")
    assert result.exit_code == 0
    assert "mappings/maintenance.yml:2:6: warning S2H405: a maintenance window" in result.stderr
    assert "did you mean 'base_rule'?" in result.stderr


def test_a_misspelt_field_of_a_group_is_told(folder: Path) -> None:
    file = folder / "sigma_rules" / "rule.yml"
    file.write_text(file.read_text() + "sigma2hive:\n    group: [host.nmae]\n")
    result = run("run", "--once", "--dry-run", "--events", "events.ndjson")
    assert "sigma_rules/rule.yml:10:5: warning S2H409" in result.stderr
    assert "did you mean 'host.name'?" in result.stderr
