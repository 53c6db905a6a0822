"""The table of ATT&CK: right tactics, successors of what was revoked, and nothing that hangs."""

import re

import pytest

from sigma2hive.model.attack import attack

#: From attack.mitre.org, version 19.
KNOWN = {
    "T1059.001": ("PowerShell", ("execution",)),
    "T1003.001": ("LSASS Memory", ("credential-access",)),
    "T1685.005": ("Clear Windows Event Logs", ("defense-impairment",)),
    "T1027": ("Obfuscated Files or Information", ("stealth",)),
    "T1078": (
        "Valid Accounts",
        ("initial-access", "persistence", "privilege-escalation", "stealth"),
    ),
}


@pytest.mark.parametrize("technique_id", KNOWN)
def test_a_technique_has_its_name_and_all_its_tactics(technique_id: str) -> None:
    found = attack().technique(technique_id)
    assert found is not None
    assert (found.name, found.tactics) == KNOWN[technique_id]


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("T1086", "T1059.001"),  # revoked when sub-techniques came
        ("T1562.001", "T1685"),  # revoked by v19
        ("T1574.002", "T1574.001"),
        ("T1089", "T1685"),  # became T1562.001, which was revoked too
    ],
)
def test_what_was_revoked_leads_to_what_took_its_place(former: str, now: str) -> None:
    found = attack().technique(former)
    assert found is not None
    assert found.id == now


def test_an_id_that_never_was_leads_nowhere() -> None:
    assert attack().technique("T9999") is None
    assert attack().techniques_in(["attack.t9999", "attack.g0016", "t1059"]) == ()


def test_a_former_tactic_is_the_two_that_it_became() -> None:
    names = [tactic.name for tactic in attack().tactics_in(["attack.defense_evasion"])]
    assert names == ["Stealth", "Defense Impairment"]


def test_the_table_is_whole() -> None:
    table = attack()
    assert len(table.techniques) > 650 and len(table.revoked) > 140 and len(table.tactics) == 15
    for technique in table.techniques.values():
        assert re.fullmatch(r"T\d{4}(\.\d{3})?", technique.id)
        assert technique.parent in table.techniques
        assert technique.tactics and set(technique.tactics) <= set(table.tactics)
    for former, now in table.revoked.items():
        assert former not in table.techniques and now in table.techniques
