"""maintenance.yml: windows as they are meant, and mistakes with their place."""

import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import yaml

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.maintenance import MaintenanceWindow
from sigma2hive.repository.mappings import load_mappings

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "maintenance.schema.json"
HEAD = "windows:\n  - {reason: patches, owner: ops, "


def load(folder: Path, text: str) -> tuple[tuple[MaintenanceWindow, ...], Diagnostics]:
    (folder / "maintenance.yml").write_text(text, encoding="utf-8")
    diagnostics = Diagnostics()
    return load_mappings(folder, diagnostics).maintenance, diagnostics


def is_valid(text: str) -> bool:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).is_valid(yaml.load(text, yaml.BaseLoader))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def test_times_are_those_of_the_clocks_in_the_zone(tmp_path: Path) -> None:
    text = (
        f"{HEAD}hosts: dc01, from: 2026-11-28T22:00, until: 2026-11-29T04:00, "
        "zone: Europe/Berlin}\n"
    )
    (window,), found = load(tmp_path, text)
    assert list(found) == []
    assert is_valid(text)
    assert not window.holds_at(at("2026-11-28T20:59:59"))
    assert window.holds_at(at("2026-11-28T21:00"))
    assert window.holds_at(at("2026-11-29T02:59:59"))
    assert not window.holds_at(at("2026-11-29T03:00"))


def test_weekly_times_follow_the_clock_through_summer_and_winter(tmp_path: Path) -> None:
    text = (
        f'{HEAD}hosts: ["*"], zone: Europe/Berlin, '
        'weekly: {days: [sat], from: "22:00", until: "04:00"}}\n'
    )
    (window,), found = load(tmp_path, text)
    assert list(found) == []
    assert is_valid(text)
    # 2026-07-04 and 2026-11-28 are Saturdays; Berlin is two hours before UTC in July, one later.
    assert window.holds_at(at("2026-07-04T20:00"))
    assert not window.holds_at(at("2026-11-28T20:00"))
    assert window.holds_at(at("2026-11-28T21:00"))
    assert window.holds_at(at("2026-11-29T02:59"))
    assert not window.holds_at(at("2026-11-29T03:00"))
    assert not window.holds_at(at("2026-11-28T02:00"))
    assert not window.holds_at(at("2026-11-29T22:00"))


def test_hosts_are_names_in_any_letter_case_with_wildcards(tmp_path: Path) -> None:
    hosts = "hosts: ['dc*.corp.example', 'web0?', 'a[1]']"
    text = f"{HEAD}{hosts}, from: 2026-11-28, until: 2026-11-29}}\n"
    (window,), _ = load(tmp_path, text)
    for name in ("DC01.corp.example", "web01", "A[1]"):
        assert window.covers_host([name])
    for names in (["dc01"], ["web012"], ["a1"], []):
        assert not window.covers_host(names)


@pytest.mark.parametrize(
    ("rest", "column", "message"),
    [
        ("hosts: dc01}", 5, "the window has no end"),
        ("hosts: dc01, from: 2026-11-28}", 5, "the window has no end"),
        ("from: 2026-11-28, until: 2026-11-29}", 5, "the window does not say what it is about"),
        ("hosts: [], from: 2026-11-28, until: 2026-11-29}", 40, "'hosts' is empty"),
        ("hosts: a, from: tonight, until: 2026-11-29}", 50, "'tonight' is no time"),
        ("hosts: a, from: 2026-02-30, until: 2026-11-29}", 50, "'2026-02-30' is no time"),
        ("hosts: a, from: 2026-11-29, until: 2026-11-28}", 68, "ends before it begins"),
        ("host: a, hosts: a, from: 2026-11-28, until: 2026-11-29}", 34, "'host' is no key here"),
        ("hosts: a, from: 2026-11-28, until: 2026-11-29, zone: CET/Berlin}", 81, "no time zone"),
        ('hosts: a, weekly: {days: [saturday], from: "22:00", until: "04:00"}}', 60, "no day"),
        ('hosts: a, weekly: {from: "22:00", until: "04:00"}}', 44, "'weekly' names no days"),
        ('hosts: a, weekly: {days: sat, from: "25:00", until: "04:00"}}', 64, "no time of day"),
        (
            'hosts: a, weekly: {days: sat, from: "04:00", until: "04:00"}}',
            64,
            "ends when it begins",
        ),
    ],
)
def test_a_window_that_is_wrong_is_told_with_its_place(
    tmp_path: Path, rest: str, column: int, message: str
) -> None:
    text = HEAD + rest + "\n"
    windows, found = load(tmp_path, text)
    assert windows == ()
    finding = found.found[0]
    assert message in finding.message
    assert (finding.code, finding.location.line) == ("S2H405", 2)
    assert abs(finding.location.column - column) <= 12, finding.location


@pytest.mark.parametrize(
    "rest",
    [
        "hosts: dc01}",
        "from: 2026-11-28, until: 2026-11-29}",
        "hosts: a, from: tonight, until: 2026-11-29}",
        "host: a, hosts: a, from: 2026-11-28, until: 2026-11-29}",
        'hosts: a, weekly: {days: [saturday], from: "22:00", until: "04:00"}}',
        'hosts: a, weekly: {days: sat, from: "25:00", until: "04:00"}}',
    ],
)
def test_the_published_schema_refuses_what_is_refused(rest: str) -> None:
    assert not is_valid(HEAD + rest + "\n")


@pytest.mark.parametrize("missing", ["reason: patches, ", "owner: ops, "])
def test_a_window_says_why_and_who_answers_for_it(tmp_path: Path, missing: str) -> None:
    text = (HEAD + "hosts: a, from: 2026-11-28, until: 2026-11-29}\n").replace(missing, "")
    windows, found = load(tmp_path, text)
    assert windows == ()
    assert f"the window has no '{missing.partition(':')[0]}'" in found.found[0].message
    assert not is_valid(text)
