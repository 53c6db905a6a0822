"""`run` as a service, before it has read anything."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from sigma2hive.cli import main
from sigma2hive.cli.exits import Exit

RULE = """\
title: Failed logon
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
level: low
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4625}
    condition: selection
"""
NOTHING_ANSWERS = "http://127.0.0.1:1"


def test_a_dry_run_beside_a_service_leaves_its_metrics_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "rule.yml").write_text(RULE)
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as service:
        address = f"127.0.0.1:{service.getsockname()[1]}"
        (tmp_path / "sigma2hive.yml").write_text(
            f"elasticsearch: {{urls: ['{NOTHING_ANSWERS}']}}\nservice: {{metrics: '{address}'}}\n"
        )
        dry = CliRunner().invoke(main, ["run", "--once", "--dry-run"])
        service_beside_it = CliRunner().invoke(main, ["run", "--once"])
    assert dry.exit_code == Exit.UNREACHABLE, dry.output
    assert service_beside_it.exit_code == Exit.CONFIGURATION
