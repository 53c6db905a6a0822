"""docs/mappings.md says what the code does: its examples load, and its tables are complete."""

import re
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.alerts import check_custom, check_mappings
from sigma2hive.alerts.description import SECTIONS
from sigma2hive.alerts.facts import RULE_KEYS
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.mapping_reading import ROW_KEYS, SETTINGS_KEYS
from sigma2hive.model.mappings import OWN_TYPES, SERVER_TYPES
from sigma2hive.model.rules import RuleInfo
from sigma2hive.repository.mappings import load_mappings
from sigma2hive.yamlmarks import parse_yaml


@pytest.fixture
def page(project_root: Path) -> str:
    return (project_root / "docs" / "mappings.md").read_text(encoding="utf-8")


def examples(page: str) -> list[str]:
    return re.findall(r"(?ms)^```yaml\n(.*?)^```", page)


def test_the_examples_load(page: str, tmp_path: Path) -> None:
    observables, alerts, rule = examples(page)
    (tmp_path / "observables.yml").write_text(observables, encoding="utf-8")
    (tmp_path / "alerts.yml").write_text(alerts, encoding="utf-8")
    diagnostics = Diagnostics()
    mappings = load_mappings(tmp_path, diagnostics)
    check_mappings(mappings, diagnostics)
    (document,) = parse_yaml("rule.yml", rule.encode(), diagnostics)
    value: dict[str, Any] = document.value
    info = RuleInfo(value["id"], value["title"], Location("x"), custom=value["sigma2hive"])
    check_custom(info, diagnostics)
    assert list(diagnostics) == []
    assert set(value["sigma2hive"]) == {*SETTINGS_KEYS, "observables"} - {"pap"}


def test_every_key_type_variable_and_section_is_told(page: str) -> None:
    words = set(re.findall(r"[\w-]+", page))
    names = {*ROW_KEYS, *SETTINGS_KEYS, *SERVER_TYPES, *OWN_TYPES, *SECTIONS, *RULE_KEYS}
    assert names - words == set()
