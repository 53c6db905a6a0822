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
from sigma2hive.model.conditions import Regex, Text, atoms_of
from sigma2hive.model.rules import DetectionRule
from sigma2hive.repository import load_repository

#: Regression cases whose rule is known not to match its own event, with the reason.
MISSING: dict[str, str] = {}


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[dict[str, Any]]:
    """The index of the regression data: rule_id, rule (path below sigmahq/), events."""
    found = json.loads((shared / "data" / "regression" / "index.json").read_text())
    assert len(found) == 122
    return found


def _as_it_came(events: list[Any], kept: frozenset[str]) -> list[Any]:
    return events


def _case_changed(events: list[Any], kept: frozenset[str]) -> list[Any]:
    return [_swapped(event, kept) for event in events]


def _swapped(value: Any, kept: frozenset[str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            name: child if name in kept or name == "TimeCreated" else _swapped(child, kept, name)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [_swapped(child, kept) for child in value]
    return value.swapcase() if isinstance(value, str) else value


def _cased_fields(shared: Path, case: dict[str, Any]) -> frozenset[str]:
    """The Sigma fields, named as in the raw event, whose letter case the rule looks at."""
    path = shared / "data" / "sigmahq" / case["rule"]
    (rule,) = load_repository([path], path.parent, {}, Diagnostics()).rules
    assert isinstance(rule, DetectionRule)
    return frozenset(
        atom.name
        for atom in atoms_of(rule.condition)
        if atom.name is not None
        and (
            (isinstance(atom.test, Text) and atom.test.cased)
            or (isinstance(atom.test, Regex) and not atom.test.ignore_case)
        )
    )


@pytest.mark.parametrize("change", [_as_it_came, _case_changed])
@pytest.mark.parametrize("profile", ["winlogbeat", "elastic-agent"])
def test_every_rule_finds_its_own_attack(
    shared: Path,
    cases: list[dict[str, Any]],
    profile: str,
    change: Callable[[list[Any], frozenset[str]], list[Any]],
    tmp_path: Path,
) -> None:
    own_events: dict[str, set[str]] = {}
    arguments = ["run", "--once", "--profile", profile, "--sink", f"jsonl:{tmp_path}/alerts.jsonl"]
    for case in cases:
        lines = (shared / "data" / "regression" / f"{case['rule_id']}.ndjson").read_text("utf-8")
        events = [json.loads(line) for line in lines.splitlines()]
        changed = change(events, _cased_fields(shared, case))
        own_events[case["rule_id"]] = {json.dumps(event) for event in changed}
        file = tmp_path / "events" / f"{case['rule_id']}.ndjson"
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(line + "\n" for line in own_events[case["rule_id"]]), "utf-8")
        arguments += ["--rules", str(shared / "data" / "sigmahq" / case["rule"])]
    arguments += ["--events", str(tmp_path / "events")]

    result = CliRunner().invoke(main, arguments, catch_exceptions=False)

    assert result.exit_code == 0, result.output
    # By the event itself, not its file: two cases share an event, which is one event to us.
    found = {
        alert["rule_id"]
        for alert in map(json.loads, (tmp_path / "alerts.jsonl").read_text().splitlines())
        if any(event["raw"] in own_events[alert["rule_id"]] for event in alert["events"])
    }
    missed = {case["rule_id"]: case["title"] for case in cases if case["rule_id"] not in found}
    assert set(missed) == set(MISSING), missed
