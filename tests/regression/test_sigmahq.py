"""SigmaHQ's regression data: every rule against its own raw Windows event, through `run --events`.

Twice for each profile: as the events came, and with the letter case of every value changed, except
in fields that the rule compares with `|cased` or a case-sensitive `|re`: there the case is part of
what the rule asks.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sigma2hive.cli import main
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.repository import load_repository
from tests.bench.corpus import Case, case_changed, cased_fields, regression_cases

#: Regression cases whose rule is known not to match its own event, with the reason.
MISSING: dict[str, str] = {}


Change = Callable[[Any, frozenset[str]], Any]
CHANGES: dict[str, Change] = {"as-it-came": lambda event, _: event, "case-changed": case_changed}


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[Case]:
    """The regression cases."""
    found = list(regression_cases(shared))
    assert len(found) == 122
    return found


def _cased_fields(case: Case) -> frozenset[str]:
    (rule,) = load_repository([case.rule], case.rule.parent, {}, Diagnostics()).rules
    return cased_fields(rule.condition)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("profile", ["winlogbeat", "elastic-agent"])
def test_every_rule_finds_its_own_attack(
    cases: list[Case], profile: str, change: Change, tmp_path: Path
) -> None:
    own_events: dict[str, set[str]] = {}
    arguments = ["run", "--once", "--profile", profile, "--sink", f"jsonl:{tmp_path}/alerts.jsonl"]
    for case in cases:
        kept = _cased_fields(case)
        own_events[case.rule_id] = {json.dumps(change(event, kept)) for event in case.events}
        file = tmp_path / "events" / f"{case.rule_id}.ndjson"
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(line + "\n" for line in own_events[case.rule_id]), "utf-8")
        arguments += ["--rules", str(case.rule)]
    arguments += ["--events", str(tmp_path / "events")]

    result = CliRunner().invoke(main, arguments, catch_exceptions=False)

    assert result.exit_code == 0, result.output
    # By the event itself, not its file: two cases share an event, which is one event to us.
    found = {
        alert["rule_id"]
        for alert in map(json.loads, (tmp_path / "alerts.jsonl").read_text().splitlines())
        if any(event["raw"] in own_events[alert["rule_id"]] for event in alert["events"])
    }
    missed = {case.rule_id: case.title for case in cases if case.rule_id not in found}
    assert set(missed) == set(MISSING), missed
