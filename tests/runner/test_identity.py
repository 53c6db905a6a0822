"""From an event as it came and a rule as it is written to the sourceRef that TheHive keeps.

What stands in tests/golden/identity never changes: other values would make every alert that TheHive
has a new one. The keys and digests there were made apart from this code.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.model.events import Event
from sigma2hive.repository import load_mappings, load_repository
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.schema import load_profile
from sigma2hive.sources import SourceOptions, read_events

GOLDEN = Path(__file__).parents[1] / "golden" / "identity"
EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))


def digest(value: object) -> str:
    """The digest of canonical JSON, with nothing of ours."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def source_refs(name: str, profile_name: str) -> list[str]:
    diagnostics = Diagnostics()
    profile = load_profile(profile_name, None, diagnostics)
    assert profile is not None
    repository = load_repository([GOLDEN / "rules.yml"], GOLDEN, {}, diagnostics)
    compiled = compile_all(repository, profile, diagnostics)
    options = SourceOptions(flavour=profile.windows_events, root=GOLDEN)
    found: list[Event | Diagnostic] = list(read_events([GOLDEN / f"{name}.ndjson"], options))
    work = Pass(compiled, load_mappings(None, diagnostics))
    alerts = list(run_pass(work, found, Summary()))
    assert not list(diagnostics)
    return [alert.source_ref for alert in alerts]


@pytest.mark.parametrize("name", EXPECTED["files"])
def test_an_alert_of_an_event_file_keeps_its_source_ref(name: str) -> None:
    case = EXPECTED["files"][name]
    assert source_refs(name, case["profile"]) == [entry["source_ref"] for entry in case["alerts"]]


@pytest.mark.parametrize("name", EXPECTED["files"])
def test_every_golden_digest_follows_from_what_stands_beside_it(name: str) -> None:
    epoch = digest(EXPECTED["epoch_of"])
    for alert in EXPECTED["files"][name]["alerts"]:
        assert digest(alert["identity"]) == alert["source_ref"]
        if alert["identity"][1] == "episode":
            assert alert["identity"][3] == epoch


def test_every_kind_of_key_has_its_golden_file() -> None:
    kinds = {case["alerts"][0]["identity"][3][0] for case in EXPECTED["files"].values()}
    assert kinds == {"windows", "content", "elasticsearch"}
    assert {path.stem for path in GOLDEN.glob("*.ndjson")} == set(EXPECTED["files"])
