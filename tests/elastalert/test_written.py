"""Files for ElastAlert 2 as they are written: golden cases, and nothing that it would change."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from sigma2hive.cli import main
from sigma2hive.compiler import TARGETS
from tests.elastalert.station import compiled

GOLDEN = Path(__file__).parent.parent / "golden" / "elastalert"
CASES = sorted(folder.name for folder in GOLDEN.iterdir())


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_golden_cases_are_all_here() -> None:
    assert len(CASES) == 2


@pytest.mark.parametrize("case", CASES)
def test_files_are_written_exactly_so(case: str, repository: Path, update_golden: bool) -> None:
    (repository / "sigma_rules").mkdir()
    (repository / "sigma_rules" / "rule.yml").write_bytes((GOLDEN / case / "rule.yml").read_bytes())
    profile = case.partition("-on-")[2]
    folder = compiled(repository, "--profile", profile, "--allow-approximate")
    texts = {path.name: path.read_text("ascii") for path in folder.glob("*.yml")}
    if update_golden:
        for path in (GOLDEN / case).glob("expected-*"):
            path.unlink()
        for name, text in texts.items():
            (GOLDEN / case / f"expected-{name}").write_text(text, encoding="ascii")
    expected = {
        path.name[9:]: path.read_text("ascii") for path in GOLDEN.glob(f"{case}/expected-*")
    }
    assert texts == expected
    for text in texts.values():
        assert text.startswith(TARGETS["elastalert"].mark)
        assert yaml.safe_load(text)["type"]


def test_what_a_rule_says_comes_through_without_dollars_and_templates(repository: Path) -> None:
    case = GOLDEN / "logons-on-ecs" / "rule.yml"
    folder = compiled(repository, "--rules", str(case), "--profile", "ecs")
    (path,) = folder.glob("20e52835*.yml")
    text = path.read_text("ascii")
    # Only our own three variables are left for ElastAlert to put in.
    assert text.count("$") == text.count("${SIGMA2HIVE_THEHIVE_") == 2
    content = yaml.safe_load(text)
    assert content["description"].startswith(
        "Failed logon {{ 7 * 7 }} of $HOME in \u00e4 \U0001f600"
    )
    assert {"term": {"winlog.event_data.TargetUserName": {"value": "svc$"}}} in _leaves(
        content["filter"]
    )


def _leaves(value: object) -> list[object]:
    if isinstance(value, list):
        return [leaf for entry in value for leaf in _leaves(entry)]
    if isinstance(value, dict) and "bool" in value:
        return [leaf for entry in value["bool"].values() for leaf in _leaves(entry)]
    return [value]


def test_nothing_is_a_credential(repository: Path) -> None:
    (repository / "sigma2hive.yml").write_text(
        json.dumps({"elastalert": {"alerts": ["thehive", "hivealerter", "webhook", "slack"]}})
    )
    rule = GOLDEN / "process-on-winlogbeat" / "rule.yml"
    folder = compiled(repository, "--rules", str(rule))
    (path,) = folder.glob("*.yml")
    content = yaml.safe_load(path.read_text("ascii"))
    hive = content["alert"][1]["hivealerter"]
    assert hive["hive_connection"]["hive_apikey"] == "${SIGMA2HIVE_THEHIVE_API_KEY}"
    assert content["alert"][2]["post2"]["http_post2_url"] == "${ELASTALERT_WEBHOOK_URL}"
    assert content["alert"][3]["slack"]["slack_webhook_url"] == "${ELASTALERT_SLACK_URL}"


def test_an_unknown_channel_is_refused(repository: Path) -> None:
    (repository / "sigma2hive.yml").write_text('{"elastalert": {"alerts": ["thehvie"]}}')
    rule = GOLDEN / "process-on-winlogbeat" / "rule.yml"
    line = ["compile", "--target", "elastalert", "--output", "x", "--rules", str(rule)]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 3
    assert "S2H402" in result.output and "did you mean 'thehive'" in result.output
    assert not (repository / "x").exists()


def test_a_rule_that_only_feeds_correlations_has_no_file_and_is_not_left_out(
    repository: Path,
) -> None:
    rule = GOLDEN / "logons-on-ecs" / "rule.yml"
    text = rule.read_text("utf-8").replace("  generate: true\n", "")
    (repository / "rule.yml").write_text(text, encoding="utf-8")
    folder = compiled(
        repository, "--rules", "rule.yml", "--profile", "ecs", "--allow-approximate", "--strict"
    )
    names = {path.stem[-4:] for path in folder.glob("*.yml")}
    assert names == {"5847", "5848", "5849"}
