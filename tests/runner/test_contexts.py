"""A pass over events of Winlogbeat without Elastic's pipelines: nothing is "unknown"."""

from pathlib import Path

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.repository import load_mappings, load_repository
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.schema import load_profile

RULES = """\
title: Failed logon
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
name: failed_logon
logsource: {product: windows, service: security}
level: low
detection:
    selection: {EventID: 4625}
    condition: selection
---
title: Many failed logons
id: 22222222-2222-4222-8222-222222222222
level: high
sigma2hive:
    title: 'Failed logons of {user.name} from {source.ip}'
correlation:
    type: event_count
    rules: [failed_logon]
    group-by: [IpAddress]
    timespan: 10m
    condition: {gte: 6}
"""


def failed_logon(minute: int) -> Event:
    return Event(
        key=EventKey(EventKeyKind.CONTENT, (str(minute), "0")),
        time_ns=1_764_000_000 * NANOSECONDS + minute * 60 * NANOSECONDS,
        values={
            "event.code": ("4625",),
            "winlog.channel": ("Security",),
            "winlog.event_data.IpAddress": ("::ffff:203.0.113.5",),
            "winlog.event_data.TargetUserName": ("anna",),
            "host.name": ("dc01",),
        },
        raw=b"{}",
    )


def test_a_correlation_names_who_and_where_without_pipelines(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    diagnostics = Diagnostics()
    profile = load_profile("winlogbeat", None, diagnostics)
    assert profile is not None
    repository = load_repository([tmp_path / "rules.yml"], tmp_path, {}, diagnostics)
    work = Pass(
        compile_all(repository, profile, diagnostics),
        load_mappings(None, diagnostics),
        profile=profile,
    )
    (alert,) = run_pass(work, [failed_logon(minute) for minute in range(6)], Summary())
    assert alert.title == "Failed logons of anna from 203.0.113.5"
    assert {(entry.data_type, entry.data) for entry in alert.observables} == {
        ("ip", "203.0.113.5"),
        ("hostname", "dc01"),
        ("other", "anna"),
    }
