"""The identity of alerts, which TheHive keeps for years."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.alerts.identity import source_ref
from sigma2hive.model.events import EventKey, EventKeyKind
from sigma2hive.model.identity import (
    episode_identity,
    event_identity,
    group_key,
    silence_identity,
    summary_identity,
)
from tests.alerts.matches import RULE_ID, alert_of, episode, event, match, rule

GOLDEN = Path(__file__).parents[1] / "golden" / "source_refs.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))


def identity_of(case: dict[str, Any]) -> Any:
    if case["kind"] == "summary":
        return summary_identity(
            case["rule_id"], case["severity"], case["start_seconds"] * 1_000_000_000
        )
    if case["kind"] == "silence":
        return silence_identity(case["pattern"], case["last_ns"])
    key = EventKey(EventKeyKind(case["key"][0]), tuple(case["key"][1:]))
    if case["kind"] == "event":
        return event_identity(case["rule_id"], key)
    return episode_identity(case["rule_id"], case["epoch"], group_key(dict(case["group"])), key)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_golden_source_refs_never_change(case: dict[str, Any]) -> None:
    found = replace(match(), identity=identity_of(case))
    assert source_ref(found) == case["source_ref"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_source_ref_can_be_recomputed_with_hashlib_and_json_alone(case: dict[str, Any]) -> None:
    value: list[Any]
    if case["kind"] == "summary":
        value = [1, "summary", case["rule_id"].lower(), case["severity"], case["start_seconds"]]
    elif case["kind"] == "silence":
        value = [1, "silence", case["pattern"], case["last_ns"]]
    elif case["kind"] == "event":
        value = [1, "event", case["rule_id"].lower(), case["key"]]
    else:
        group = sorted([name, case["folded"][value]] for name, value in case["group"])
        value = [1, "episode", case["rule_id"].lower(), case["epoch"], group, case["key"]]
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == case["source_ref"]


def test_the_golden_file_has_all_its_cases() -> None:
    assert len(CASES) == 13
    assert len({case["source_ref"] for case in CASES}) == 11  # two pairs mean the same


def test_a_changed_rule_text_keeps_the_alert() -> None:
    changed = rule(title="Other words", description="Other", tags=(), level=None)
    assert alert_of(match()).source_ref == alert_of(match(info=changed)).source_ref


def test_another_event_or_rule_is_another_alert() -> None:
    references = {
        alert_of(match(event(0))).source_ref,
        alert_of(match(event(1))).source_ref,
        alert_of(match(event(0), info=rule(id=RULE_ID.replace("7", "8", 1)))).source_ref,
        alert_of(episode(event(0))).source_ref,
    }
    assert len(references) == 4


def test_an_episode_that_grows_stays_the_same_alert() -> None:
    six = episode(*(event(n) for n in range(6)))
    seven = episode(*(event(n) for n in range(7)))
    assert alert_of(six).source_ref == alert_of(seven).source_ref


def test_the_source_ref_fits_thehive() -> None:
    assert len(alert_of(match()).source_ref) == 64
