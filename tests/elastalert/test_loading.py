"""Every file that is written for SigmaHQ's rules is loaded by the real ElastAlert 2, in one go."""

from pathlib import Path

import pytest

from tests.bench.elastalert_program import Elastalert
from tests.elastalert.station import compiled


def test_all_files_for_sigmahq_are_loaded(
    shared: Path, elastalert: Elastalert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rules = str(shared / "data" / "sigmahq" / "rules")
    folder = compiled(tmp_path, "--rules", rules, "--profile", "winlogbeat")
    written = sorted(path.stem for path in folder.glob("*.yml"))
    assert len(written) > 1_500
    config = {
        "rules_folder": str(folder),
        "run_every": {"minutes": 1},
        "buffer_time": {"minutes": 15},
        "es_host": "127.0.0.1",
        "es_port": 9,
        "writeback_index": "elastalert",
    }
    environment = {
        # Whatever a rule says of variables stays as it is.
        "HOME": "/nobody",
        "SIGMA2HIVE_THEHIVE_URL": "https://thehive.example",
        "SIGMA2HIVE_THEHIVE_API_KEY": "key",
        # Nobody is asked.
        "ES_VERSION": "9.3.2",
    }
    ran = elastalert.run(config, environment)
    assert sorted(ran.rules) == written
    assert not ran.disabled
