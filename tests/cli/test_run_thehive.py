"""`run` with the sink `thehive`: what is sent, what would have been, and what is said of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.cli.run_world import EVENT, write_events, write_world
from tests.clients.thehive_clients import API_KEY
from tests.doubles.running import TheHive

TITLE = "Shadow copies deleted on ws01.corp.example"


@pytest.fixture
def site(tmp_path: Path, thehive: TheHive, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one rule that finds one event, and a TheHive in its settings."""
    thehive.skip_if_real("show what it holds")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(API_KEY, thehive.key)
    write_world(tmp_path)
    settings = {
        "thehive": {"url": thehive.url, "patience_seconds": 1},
        "sinks": ["inbox", "thehive"],
    }
    (tmp_path / "sigma2hive.yml").write_text(json.dumps(settings))
    return tmp_path


def change_settings(folder: Path, **thehive: Any) -> None:
    file = folder / "sigma2hive.yml"
    settings = json.loads(file.read_text())
    settings["thehive"] |= thehive
    file.write_text(json.dumps(settings))


def run(*arguments: str) -> Result:
    line = ["run", "--once", "--events", "events.ndjson", *arguments]
    return CliRunner().invoke(main, line, catch_exceptions=False)


def test_without_live_nothing_is_sent_and_the_run_says_what_would_have_been(
    site: Path, thehive: TheHive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(API_KEY)  # needed for sending alone
    result = run("--sink", "thehive:soc")
    assert result.exit_code == 0
    assert TITLE in result.stdout
    assert f"to TheHive at {thehive.url}, organisation soc;\n  --live sends them" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("nothing was sent anywhere")
    told = json.loads(run("--json").stdout)
    assert told["would_send"] == {"thehive": {"to": f"TheHive at {thehive.url}", "titles": [TITLE]}}
    assert told["outcomes"]["thehive"] == {"would have been sent": 1}
    assert thehive.journal() == []


@pytest.mark.parametrize("by", ["option", "settings", "environment"])
def test_live_sends_once(
    site: Path, thehive: TheHive, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    if by == "settings":
        change_settings(site, live=True)
    if by == "environment":
        monkeypatch.setenv("SIGMA2HIVE_THEHIVE_LIVE", "true")
    arguments = ["--live"] if by == "option" else []
    first, second = run(*arguments), run(*arguments)
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert first.stdout.splitlines()[-1].endswith("; 1 was sent")
    assert "thehive: 1 already there" in second.stdout
    assert second.stdout.splitlines()[-1].endswith("; nothing new was sent")
    (got,) = thehive.alerts()
    assert got["title"] == TITLE
    assert json.dumps(EVENT) in got["description"]  # its raw log, as it came


def test_live_without_the_sink_is_a_mistake(site: Path, thehive: TheHive) -> None:
    result = run("--live", "--sink", "inbox")
    assert result.exit_code == 2
    assert "add --sink thehive" in result.stderr
    assert thehive.journal() == [] and not (site / ".sigma2hive").exists()


def test_a_dry_run_beats_live(site: Path, thehive: TheHive) -> None:
    change_settings(site, live=True)
    result = run("--live", "--dry-run")
    assert result.stdout.splitlines()[-1].endswith("nothing was written or sent")
    assert thehive.journal() == []
    assert not (site / ".sigma2hive").exists()


@pytest.mark.parametrize("dry", [True, False])
@pytest.mark.parametrize(
    ("broken", "words"),
    [("url", "thehive.url is not set"), ("key", f"{API_KEY} is not set")],
)
def test_what_sending_needs_is_asked_for_before_anything_is_read(
    site: Path, monkeypatch: pytest.MonkeyPatch, broken: str, words: str, dry: bool
) -> None:
    if broken == "key":
        monkeypatch.delenv(API_KEY)
    else:
        (site / "sigma2hive.yml").write_text("sinks: [thehive]\n")
    result = run("--live", *(["--dry-run"] if dry else []))
    assert result.exit_code == 3
    assert words in result.stderr


@pytest.mark.parametrize(
    ("order", "code", "words"),
    [
        ({"kind": "status", "status": 401}, 3, "does not accept the API key"),
        ({"kind": "status", "status": 500}, 4, "failed (500)"),
        ({"kind": "status", "status": 429, "retry_after": 600}, 4, "cannot take more now"),
        ({"kind": "html"}, 4, "not to a proxy or a login page"),
    ],
    ids=["401", "500", "429", "page"],
)
def test_a_thehive_that_fails_stops_nobody_else(
    site: Path, thehive: TheHive, order: dict[str, Any], code: int, words: str
) -> None:
    if order.get("status") == 401:
        order = {**order, "body": {"type": "AuthenticationError", "message": "no"}}
    thehive.fail(**order, times=None)
    result = run("--live")
    assert result.exit_code == code, result.output
    assert "inbox: 1 stored" in result.stdout and "thehive: 1 not delivered" in result.stdout
    assert "error S2H507: thehive: not delivered: 1; " in result.stderr and words in result.stderr
    thehive.control("DELETE", "failures")
    assert run("--live").exit_code == 0
    assert [one["title"] for one in thehive.alerts()] == [TITLE]


def test_an_inbox_that_fails_keeps_nothing_from_thehive(site: Path, thehive: TheHive) -> None:
    write_events(site / "events.ndjson", EVENT)
    result = run("--live", "--sink", "jsonl:/dev/full", "--sink", "thehive")
    assert result.exit_code == 3
    assert [one["title"] for one in thehive.alerts()] == [TITLE]


def test_what_thehive_does_not_know_is_a_finding(site: Path, thehive: TheHive) -> None:
    (site / "mappings").mkdir()
    (site / "mappings" / "alerts.yml").write_text("extends: default\ncustom_fields: {zone: dmz}\n")
    result = run("--live")
    assert result.exit_code == 0
    assert "warning S2H507: custom field 'zone' left out of 1 alert: " in result.stderr
    found = json.loads(run("--live", "--json").stdout)
    assert found["sent"] == 0
    other = json.loads(run("--live", "--json", "--sink", "thehive:partner").stdout)
    assert "not delivered" in other["failed_sinks"]["thehive:partner"]


def test_two_organisations_get_the_same_alert(
    site: Path, thehive: TheHive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API_KEY, "key-both")
    result = run("--live", "--sink", "thehive:soc", "--sink", "thehive:partner")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].endswith("; 2 were sent")
    assert {one["organisation"] for one in thehive.alerts()} == {"soc", "partner"}


def test_another_name_for_alerts_is_refused_until_it_is_meant(site: Path, thehive: TheHive) -> None:
    run("--live")
    (site / "mappings").mkdir()
    (site / "mappings" / "alerts.yml").write_text("extends: default\nsource: acme\n")
    for arguments in (["--live"], ["--live", "--dry-run"], []):
        refused = run(*arguments)
        assert refused.exit_code == 3
        assert "mappings/alerts.yml: error S2H408: " in refused.stderr
    assert len(thehive.alerts()) == 1
    assert run("--live", "--new-identity").exit_code == 0
    assert run("--live").exit_code == 0  # remembered from now on
    assert sorted(one["source"] for one in thehive.alerts()) == ["acme", "sigma2hive"]


def test_the_api_key_shows_nowhere(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_KEY, "hunter2-is-the-key")
    for arguments in (["--live"], ["--live", "--json"]):
        assert "hunter2" not in run(*arguments).output
    for file in site.rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes()
