"""Rules over raw Windows events through `run --events`, and what came out of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from sigma2hive.cli import main
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.conditions import Condition
from sigma2hive.model.rules import DetectionRule
from sigma2hive.repository import load_repository
from tests.bench.corpus import case_changed
from tests.regression.raw_events import is_decided_by_case, says

#: Rule id, and which of the events of its case.
Pair = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule file and raw events that it is tried on."""

    rule: Path
    rule_id: str
    condition: Condition
    events: tuple[dict[str, Any], ...]

    @property
    def changed(self) -> Trial:
        """The same with the letter case of every event value changed."""
        return replace(self, events=tuple(case_changed(event) for event in self.events))

    @property
    def is_decided_by_case(self) -> bool:
        """Whether the rule looks at letter case somewhere."""
        return is_decided_by_case(self.condition)

    @property
    def said(self) -> set[Pair]:
        """What the rule itself says of its events."""
        return {
            (self.rule_id, number)
            for number, event in enumerate(self.events)
            if says(self.condition, event)
        }


def load_trial(rule: Path, events: Iterable[dict[str, Any]]) -> Trial:
    """Read the file of one rule, to try it on raw events."""
    (loaded,) = load_repository([rule], rule.parent, {}, Diagnostics()).rules
    assert isinstance(loaded, DetectionRule)
    return Trial(rule, loaded.info.id, loaded.condition, tuple(events))


def found_by_run(cases: Sequence[Trial], profile: str, folder: Path) -> tuple[set[Pair], set[Pair]]:
    """Return which rules found which events: of their own case, and of others (by their number)."""
    folder.mkdir()
    alerts = folder / "alerts.jsonl"
    arguments = ["run", "--once", "--profile", profile, "--sink", f"jsonl:{alerts}"]
    raw: dict[str, list[str]] = {}
    for case in cases:
        raw[case.rule_id] = [json.dumps(event) for event in case.events]
        file = folder / "events" / f"{case.rule_id}.ndjson"
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(line + "\n" for line in raw[case.rule_id]), "utf-8")
        arguments += ["--rules", str(case.rule)]
    arguments += ["--events", str(folder / "events")]

    result = CliRunner().invoke(main, arguments, catch_exceptions=False)

    assert result.exit_code == 0, result.output
    own: set[Pair] = set()
    others: set[Pair] = set()
    for alert in map(json.loads, alerts.read_text("utf-8").splitlines()):
        rule_id = alert["rule_id"]
        for event in alert["events"]:
            # By the event itself, not its file: two cases may share one, which is one event to us.
            numbers = [n for n, line in enumerate(raw[rule_id]) if line == event["raw"]]
            own.update((rule_id, number) for number in numbers)
            if not numbers:
                others.add((rule_id, len(others)))
    return own, others
