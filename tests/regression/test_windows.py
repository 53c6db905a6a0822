"""Raw Windows events of our own, each with the rule that must find it, through `run --events`.

A case is a folder with `rule.yml` and `event.ndjson`. Each profile; as the event came, and with
the letter case of all its values changed. Each rule finds its own event and no other.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.regression.running import Trial, found_by_run, load_trial

CASES = Path(__file__).parent / "cases"

#: Rules that look at letter case, and whether they say that they find the changed event.
DECIDED_BY_CASE = {
    "cased_value": False,
    "cased_exception": False,
    "expression_with_case": False,
    "expression_without_letters": True,
}


@pytest.fixture(scope="module")
def cases() -> dict[str, Trial]:
    """Every case by its folder's name."""
    folders = sorted(folder for folder in CASES.iterdir() if folder.is_dir())
    assert len(folders) == 17
    return {
        folder.name: load_trial(
            folder / "rule.yml", [json.loads((folder / "event.ndjson").read_text("utf-8"))]
        )
        for folder in folders
    }


def test_what_a_rule_says_is_listed(cases: dict[str, Trial]) -> None:
    decided = {name: case for name, case in cases.items() if case.is_decided_by_case}
    assert all(case.said for case in decided.values())
    assert {name: bool(case.changed.said) for name, case in decided.items()} == DECIDED_BY_CASE


@pytest.mark.parametrize("is_changed", [False, True], ids=["as-it-came", "case-changed"])
@pytest.mark.parametrize("profile", ["winlogbeat", "elastic-agent", "windows-flat"])
def test_every_rule_finds_its_own_event_and_no_other(
    cases: dict[str, Trial], profile: str, is_changed: bool, tmp_path: Path
) -> None:
    given = [case.changed if is_changed else case for case in cases.values()]
    missed = {name for name, finds in DECIDED_BY_CASE.items() if is_changed and not finds}
    expected = {(case.rule_id, 0) for name, case in cases.items() if name not in missed}
    assert found_by_run(given, profile, tmp_path / "run") == (expected, set())


def test_alerts_say_the_same_by_sigmas_own_names(cases: dict[str, Trial], tmp_path: Path) -> None:
    """Titles, and observables with their tags, ask for ECS names; windows-flat has none of them."""
    said = []
    for profile in ("winlogbeat", "windows-flat"):
        found_by_run(list(cases.values()), profile, tmp_path / profile)
        lines = (tmp_path / profile / "alerts.jsonl").read_text("utf-8").splitlines()
        said.append({alert["rule_id"]: _said(alert) for alert in map(json.loads, lines)})
    indexed, flat = said
    assert len(flat) == len(cases)
    assert all("unknown" not in title for title, _, _ in flat.values())
    # No row of the shipped observables asks for winlog.user_data.SubjectUserName.
    title, source_ref, observables = flat[cases["system_104"].rule_id]
    more = ("other", "anna", ("account",))
    flat[cases["system_104"].rule_id] = (title, source_ref, observables - {more})
    assert flat == indexed


def _said(alert: dict[str, Any]) -> tuple[str, str, set[tuple[str, str, tuple[str, ...]]]]:
    observables = {
        (entry["dataType"], entry["data"], tuple(entry["tags"])) for entry in alert["observables"]
    }
    return alert["title"], alert["sourceRef"], observables
