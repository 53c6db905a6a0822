"""The regression cases of SigmaHQ: a rule and the raw Windows events of its own attack.

Takes the folder with the reference data; gives cases, and their events in another letter case.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigma2hive.model.conditions import Condition, Regex, Text, atoms_of


@dataclass(frozen=True, slots=True)
class Case:
    """A regression case; `rule` is the path of the rule's file, `lines` its events as JSON."""

    rule_id: str
    title: str
    rule: Path
    lines: tuple[str, ...]

    @property
    def events(self) -> list[Any]:
        """The raw events, parsed afresh."""
        return [json.loads(line) for line in self.lines]


def regression_cases(shared: Path) -> Iterator[Case]:
    """Yield the cases; not every event of one is an attack, but at least one is."""
    folder = shared / "data" / "regression"
    for entry in json.loads((folder / "index.json").read_text("utf-8")):
        lines = (folder / f"{entry['rule_id']}.ndjson").read_text("utf-8").splitlines()
        rule = shared / "data" / "sigmahq" / entry["rule"]
        yield Case(entry["rule_id"], entry["title"], rule, tuple(lines))


def case_changed(value: Any, kept: frozenset[str] = frozenset(), key: str = "") -> Any:
    """Return a raw event with the case of every letter changed, except in the fields `kept`."""
    if isinstance(value, dict):
        return {
            name: child
            if name in kept or name == "TimeCreated"
            else case_changed(child, kept, name)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [case_changed(child, kept, key) for child in value]
    return value.swapcase() if isinstance(value, str) else value


def cased_fields(condition: Condition) -> frozenset[str]:
    """Return the Sigma fields, named as in the raw event, whose letter case the rule looks at."""
    return frozenset(
        atom.name
        for atom in atoms_of(condition)
        if atom.name is not None
        and (
            (isinstance(atom.test, Text) and atom.test.cased)
            or (isinstance(atom.test, Regex) and not atom.test.ignore_case)
        )
    )
