"""Raw Windows events of our own, each with the rule that must find it, through `run --events`.

A case is a folder with `rule.yml` and `event.ndjson`. Both profiles; as the event came, and with
the letter case of all its values changed. Each rule finds its own event and no other.
"""

import json
from pathlib import Path

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
    assert len(folders) == 14
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
@pytest.mark.parametrize("profile", ["winlogbeat", "elastic-agent"])
def test_every_rule_finds_its_own_event_and_no_other(
    cases: dict[str, Trial], profile: str, is_changed: bool, tmp_path: Path
) -> None:
    given = [case.changed if is_changed else case for case in cases.values()]
    missed = {name for name, finds in DECIDED_BY_CASE.items() if is_changed and not finds}
    expected = {(case.rule_id, 0) for name, case in cases.items() if name not in missed}
    assert found_by_run(given, profile, tmp_path / "run") == (expected, set())
