"""Published validators: what they say is told, and none of them asks the internet."""

import socket

import pytest

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.sigma.validators import validate
from sigma2hive.yamlmarks import parse_yaml

RULE = b"""\
title: Odd tool.
id: 11111111-1111-4111-8111-111111111111
status: test
tags: [attack.execution, attack.t1059.001]
logsource: {product: windows, service: security}
detection:
  selection: {EventID: 4625, Provider_Name: X, CommandLine|contains: odd}
  condition: selection
"""


def test_no_validator_asks_the_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def refuse(host: object, *rest: object, **options: object) -> None:
        asked.append(host)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    found = Diagnostics()
    validate(parse_yaml("windows/rule.yml", RULE, found), "sigmahq", found)
    assert asked == []
    names = {finding.hint.split()[2] for finding in found}
    assert "SigmahqTitleEnd" in names
