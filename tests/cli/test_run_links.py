"""What `run` writes into alerts of where rule and events are: Git's commit, and Kibana."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.alerts.discover_links import opened
from tests.cli.run_world import EVENT, write_events, write_world


def run(*arguments: str) -> Result:
    line = ["run", "--once", "--events", "events.ndjson", "--sink", "jsonl:alerts.jsonl"]
    return CliRunner().invoke(main, [*line, *arguments], catch_exceptions=False)


def git(*arguments: str) -> str:
    names = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    line = ["git", *names, *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def the_alert(world: Path) -> dict[str, str]:
    file = world / "alerts.jsonl"
    (line,) = file.read_text().splitlines()
    file.unlink()
    alert: dict[str, str] = json.loads(line)
    return alert


def test_an_alert_names_the_commit_of_its_rule(world: Path) -> None:
    git("init", "-q")
    git("add", "sigma_rules")
    git("commit", "-qm", "Add a rule")
    commit = git("rev-parse", "HEAD")
    assert run().exit_code == 0
    alert = the_alert(world)
    assert f"`sigma_rules/rule.yml:1:1`, commit `{commit}`" in alert["description"]
    rule = world / "sigma_rules" / "rule.yml"
    rule.write_text(rule.read_text().replace("level: high", "level: low"))
    run()
    changed = the_alert(world)
    assert f"changed since commit `{commit}` and not committed" in changed["description"]
    assert changed["sourceRef"] == alert["sourceRef"]


def test_an_exported_hit_is_opened_in_kibana(world: Path) -> None:
    hit = {"_index": ".ds-logs-x-2026.11.20-000001", "_id": "AZq", "_source": EVENT}
    write_events(world / "events.ndjson", hit)
    (world / "sigma2hive.yml").write_text("kibana: {url: 'https://kibana.example'}\n")
    assert run().exit_code == 0
    assert opened(the_alert(world)["externalLink"]).ids() == {"*logs-x*": ["AZq"]}


@pytest.mark.parametrize(
    ("kibana", "words"),
    [
        ("{url: kibana.example}", "which is no http or https address"),
        ("{url: 'https://k.example/app?x=1'}", "goes on after the path"),
        ("{url: 'https://k.example:x'}", "no http or https address"),
        ("{url: 'https://k.example/ä'}", "percent-encoded"),
        ("{url: 'https://k.example', space: Team SOC}", "no identifier of a space"),
        ("{space: soc}", "kibana.url is not set"),
        ("{data_view: x}", "kibana.url is not set"),
    ],
)
def test_settings_that_lead_nowhere_are_refused(world: Path, kibana: str, words: str) -> None:
    (world / "sigma2hive.yml").write_text(f"kibana: {kibana}\n")
    result = run()
    assert result.exit_code == 3
    assert "error S2H402" in result.output and words in result.output


def test_a_password_in_kibanas_address_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIGMA2HIVE_KIBANA_URL", "https://anna:hunter2@k.example")
    result = run()
    assert result.exit_code == 3 and "hunter2" not in result.output
