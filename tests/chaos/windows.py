"""A site with SigmaHQ's Windows rules, and events for it: noise with attacks in it.

Takes the folder with the reference data; needs no test run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.noise import Noise
from bench.setting import profile_named, windows_mapping
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.sources import SourceOptions, read_events
from tests.compiler.index_mapping import SETTINGS
from tests.service.site import Site

_ROOT = Path(__file__).resolve().parents[2]
#: Fields that are lists even of one value, as ECS has them.
_LISTS = frozenset(("event.category", "event.type", "related.user", "related.ip", "related.hash"))
_PROFILE = """\
profile: site
title: A site's own
extends: [{base}]
logsources:
    - {{product: windows, indices: ["{pattern}"]}}
"""


def set_up_windows(site: Site, rules: Path) -> None:
    """Write a repository with the rules of a folder beside the site's own."""
    _set_up(site, rules, "winlogbeat", dict(windows_mapping(profile_named("winlogbeat"))))


def set_up_flat_windows(site: Site, rules: Path) -> None:
    """Write one for events that have Sigma's own names, which the index knows nothing of."""
    date = {"type": "date"}
    event = {"properties": {"ingested": date}}
    known = {"@timestamp": date, "event": event}
    _set_up(site, rules, "windows-flat", {"dynamic": False, "properties": known})


def _set_up(site: Site, rules: Path, base: str, mapping: Mapping[str, Any]) -> None:
    site.settings["rules"] = [str(site.folder / "sigma_rules"), str(rules.resolve())]
    profile = _PROFILE.replace("{base}", base)
    site.set_up(mapping=mapping, profile=profile, index_settings=SETTINGS)


def windows_events(count: int) -> Iterator[dict[str, Any]]:
    """Yield documents in Winlogbeat's shape; their times are of another day."""
    shared = Path(os.environ.get("SIGMA2HIVE_TEST_SHARED") or _ROOT.parent / "shared")
    options = SourceOptions(profile_named("winlogbeat").windows_events.value, shared)
    attacks = [
        event.values
        for event in read_events([shared / "data" / "regression"], options)
        if not isinstance(event, Diagnostic)
    ]
    yield from map(_as_indexed, Noise(attacks).documents(count))


def _as_indexed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document as a Beat writes it: objects in objects, a list where there are more."""
    indexed: dict[str, Any] = {}
    for path, values in document.items():
        *objects, name = path.split(".")
        place = indexed
        for key in objects:
            place = place.setdefault(key, {})
        is_one = isinstance(values, list) and len(values) == 1 and path not in _LISTS
        place[name] = values[0] if is_one else values
    return indexed
