"""Dates, tags, titles and selections: what is wrong is told at its place, good ones are left."""

from pathlib import Path

import pytest

from sigma2hive.repository import lint_files

RULE = """\
title: {title}
id: 11111111-1111-4111-8111-111111111111
status: test
{more}
detection:
  one: {{X: a}}
  two_a: {{X: b}}
  _three: {{X: c}}
  condition: {condition}
"""


def lint(folder: Path, more: str = "", condition: str = "all of _* or 1 of them") -> list[str]:
    """Return code and line of each finding."""
    file = folder / "rule.yml"
    file.write_text(RULE.format(title="A", more=more, condition=condition), encoding="utf-8")
    found = lint_files([file], folder).findings
    return [f"{finding.code}:{finding.location.line}" for finding in found]


@pytest.mark.parametrize("value", ["2026-02-28", "2024-02-29", "'2026-01-31'", "2019/05/09"])
def test_dates_that_exist(tmp_path: Path, value: str) -> None:
    assert lint(tmp_path, f"date: {value}") == []


@pytest.mark.parametrize(
    "value", ["2024-02-30", "2023-02-29", "2026-13-01", "2026-1-31", "31.01.2026", "soon", "2026"]
)
@pytest.mark.parametrize("key", ["date", "modified"])
def test_dates_that_are_none(tmp_path: Path, key: str, value: str) -> None:
    assert lint(tmp_path, f"{key}: {value}") == ["S2H222:4"]


def test_a_rule_is_not_modified_before_it_was_written(tmp_path: Path) -> None:
    assert lint(tmp_path, "date: 2026-02-01\nmodified: 2026-01-31") == ["S2H222:5"]
    assert lint(tmp_path, "date: 2026-02-01\nmodified: 2026-02-01") == []


@pytest.mark.parametrize(
    "tag",
    [
        *("attack.t1059", "attack.T1059.001", "attack.credential-access", "attack.ta0006"),
        *("attack.credential_access", "attack.g0016", "attack.s0002", "attack.t0853"),
        *("cve.2021-44228", "detection.threat-hunting", "car.2013-04-002"),
    ],
)
def test_tags_that_are_right(tmp_path: Path, tag: str) -> None:
    assert lint(tmp_path, f"tags: [{tag}]") == []


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("attack.t9999", "S2H224"),
        ("attack.t1059.999", "S2H224"),
        ("attack.credentialaccess", "S2H224"),
        ("attack.ta9999", "S2H224"),
        ("attack.t1086", "S2H225"),
    ],
)
def test_tags_that_are_wrong(tmp_path: Path, tag: str, code: str) -> None:
    assert lint(tmp_path, f"tags:\n  - attack.t1059\n  - {tag}") == [f"{code}:6"]


@pytest.mark.parametrize(
    ("condition", "unused"),
    [
        ("one and 1 of two* and _three", []),
        ("1 of them", ["S2H226:8"]),  # what begins with _ is none of them
        ("[one, two_a, _three]", []),
        ("not one", ["S2H226:7", "S2H226:8"]),
        ("one and and", []),  # that it cannot be read is told elsewhere
    ],
)
def test_selections_that_nothing_uses(tmp_path: Path, condition: str, unused: list[str]) -> None:
    assert lint(tmp_path, condition=condition) == unused


def test_a_title_is_the_same_in_another_case_and_spacing(tmp_path: Path) -> None:
    files = [tmp_path / "a.yml", tmp_path / "b.yml"]
    for file, title in zip(files, ["Odd tool", "odd  Tool"], strict=True):
        text = RULE.format(title=title, more="", condition="1 of * or _three")
        file.write_text(text, encoding="utf-8")
    [finding] = lint_files(files, tmp_path).findings
    assert (finding.code, finding.location.path) == ("S2H221", "b.yml")
    assert finding.message.startswith("a.yml:1:1 ")
