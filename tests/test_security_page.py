"""SECURITY.md states the limits that the program enforces."""

from pathlib import Path

from sigma2hive import yamlmarks
from sigma2hive.alerts import builder, muting, observables, templates
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model import mapping_reading
from sigma2hive.repository import load_mappings
from sigma2hive.settings import secrets
from sigma2hive.sources import Limits


def test_the_limits_are_those_of_the_code(project_root: Path) -> None:
    text = (project_root / "SECURITY.md").read_text(encoding="utf-8")
    section = text.partition("## Limits\n")[2].partition("\n## ")[0]
    events, mappings = Limits(), load_mappings(None, Diagnostics())
    assert events.max_bytes == yamlmarks.MAX_FILE_BYTES == 1024 * 1024
    for stated in (
        f"1 MiB, {events.max_fields:,} values",
        f"{events.max_depth} levels deep",
        f"{yamlmarks.MAX_NODES:,} nodes, {yamlmarks.MAX_DEPTH} levels",
        f"{secrets.MAX_SECRET_BYTES // 1024} KiB",
        f"{builder.MAX_DESCRIPTION:,} characters",
        f"{mappings.alerts.raw_events} within {mappings.alerts.raw_characters:,}",
        f"{builder.MAX_TITLE} characters, {builder.MAX_TAG} characters, {builder.MAX_TAGS} tags",
        f"{mappings.observables.limit} (`limit`",
        f"{observables.MAX_DATA:,} characters each",
        f"{mapping_reading.MAX_TEMPLATE:,} characters, loops",
        f"{templates.MAX_VALUES} values, {templates.MAX_TEXT:,} characters of a value",
        f"{muting.MAX_VALUE} visible characters",
    ):
        assert stated in section
