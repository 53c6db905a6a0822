"""`compile --target kibana`: files that Kibana imports, kept in step with the rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main

FIRST, SECOND = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "12")
RULE = """\
title: {title}
id: {id}
logsource: {{product: windows, category: process_creation}}
detection:
    selection:
        CommandLine|contains: {value}
    condition: selection
level: medium
"""


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sigma_rules").mkdir()
    for name, rule_id in (("first", FIRST), ("second", SECOND)):
        text = RULE.format(title=name, id=rule_id, value=name)
        (tmp_path / "sigma_rules" / f"{name}.yml").write_text(text)
    return tmp_path


def compiled(*arguments: str) -> Result:
    line = ["compile", "--target", "kibana", "--output", "out", *arguments]
    return CliRunner().invoke(main, line, catch_exceptions=False)


def content(site: Path, folder: str = "out") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((site / folder).iterdir())}


def test_each_rule_has_a_file_and_the_import_has_all(site: Path) -> None:
    result = compiled()
    assert (result.exit_code, result.stderr) == (0, "")
    written = content(site)
    assert set(written) == {f"{FIRST}.json", f"{SECOND}.json", "rules.ndjson"}
    lines = written["rules.ndjson"].splitlines()
    assert [json.loads(line)["rule_id"] for line in lines] == [FIRST, SECOND]
    assert "0 written, 2 unchanged" in compiled().stdout
    assert content(site) == written


def test_a_rule_that_is_gone_is_gone_from_the_import_too(site: Path) -> None:
    compiled()
    (site / "out" / "rules-2.ndjson").write_bytes((site / "out" / "rules.ndjson").read_bytes())
    (site / "sigma_rules" / "second.yml").unlink()
    assert "0 written, 1 unchanged, 1 removed" in compiled().stdout
    assert set(content(site)) == {f"{FIRST}.json", "rules.ndjson"}
    assert content(site)["rules.ndjson"].count(b"\n") == 1


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        (f"{FIRST}.json", None),
        ("rules.ndjson", None),
        ("rules.ndjson", '"enabled": true'),
        (f"{SECOND}.json", '"enabled": true'),
    ],
)
def test_after_a_change_the_import_is_what_would_be_made_at_once(
    site: Path, file: str, damage: str | None
) -> None:
    compiled()
    rule = site / "sigma_rules" / "first.yml"
    rule.write_text(rule.read_text().replace("title: first", "title: another"))
    if damage is not None:
        path = site / "out" / file
        path.write_text(path.read_text().replace('"enabled": false', damage))
    else:
        (site / "out" / file).unlink()
    compiled()
    compiled("--output", "anew")
    assert content(site) == content(site, "anew")
    assert b"another" in content(site)["rules.ndjson"]


def test_what_nobody_can_say_leaves_no_import_behind(site: Path) -> None:
    compiled()
    for path in (site / "sigma_rules").iterdir():
        path.write_text(path.read_text().replace("CommandLine|contains:", "CommandLine|fieldref:"))
    result = compiled("--json")
    report = json.loads(result.stdout)
    assert [finding["code"] for finding in report["findings"]] == ["S2H301", "S2H301"]
    assert report["left_out"] == 2 and len(report["removed"]) == 3
    assert content(site) == {}


def test_an_import_of_somebody_else_is_not_replaced(site: Path) -> None:
    (site / "out").mkdir()
    (site / "out" / "rules.ndjson").write_text("{}\n")
    result = compiled()
    assert result.exit_code == 3 and "S2H109" in result.stderr
    assert content(site) == {"rules.ndjson": b"{}\n"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("{risk_scores: {high: 101}}", "kibana.rules.risk_scores.high is 101"),
        ("{namespace: Prod}", "kibana.rules.namespace is no namespace"),
    ],
)
def test_a_setting_that_kibana_would_refuse_is_told(site: Path, settings: str, told: str) -> None:
    (site / "sigma2hive.yml").write_text(f"kibana:\n  rules: {settings}\n")
    result = compiled()
    assert result.exit_code == 3
    assert "sigma2hive.yml:2:" in result.stderr and "S2H402" in result.stderr
    assert told in result.stderr
    assert not (site / "out").exists()


def test_a_misspelt_permission_is_found(site: Path) -> None:
    path = site / "sigma_rules" / "first.yml"
    path.write_text(path.read_text() + "sigma2hive: {kibana: {allow_aproximate: true}}\n")
    result = compiled()
    assert "S2H405" in result.stderr and "allow_approximate" in result.stderr
