"""Correlations over events that carry Sigma's own names: any name is a field, and '' is none."""

from pathlib import Path

import pytest

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.engine import group_values
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.rules import Compiled
from sigma2hive.model.values import flatten
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile

RULE_ID = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"
RULES = f"""\
title: Logon
id: {RULE_ID}
name: logon
level: low
logsource: {{product: windows, service: security}}
detection:
    selection: {{EventID: 4625}}
    condition: selection
---
title: Many
id: 22222222-2222-4222-8222-222222222222
level: high
correlation:
    type: event_count
    rules: [logon]
    group-by: [NAME]
    timespan: 10m
    condition: {{gte: 6}}
"""


def compiled(
    folder: Path, name: str, profile_name: str = "windows-flat"
) -> tuple[Compiled, Diagnostics]:
    (folder / "rules.yml").write_text(RULES.replace("NAME", name))
    diagnostics = Diagnostics()
    profile = load_profile(profile_name, None, diagnostics)
    assert profile is not None
    repository = load_repository([folder / "rules.yml"], folder, {}, diagnostics)
    return compile_all(repository, profile, diagnostics), diagnostics


# Computer is read for ComputerName, too; the others stand in no list of the profile.
@pytest.mark.parametrize("name", ["IpAddress", "TargetUserName", "Computer", "ProcessName"])
def test_grouping_by_a_name_of_windows_is_fine(tmp_path: Path, name: str) -> None:
    _, diagnostics = compiled(tmp_path, name)
    assert [finding.message for finding in diagnostics] == []


@pytest.mark.parametrize("profile_name", ["windows-flat", "winlogbeat", "ecs"])
def test_grouping_by_a_name_in_another_case_is_told(tmp_path: Path, profile_name: str) -> None:
    (finding,) = compiled(tmp_path, "eventid", profile_name)[1]
    assert finding.code == "S2H209"
    assert "'EventID'" in finding.hint


def test_an_empty_text_makes_no_group_where_it_says_nothing(tmp_path: Path) -> None:
    (correlation,) = compiled(tmp_path, "IpAddress")[0].correlations
    ((_, by_rule),) = correlation.group_by
    key = EventKey(EventKeyKind.CONTENT, ("x", "0"))

    def groups(address: str) -> set[str]:
        event = Event(key, 0, flatten({"EventID": 4625, "IpAddress": address}), b"")
        return set(group_values(by_rule[RULE_ID], event))

    assert groups("") == set()
    assert groups("10.0.0.1") == {"10.0.0.1"}
