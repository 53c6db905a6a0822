"""`compile --check --thehive`: names in mappings and rules that TheHive does not know."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sigma2hive.cli import main
from tests.cli.run_world import RULE, write_world
from tests.doubles.running import TheHive

API_KEY = "SIGMA2HIVE_THEHIVE_API_KEY"


@pytest.fixture
def repository(tmp_path: Path, thehive: TheHive, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose TheHive lacks four things that it names, each in a file of its own."""
    thehive.skip_if_real("lack what it has")
    write_world(tmp_path)
    own = "tags: [attack.t1999]\nsigma2hive: {custom_fields: {tier: 1}}\ndetection:"
    (tmp_path / "sigma_rules" / "rule.yml").write_text(RULE.replace("detection:", own))
    (tmp_path / "sigma2hive.yml").write_text(f"thehive: {{url: '{thehive.url}'}}\n")
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "observables.yml").write_text(
        "extends: default\ndata_types: [sid]\nobservables: [{field: user.id, type: sid}]\n"
    )
    (mappings / "alerts.yml").write_text("extends: default\ncase_template: intrusion\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(API_KEY, thehive.key)
    return tmp_path


def check(*options: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code and what is said of names."""
    arguments = ["compile", "--check", "--format", "json", *options]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    found = json.loads(result.stdout)["findings"]
    return result.exit_code, [one for one in found if one["code"] in {"S2H419", "S2H507"}]


def test_each_name_is_told_where_it_is_written(repository: Path) -> None:
    code, found = check("--thehive")
    assert code == 1
    places = {
        one["message"].rpartition(": ")[2]: (one["path"], one["line"], one["column"])
        for one in found
    }
    assert places == {
        "sid": ("mappings/observables.yml", 2, 14),
        "intrusion": ("mappings/alerts.yml", 2, 16),
        "tier": ("sigma_rules/rule.yml", 6, 30),
        "T1999": ("sigma_rules/rule.yml", 5, 15),
    }
    assert all(one["hint"] for one in found)
    severities = {one["message"].rpartition(": ")[2]: one["severity"] for one in found}
    assert severities["tier"] == "error"


def test_what_thehive_has_is_not_told(repository: Path, thehive: TheHive) -> None:
    thehive.set_up(
        catalogue={
            "observable_types": ["sid"],
            "custom_fields": [{"name": "tier", "type": "integer"}],
            "case_templates": [{"name": "intrusion"}],
            "patterns": {"T1999": ["made up", []]},
        }
    )
    assert check("--thehive")[1] == []


def test_without_the_option_thehive_is_not_asked(repository: Path, thehive: TheHive) -> None:
    assert check()[1] == []
    assert thehive.journal() == []


def test_a_thehive_out_of_reach_ends_with_4_and_the_rest_is_told(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGMA2HIVE_THEHIVE_URL", "http://127.0.0.1:9")
    code, found = check("--thehive")
    assert code == 4
    assert [(one["code"], one["path"]) for one in found] == [("S2H507", "--thehive")]


def test_a_key_that_thehive_refuses_ends_with_3_and_the_rest_is_told(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API_KEY, "nobody's")
    code, found = check("--thehive", "--fail-on", "never")
    assert code == 3
    assert [(one["code"], one["path"]) for one in found] == [("S2H507", "--thehive")]


def test_without_an_address_it_is_a_matter_of_settings(repository: Path) -> None:
    (repository / "sigma2hive.yml").unlink()
    result = CliRunner().invoke(main, ["compile", "--check", "--thehive"])
    assert result.exit_code == 3
    assert "thehive.url" in result.output
