"""ATT&CK procedures from Sigma tags."""

import pytest

from sigma2hive.alerts.procedures import attack_links, procedures_of
from sigma2hive.model.alerts import Procedure
from tests.alerts.matches import START_NS, alert_of, match, rule


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (("attack.t1110.003",), [("T1110.003", "")]),
        (("attack.credential-access", "attack.t1110"), [("T1110", "credential-access")]),
        (("attack.credential_access", "attack.T1110"), [("T1110", "credential-access")]),
        (
            ("attack.execution", "attack.t1059", "attack.t1059.001"),
            [("T1059", "execution"), ("T1059.001", "execution")],
        ),
        # A scheduled task serves all three in ATT&CK, so which one is meant is not known.
        (("attack.execution", "attack.persistence", "attack.t1053.005"), [("T1053.005", "")]),
        # A service stopped is impact and nothing else, a shell is execution.
        (
            ("attack.execution", "attack.impact", "attack.t1059", "attack.t1489"),
            [("T1059", "execution"), ("T1489", "impact")],
        ),
        (("attack.execution", "attack.t1110"), [("T1110", "")]),
        # ATT&CK 19 split it; TheHive's catalogue may still have the one.
        (("attack.defense-evasion", "attack.t1027"), [("T1027", "defense-evasion")]),
        (("attack.stealth", "attack.execution", "attack.t1027"), [("T1027", "stealth")]),
        (("attack.execution", "attack.t9999"), [("T9999", "")]),
        (("attack.execution", "attack.magic", "attack.t1059"), [("T1059", "execution")]),
        (("attack.t1059", "attack.t1059"), [("T1059", "")]),
        (("attack.execution", "attack.g0016", "cve.2021.44228"), []),
        (("attack.t12", "attack.t1059x", "xattack.t1059", "attack.t1059.1"), []),
    ],
)
def test_procedures(tags: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    made = procedures_of(tags, START_NS)
    assert [(entry.pattern_id, entry.tactic) for entry in made] == expected


def test_a_procedure_happened_when_the_first_event_did() -> None:
    assert alert_of(match()).procedures == (Procedure("T1110.003", START_NS, "credential-access"),)


def test_techniques_groups_and_software_are_linked() -> None:
    alert = alert_of(match(info=rule(tags=("attack.t1059.001", "attack.g0016", "attack.s0002"))))
    assert attack_links(alert.tags) == (
        "[T1059.001](https://attack.mitre.org/techniques/T1059/001/)",
        "[G0016](https://attack.mitre.org/groups/G0016/)",
        "[S0002](https://attack.mitre.org/software/S0002/)",
    )
    assert "https://attack.mitre.org/techniques/T1059/001/" in alert.description
