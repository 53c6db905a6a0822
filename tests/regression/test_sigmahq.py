"""SigmaHQ's regression data: every rule against its own raw Windows event, through `run --events`.

Twice for each profile: as the events came, and with the letter case of every value changed. What a
rule that looks at letter case says of the changed event is derived from its condition, and listed.
"""

from pathlib import Path

import pytest

from tests.bench.corpus import regression_cases
from tests.regression.running import Pair, Trial, found_by_run, load_trial

#: Regression cases whose rule is known not to match its own event, with the reason.
MISSING: dict[str, str] = {}

#: Rules with `|cased`, or with `|re` without `|i`: whether they find the changed event, and why.
DECIDED_BY_CASE = {
    "5a6e1e16-07de-48d8-8aae-faa766c05e88": True,  # not -c, but --cookie-jar in any case
    "85de1f22-d189-44e4-8239-dc276b45379b": False,  # -H
    "9cc85849-3b02-4cb5-b371-3a1ff54f2218": True,  # an address: no letters
    "5cb299fc-5fb1-4d07-b989-0644c68b6043": True,  # an address: no letters
    "cb9cc1d1-e84e-4bdc-b7ad-c31b1b7908ec": True,  # not -k, but --insecure in any case
}


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[Trial]:
    """Every rule with its regression events."""
    found = [load_trial(case.rule, case.events) for case in regression_cases(shared)]
    assert len(found) == 122
    return found


def test_what_rules_say_that_look_at_letter_case_is_listed(cases: list[Trial]) -> None:
    decided = [case for case in cases if case.is_decided_by_case]
    assert all(case.said for case in decided)
    assert {case.rule_id: bool(case.changed.said) for case in decided} == DECIDED_BY_CASE


@pytest.mark.parametrize("profile", ["winlogbeat", "elastic-agent", "windows-flat"])
def test_every_rule_finds_its_own_attack_in_any_letter_case(
    cases: list[Trial], profile: str, tmp_path: Path
) -> None:
    found, _ = found_by_run(cases, profile, tmp_path / "as-it-came")
    assert {case.rule_id for case in cases} - {rule_id for rule_id, _ in found} == set(MISSING)

    expected: set[Pair] = set()
    for case in cases:
        own = {pair for pair in found if pair[0] == case.rule_id}
        expected |= case.changed.said if case.is_decided_by_case else own
    changed = [case.changed for case in cases]
    assert found_by_run(changed, profile, tmp_path / "case-changed")[0] == expected
