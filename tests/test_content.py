"""The rules that we ship find what they should and only that, in the profiles meant for them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.filters import SigmaFilter
from sigma.validation import SigmaValidator
from sigma.validators.core import validators

from sigma2hive.cli import main

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "sigma_rules"
CONTENT = ROOT / "tests" / "content"
STORY = ROOT / "examples" / "attack-story"

FILES = sorted(RULES.rglob("*.yml"))
FILTERS = [path for path in FILES if path.stem.startswith("filter_")]
RULE_FILES = [path for path in FILES if path not in FILTERS]
PROFILES = {"windows": ("winlogbeat", "elastic-agent")}

#: They download ATT&CK and D3FEND; the other one knows the names that TLP had before 2.0.
NEED_THE_NETWORK = {"attacktag", "d3_fendtag", "tlpv1_tag"}


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


ALL_DOCUMENTS = [
    pytest.param(document, id=f"{path.stem}-{position}")
    for path in FILES
    for position, document in enumerate(documents(path))
]
AREAS = [
    pytest.param(area, profile, id=f"{area}-{profile}")
    for area in sorted({path.parent.name for path in RULE_FILES})
    for profile in PROFILES.get(area, ("ecs", "elastic-agent"))
]


def alerts_of(events: list[Path], rules: list[Path], profile: str) -> list[dict[str, Any]]:
    """Run the command and return its alerts; no event and no rule may be left out."""
    arguments = ["run", "--once", "--dry-run", "--json", "--profile", profile]
    for path in events:
        arguments += ["--events", str(path)]
    for path in rules:
        arguments += ["--rules", str(path)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["left_out"] == 0, report["findings"]
    alerts: list[dict[str, Any]] = report["alerts"]
    return alerts


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run away from the repository, so that its settings and state play no part."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("area", "profile"), AREAS)
def test_rules_pass_their_tests(area: str, profile: str) -> None:
    arguments = ["test", "--json", "--strict", "--rules", str(RULES / area), "--profile", profile]

    result = CliRunner().invoke(main, arguments, catch_exceptions=False)

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["rules"]
    tested = {rule["path"] for rule in found if rule["tests"]}
    assert {Path(path).name for path in tested} == {
        path.name for path in RULE_FILES if path.parent.name == area
    }
    events = sum(test["events"] for rule in found for test in rule["tests"])
    files = (CONTENT / Path(path).stem for path in tested)
    assert events == sum(
        file.read_bytes().count(b"\n") for folder in files for file in folder.glob("*.ndjson")
    )


@pytest.mark.parametrize(("area", "profile"), AREAS)
def test_titles_have_what_they_ask_for(area: str, profile: str) -> None:
    events = [
        CONTENT / path.stem / "match.ndjson" for path in RULE_FILES if path.parent.name == area
    ]

    titles = [alert["title"] for alert in alerts_of(events, [RULES / area], profile)]

    assert titles
    assert "unknown" not in " ".join(titles)


@pytest.mark.parametrize("rule_file", [pytest.param(path, id=path.stem) for path in RULE_FILES])
def test_rule_has_enough_test_events(rule_file: Path) -> None:
    folder = CONTENT / rule_file.stem

    match = (folder / "match.ndjson").read_text(encoding="utf-8").splitlines()
    near = (folder / "no_match.ndjson").read_text(encoding="utf-8").splitlines()

    assert len(match) >= 2, "one event, and one in another letter case"
    assert len(near) >= 2
    assert len(set(match + near)) == len(match) + len(near)


def test_there_are_no_test_events_without_a_rule() -> None:
    assert {folder.name for folder in CONTENT.iterdir()} == {path.stem for path in RULE_FILES}


@pytest.mark.parametrize("document", ALL_DOCUMENTS)
def test_rule_says_what_an_analyst_needs(document: dict[str, Any]) -> None:
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", document["id"]
    )
    assert document["author"] == "sigma2hive contributors"
    assert document["license"] == "Apache-2.0"
    assert document["status"] == "experimental"
    assert len(document["description"]) > 80
    if "filter" in document:
        return
    assert document["level"] in {"informational", "low", "medium", "high", "critical"}
    assert document["falsepositives"]
    assert all(link.startswith("https://") for link in document["references"])
    assert "Blind spots:" in document["description"] or document["level"] == "informational"
    tactics = [tag for tag in document["tags"] if re.fullmatch(r"attack\.[a-z-]+", tag)]
    techniques = [tag for tag in document["tags"] if re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag)]
    assert tactics
    assert techniques
    assert len(tactics) + len(techniques) == len(document["tags"])


def test_rules_pass_the_validators_of_pysigma() -> None:
    collection = SigmaCollection.load_ruleset([RULES])

    issues = SigmaValidator(
        [check for name, check in validators.items() if name not in NEED_THE_NETWORK]
    ).validate_rules(iter(collection.rules))

    assert [str(issue) for issue in issues] == []
    assert all(not rule.errors for rule in collection.rules)
    assert sum(isinstance(rule, SigmaCorrelationRule) for rule in collection.rules) >= 3
    assert len(collection.rules) >= 18


def test_filter_names_a_rule_that_there_is() -> None:
    names = {document.get("name") for path in RULE_FILES for document in documents(path)}

    for path in FILTERS:
        parsed = SigmaFilter.from_yaml(path.read_text(encoding="utf-8"))
        assert not isinstance(parsed.filter.rules, str)
        assert {reference.reference for reference in parsed.filter.rules} <= names


def test_failed_logons_are_counted_as_the_issue_says() -> None:
    path = RULES / "windows" / "win_security_failed_logons_from_one_address.yml"

    correlation = documents(path)[-1]["correlation"]

    assert correlation["condition"] == {"gte": 6}
    assert correlation["timespan"] == "10m"
    assert correlation["group-by"] == ["IpAddress"]


def test_story_is_written_by_its_script(tmp_path: Path) -> None:
    script = ROOT / "tools" / "make_story.py"

    subprocess.run([sys.executable, str(script), "--output", str(tmp_path)], check=True)

    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in STORY.glob("*.ndjson")}
    assert sum(map(len, written.values())) < 3_000_000


#: The alerts of the story in the order of its table: file of the rule.
TOLD = (
    "win_security_failed_logons_from_one_address",
    "lnx_sshd_failed_logons_from_one_address",
    "win_security_rdp_logon_from_public_address",
    "proc_creation_win_discovery_commands",
    "lnx_sshd_logon_after_failed_logons",
    "proc_creation_lnx_download_piped_to_shell",
    "file_event_lnx_autostart_written",
    "proc_creation_win_powershell_encoded_command",
    "posh_ps_download_and_run",
    "net_proxy_program_from_bare_address",
    "proc_access_win_lsass_memory_read",
    "win_security_scheduled_task_from_user_folder",
    "win_security_service_tickets_with_rc4",
    "aws_cloudtrail_denied_calls_by_one_identity",
    "win_system_service_with_unusual_command",
    "aws_cloudtrail_credentials_created_with_long_term_key",
    "net_dns_many_long_names",
    "aws_cloudtrail_logging_stopped",
    "win_security_audit_log_cleared",
)


@pytest.mark.parametrize("profile", ["ecs", "elastic-agent"])
def test_story_raises_each_alert_once_and_no_other(profile: str) -> None:
    rule_files = {documents(path)[-1]["id"]: path.stem for path in RULE_FILES}

    alerts = alerts_of([STORY], [RULES], profile)

    assert sorted(rule_files[alert["rule_id"]] for alert in alerts) == sorted(TOLD)


def test_story_is_told_in_its_readme() -> None:
    text = (STORY / "README.md").read_text(encoding="utf-8")

    positions = [text.find(f"`{name}`") for name in TOLD]

    events = sum(path.read_bytes().count(b"\n") for path in STORY.glob("*.ndjson"))
    assert -1 not in positions
    assert positions == sorted(positions)
    assert f"{events:,} events" in text
    assert f"{len(TOLD)} alerts" in text
