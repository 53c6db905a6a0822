"""Alerts of every kind of correlation keep their sourceRef: what is golden here never changes.

The events, what each correlation asks and what it comes to were worked out by hand; the digests are
made of them here, with nothing of ours.
"""

import json
from pathlib import Path
from typing import Any

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.model.events import Event
from sigma2hive.model.rules import CorrelationKind
from sigma2hive.repository import load_mappings, load_repository
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.schema import load_profile
from sigma2hive.sources import SourceOptions, read_events
from tests.runner.test_identity import EXPECTED as EVENT_COUNT
from tests.runner.test_identity import digest

GOLDEN = Path(__file__).parents[1] / "golden" / "correlations"
EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))
PROFILE = """\
profile: site
title: A site's own
field_types: {bytes: double, user: keyword, host: keyword, action: keyword}
logsources:
    - {product: site, indices: [site-*]}
"""


def test_every_kind_keeps_its_source_refs_and_figures(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text(PROFILE)
    diagnostics = Diagnostics()
    profile = load_profile("site", tmp_path, diagnostics)
    assert profile is not None
    repository = load_repository([GOLDEN / "rules.yml"], GOLDEN, {}, diagnostics)
    compiled = compile_all(repository, profile, diagnostics)
    events: list[Event | Diagnostic] = list(
        read_events([GOLDEN / "events.ndjson"], SourceOptions(root=GOLDEN))
    )
    keys = {event.key.parts[1]: event.key.as_json() for event in events if isinstance(event, Event)}
    alerts = list(run_pass(Pass(compiled, load_mappings(None, diagnostics)), events, Summary()))
    assert not list(diagnostics)
    found = {alert.title.partition(":")[0]: alert for alert in alerts}
    assert set(found) == set(EXPECTED)
    for title, case in EXPECTED.items():
        correlation = next(c for c in compiled.correlations if c.info.title == title)
        name = correlation.group_by[0][0]
        identity = [
            *(1, "episode", correlation.info.id, digest(case["epoch_of"])),
            *([[name, "anna"]], keys[case["first"]]),
        ]
        assert found[title].source_ref == digest(identity), title
        assert f"- {case['told']}\n" in found[title].description, title


def test_every_kind_has_its_golden_case() -> None:
    kinds = {case["epoch_of"][1] for case in EXPECTED.values()} | {EVENT_COUNT["epoch_of"][1]}
    assert kinds == set(CorrelationKind)
