"""`compile --check`: tells what is wrong, writes nothing, ends with the documented code."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main

GOOD = """\
title: {title}
id: {id}
status: test
level: low
date: 2026-01-31
logsource: {{product: windows, category: process_creation}}
detection:
    selection: {{Image|endswith: '\\{tool}.exe'}}
    condition: selection
"""
FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"
MISSPELT = GOOD.replace("Image", "image")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one good rule."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "first", GOOD.format(title="First", id=FIRST, tool="first"))
    return tmp_path


def write(site: Path, name: str, text: str) -> None:
    (site / "sigma_rules").mkdir(exist_ok=True)
    (site / "sigma_rules" / f"{name}.yml").write_text(text, encoding="utf-8")


def checked(*arguments: str) -> Result:
    line = ["compile", "--check", "--profile", "winlogbeat", *arguments]
    return CliRunner().invoke(main, line, catch_exceptions=False)


def found(*arguments: str) -> list[tuple[str, str, int]]:
    """Return code, path and line of all that is not set aside."""
    told = json.loads(checked("--format", "json", *arguments).stdout)
    return [
        (entry["code"], entry["path"], entry["line"])
        for entry in told["findings"]
        if entry["set_aside"] is None
    ]


def files_of(site: Path) -> set[str]:
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def test_good_rules_end_with_0_and_nothing_is_written(site: Path) -> None:
    result = checked()
    assert result.exit_code == 0
    assert result.stdout == "1 rule for winlogbeat: nothing to find\n"
    assert files_of(site) == {"sigma_rules/first.yml"}


def test_a_warning_ends_with_1_unless_only_errors_are_to(site: Path) -> None:
    write(site, "second", MISSPELT.format(title="Second", id=SECOND, tool="second"))
    result = checked()
    assert result.exit_code == 1
    assert "sigma_rules/second.yml:8:17: warning S2H220" in result.stdout
    assert max(map(len, result.stdout.splitlines()[-2:])) <= 80
    assert checked("--fail-on", "error").exit_code == 0
    assert checked("--fail-on", "never").exit_code == 0


def test_unusable_settings_end_with_3_in_every_form(site: Path) -> None:
    (site / "sigma2hive.yml").write_text("elasticsearch:\n  password: hunter2\n", encoding="utf-8")
    for form in ("text", "json", "github", "sarif", "junit"):
        result = checked("--format", form)
        assert result.exit_code == 3
        assert "S2H407" in result.stdout
        assert "hunter2" not in result.output


def test_no_rule_ends_with_3(site: Path) -> None:
    assert checked("--rules", "gone").exit_code == 3
    write(site, "first", "title: x\n")
    assert checked().exit_code == 3


def test_artefacts_are_compared_and_left_alone(site: Path) -> None:
    write(site, "second", GOOD.format(title="Second", id=SECOND, tool="second"))
    compared = ("--target", "dsl", "--output", "out")
    assert found(*compared) == [("S2H110", "out", 0)]
    CliRunner().invoke(main, ["compile", "--profile", "winlogbeat", *compared])
    assert found(*compared) == []
    write(site, "first", GOOD.format(title="First", id=FIRST, tool="other"))
    (site / "sigma_rules/second.yml").unlink()
    before = {path: path.read_bytes() for path in (site / "out").iterdir()}
    result = checked(*compared)
    assert result.exit_code == 1
    assert "first.exe" in result.stdout  # the line that goes
    assert "other.exe" in result.stdout  # the line that comes
    assert found(*compared) == [
        ("S2H110", f"out/{FIRST}.json", 0),
        ("S2H110", f"out/{SECOND}.json", 0),
    ]
    assert {path: path.read_bytes() for path in (site / "out").iterdir()} == before


def test_a_target_without_its_folder_is_a_mistake_of_the_command_line(site: Path) -> None:
    assert checked("--target", "dsl").exit_code == 2
    assert CliRunner().invoke(main, ["compile", "--output", "x"]).exit_code == 2
