"""`backtest --against REF`: what a change of the rules would have changed."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.backtest_world import (
    BACKUP_FILTER,
    backtest,
    report,
    shell,
    write_events,
    write_world,
)
from tests.repository.test_versions import Checkout

EVENTS = ("--events", "events.ndjson")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A repository with the rules committed on `main`."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    made = Checkout(tmp_path / "checkout")
    write_world(made.root)
    made.git("add", "sigma_rules")
    made.git("commit", "-qm", "Rules")
    monkeypatch.chdir(made.root)
    return made


def edit(checkout: Checkout, name: str, old: str, new: str) -> None:
    file = checkout.root / "sigma_rules" / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def changes(found: dict[str, Any]) -> dict[str, tuple[str, int, int]]:
    return {
        entry["title"]: (entry["change"], entry["more"], entry["fewer"])
        for entry in found["comparison"]["rules"]
    }


def test_an_unchanged_repository_raises_the_same(checkout: Checkout) -> None:
    result = backtest(*EVENTS, "--against", "main")
    assert result.exit_code == 0
    assert re.search(r"against main \([0-9a-f]{12}\): no rule raises anything else", result.stdout)


def test_a_rule_that_became_narrower_wider_new_and_gone(checkout: Checkout) -> None:
    edit(checkout, "shell.yml", "condition: selection", "condition: selection and not agent")
    edit(checkout, "shell.yml", "    condition", "    agent: {User|endswith: agent}\n    condition")
    edit(checkout, "logons.yml", "gte: 3", "gte: 2")
    text = (checkout.root / "sigma_rules" / "shell.yml").read_text()
    new = text.replace("5f0e0e0a", "6f0e0e0a").replace("Encoded", "New").replace(" -enc ", "sqb")
    (checkout.root / "sigma_rules" / "new.yml").write_text(new)
    result = backtest(*EVENTS, "--against", "main")
    found = report(*EVENTS, "--against", "HEAD")
    # Not the agent's twelve; of the new rule the two that are left, and one guesser more.
    assert changes(found) == {
        "Encoded PowerShell": ("changed", 0, 12),
        "New PowerShell": ("added", 2, 0),
        "Many failed logons": ("changed", 1, 0),
    }
    said = "this change would have raised 3 more and 12 fewer alerts in that time"
    assert said in re.sub(r"\s+", " ", result.stdout)
    (checkout.root / "sigma_rules" / "new.yml").unlink()
    checkout.git("commit", "-qam", "Change")
    back = report(*EVENTS, "--against", "HEAD~1")
    assert (back["comparison"]["more"], back["comparison"]["fewer"]) == (1, 12)


def test_alerts_that_moved_count_on_both_sides(checkout: Checkout) -> None:
    edit(checkout, "shell.yml", "condition: selection", "condition: selection and people")
    edit(
        checkout, "shell.yml", "    condition", "    people: {User|endswith: [anna]}\n    condition"
    )
    checkout.git("commit", "-qam", "Anna only")
    edit(checkout, "shell.yml", "anna", "ben")
    found = report(*EVENTS, "--against", "HEAD")
    assert changes(found) == {"Encoded PowerShell": ("changed", 1, 1)}


def test_a_filter_that_is_new_takes_alerts_away(checkout: Checkout) -> None:
    events = [shell("2026-11-20T01:00:00Z", "svc-backup"), shell("2026-11-20T02:00:00Z", "anna")]
    write_events(checkout.root / "events.ndjson", events)
    (checkout.root / "sigma_rules" / "filter.yml").write_text(BACKUP_FILTER)
    found = report(*EVENTS, "--against", "main")
    assert changes(found) == {"Encoded PowerShell": ("changed", 0, 1)}


def test_a_rule_that_was_removed(checkout: Checkout) -> None:
    (checkout.root / "sigma_rules" / "shell.yml").unlink()
    found = report(*EVENTS, "--against", "main")
    assert changes(found) == {"Encoded PowerShell": ("removed", 0, 14)}


def test_title_and_level_change_no_alert(checkout: Checkout) -> None:
    edit(checkout, "shell.yml", "level: high", "level: low")
    edit(checkout, "shell.yml", "title: Encoded", "title: Obscure")
    assert changes(report(*EVENTS, "--against", "main")) == {}


def test_settings_of_that_commit_say_where_its_rules_were(checkout: Checkout) -> None:
    (checkout.root / "sigma2hive.yml").write_text("rules: [detections]\n")
    (checkout.root / "sigma_rules").rename(checkout.root / "detections")
    assert changes(report(*EVENTS, "--against", "main")) == {}
    assert changes(report(*EVENTS, "--against", "main", "--rules", "detections/shell.yml")) == {
        "Encoded PowerShell": ("added", 14, 0)
    }


def test_a_project_below_the_top_of_the_checkout(
    tmp_path: Path, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sigma_rules", "events.ndjson"):
        (checkout.root / "soc").mkdir(exist_ok=True)
        (checkout.root / name).rename(checkout.root / "soc" / name)
    (checkout.root / "soc" / "sigma2hive.yml").write_text("profile: winlogbeat\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "Move")
    monkeypatch.chdir(checkout.root / "soc")
    file = checkout.root / "soc" / "sigma_rules" / "shell.yml"
    file.write_text(file.read_text().replace(" -enc ", " -nothing "))
    assert changes(report(*EVENTS, "--against", "HEAD")) == {
        "Encoded PowerShell": ("changed", 0, 14)
    }


def test_the_checkout_is_left_as_it_is(checkout: Checkout) -> None:
    edit(checkout, "shell.yml", "-enc", "-e")
    before = (checkout.git("status", "--porcelain", "-uall"), checkout.git("stash", "list"))
    heads = checkout.git("for-each-ref"), checkout.git("worktree", "list")
    backtest(*EVENTS, "--against", "main")
    assert (checkout.git("status", "--porcelain", "-uall"), checkout.git("stash", "list")) == before
    assert (checkout.git("for-each-ref"), checkout.git("worktree", "list")) == heads


@pytest.mark.parametrize("ref", ["nosuch", "--output=x", "main:sigma_rules", ""])
def test_a_ref_that_is_none_is_told(checkout: Checkout, ref: str) -> None:
    result = backtest(*EVENTS, f"--against={ref}")
    assert result.exit_code == 3
    assert "--against: error S2H101: Git knows no commit" in result.stderr
    assert "fetch" in result.stderr


def test_rules_in_no_checkout_cannot_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    result = backtest(*EVENTS, "--against", "main")
    assert result.exit_code == 3
    assert "no Git checkout" in result.stderr


def test_mistakes_of_that_commit_are_told_with_its_name(checkout: Checkout) -> None:
    (checkout.root / "sigma2hive.yml").write_text("profile: nosuch\n")
    checkout.git("add", "sigma2hive.yml")
    checkout.git("commit", "-qm", "Mistake")
    (checkout.root / "sigma2hive.yml").write_text("profile: winlogbeat\n")
    result = backtest(*EVENTS, "--against", "HEAD")
    assert result.exit_code == 3
    assert "HEAD:sigma2hive.yml:1:10: error S2H403" in result.stderr
    (checkout.root / "sigma2hive.yml").write_text("profile: elastic-agent\n")
    checkout.git("commit", "-qam", "Agent")
    (checkout.root / "sigma2hive.yml").write_text("profile: winlogbeat\n")
    result = backtest(*EVENTS, "--against", "HEAD")
    assert result.exit_code == 3
    assert "Windows events in other fields" in result.stderr


def test_rules_that_could_not_be_used_there_are_counted(checkout: Checkout) -> None:
    (checkout.root / "sigma_rules" / "bad.yml").write_text("title: x\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "Bad")
    (checkout.root / "sigma_rules" / "bad.yml").unlink()
    assert "1 rule at HEAD could not be used there" in backtest(*EVENTS, "--against", "HEAD").stdout
