"""A site with SigmaHQ's Windows rules, and events for it: noise with attacks in it.

Takes the folder with the reference data; needs no test run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.noise import Noise
from bench.setting import profile_named, windows_mapping
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.sources import SourceOptions, read_events
from tests.compiler.index_mapping import SETTINGS
from tests.service.site import Site

_ROOT = Path(__file__).resolve().parents[2]
_PROFILE = """\
profile: site
title: A site's own
extends: [winlogbeat]
logsources:
    - {{product: windows, indices: ["{pattern}"]}}
"""


def set_up_windows(site: Site, rules: Path) -> None:
    """Write a repository with the rules of a folder beside the site's own."""
    site.settings["rules"] = [str(site.folder / "sigma_rules"), str(rules.resolve())]
    mapping = dict(windows_mapping(profile_named("winlogbeat")))
    site.set_up(mapping=mapping, profile=_PROFILE, index_settings=SETTINGS)


def windows_events(count: int) -> Iterator[dict[str, Any]]:
    """Yield documents in Winlogbeat's shape; their times are of another day."""
    shared = Path(os.environ.get("SIGMA2HIVE_TEST_SHARED") or _ROOT.parent / "shared")
    options = SourceOptions(profile_named("winlogbeat").windows_events.value, shared)
    attacks = [
        event.values
        for event in read_events([shared / "data" / "regression"], options)
        if not isinstance(event, Diagnostic)
    ]
    yield from Noise(attacks).documents(count)
