"""Events of no rule's log source: a wrong profile says so, and only where that is true."""

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.cli.run_world import EVENT, OTHER, write_events, write_world

#: The event that the rule finds, as converters write it: in Sigma's own names on one level.
FLAT = {
    "@timestamp": "2026-11-20T02:15:00Z",
    "EventID": 1,
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "CommandLine": "vssadmin delete shadows",
}
#: Nothing of Windows at all.
WEB = {"@timestamp": "2026-11-20T02:15:00Z", "verb": "GET", "path": "/index.html", "status": 200}
#: Of Windows and in Winlogbeat's fields, but of a log source that no rule here is for.
DNS = {**EVENT, "event": {"code": "22"}, "process": {"executable": "C:\\a.exe"}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(line: str) -> Result:
    return CliRunner().invoke(main, shlex.split(line), catch_exceptions=False)


def told(result: Result) -> str:
    """Return all that was told, in one line."""
    return " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "command",
    [
        "run --once --dry-run --events events.ndjson",
        "run --dry-run --events events.ndjson --processes 1",
        "backtest --events events.ndjson",
    ],
)
def test_flat_events_under_winlogbeat_are_told_with_the_profile_that_fits(
    folder: Path, command: str
) -> None:
    write_events(folder / "events.ndjson", FLAT, FLAT, WEB)
    result = invoke(command)
    assert result.exit_code == 0
    assert told(result).count("S2H508") == 1
    assert "none of the 3 events is of a log source" in told(result)
    assert "--profile windows-flat" in told(result)
    # And the advice is good.
    assert "S2H508" not in invoke(f"{command} --profile windows-flat").stderr
    assert "2 alerts" in invoke(f"{command} --profile windows-flat").stdout


@pytest.mark.parametrize(
    "command",
    ["run --once --dry-run --json --events e.ndjson", "backtest --json --events e.ndjson"],
)
def test_json_has_the_finding_once(folder: Path, command: str) -> None:
    write_events(folder / "e.ndjson", FLAT)
    result = invoke(command)
    codes = [finding["code"] for finding in json.loads(result.stdout)["findings"]]
    assert codes == ["S2H508"]
    assert json.loads(result.stdout)["left_out"] == 0


def test_winlogbeats_events_under_windows_flat_are_told_too(folder: Path) -> None:
    result = invoke("run --once --dry-run --events events.ndjson --profile windows-flat")
    assert "--profile winlogbeat" in told(result)


def test_no_profile_is_suggested_where_none_fits(folder: Path) -> None:
    write_events(folder / "events.ndjson", WEB)
    result = invoke("run --once --dry-run --events events.ndjson")
    assert "S2H508" in result.stderr
    assert "try --profile" not in told(result)


def test_a_strict_run_does_not_pass_for_fine(folder: Path) -> None:
    write_events(folder / "events.ndjson", FLAT)
    assert invoke("run --once --dry-run --strict --events events.ndjson").exit_code == 1
    assert invoke("backtest --strict --events events.ndjson").exit_code == 1


@pytest.mark.parametrize(
    "events",
    [
        (),
        (OTHER,),  # of the log source, and met by no rule
        (FLAT,) * 50 + (OTHER,),  # one of them all
        (DNS,),  # the profile knows what it is; no rule is for it
    ],
)
@pytest.mark.parametrize("command", ["run --once --dry-run", "backtest"])
def test_nothing_is_said_where_it_would_be_wrong(
    folder: Path, command: str, events: tuple[object, ...]
) -> None:
    write_events(folder / "events.ndjson", *events)
    result = invoke(f"{command} --events events.ndjson")
    assert result.exit_code == 0
    assert "S2H508" not in result.stderr


def test_a_rule_of_every_event_knows_its_events_by_their_fields(folder: Path) -> None:
    rule = (folder / "sigma_rules" / "rule.yml").read_text()
    everything = rule.replace(", category: process_creation", "")
    (folder / "sigma_rules" / "rule.yml").write_text(everything)
    command = "run --once --dry-run --events events.ndjson"
    assert "S2H508" not in invoke(command).stderr
    write_events(folder / "events.ndjson", WEB)
    assert "S2H508" in invoke(command).stderr


def test_nothing_is_said_without_rules(folder: Path) -> None:
    (folder / "sigma_rules" / "rule.yml").unlink()
    assert "S2H508" not in invoke("run --once --dry-run --events events.ndjson").stderr


def test_several_processes_tell_it_once(folder: Path) -> None:
    write_events(folder / "events.ndjson", *[{**FLAT, "Message": "x" * 4_000}] * 10_000)
    command = "run --once --dry-run --events events.ndjson --processes 2"
    result = invoke(command)
    assert told(result).count("S2H508") == 1
    assert "none of the 10,000 events" in told(result)


def test_tests_on_events_of_another_profile_say_so(folder: Path) -> None:
    (folder / "sigma_rules" / "rule.test.yaml").write_text(
        "tests:\n  - {events: events.ndjson, match: true}\n"
    )
    write_events(folder / "sigma_rules" / "events.ndjson", EVENT)
    result = invoke("test --least-negative 0 --profile windows-flat")
    assert result.exit_code == 1
    assert told(result).count("S2H508") == 1
    assert "--profile winlogbeat" in told(result)
    assert "S2H508" not in invoke("test --least-negative 0").stderr
