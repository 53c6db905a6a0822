"""How many of SigmaHQ's rules have a place: a change of a profile cannot lose any unseen."""

from collections import Counter
from pathlib import Path

import pytest

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.profiles import Logsource
from sigma2hive.schema import load_profile
from sigma2hive.yamlmarks import parse_yaml


@pytest.fixture(scope="module")
def logsources(shared: Path) -> Counter[Logsource]:
    counted: Counter[Logsource] = Counter()
    for path in sorted((shared / "data" / "sigmahq").rglob("*.yml")):
        for document in parse_yaml(path.name, path.read_bytes(), Diagnostics()):
            named = document.value.get("logsource")
            if isinstance(named, dict):
                parts = (named.get(key) for key in ("product", "category", "service"))
                counted[Logsource(*parts)] += 1
    assert counted.total() == 3780
    return counted


#: Log sources that no integration of Elastic brings, so that no row could be supported by facts:
#: honeypots, RPC Firewall's unnamed event strings, Entra PIM alerts, OneLogin, Qualys,
#: GlobalProtect's own logs, other vendors' BGP, "any application with SQL".
HOMELESS = {
    Logsource("opencanary", "application"): 24,
    Logsource("rpc_firewall", "application"): 17,
    Logsource("azure", service="pim"): 7,
    Logsource("onelogin", service="onelogin.events"): 2,
    Logsource("qualys"): 2,
    Logsource("paloalto", "appliance", "globalprotect"): 1,
    Logsource("paloalto", "file_event", "globalprotect"): 1,
    Logsource("huawei", service="bgp"): 1,
    Logsource("juniper", service="bgp"): 1,
    Logsource("sql", "application"): 1,
}


@pytest.mark.parametrize("name", ["elastic-agent", "ecs"])
def test_only_what_no_integration_brings_has_no_place(
    name: str, logsources: Counter[Logsource]
) -> None:
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    homeless = {
        logsource: count
        for logsource, count in logsources.items()
        if profile.place(logsource) is None and logsource.product != "windows"
    }
    assert homeless == HOMELESS


@pytest.mark.parametrize("name", ["winlogbeat", "elastic-agent", "ecs"])
def test_windows_rules_have_a_place(name: str, logsources: Counter[Logsource]) -> None:
    # 2,872 of SigmaHQ's rules are for Windows; the floor leaves room for a log source whose events
    # turn out to be in no event log.
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    windows = {key: count for key, count in logsources.items() if key.product == "windows"}
    placed = sum(count for key, count in windows.items() if profile.place(key) is not None)
    assert placed >= 0.99 * sum(windows.values())
