"""The filter that an alert offers: saved as it is, it mutes that alert and no other."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.alerts import Alert
from sigma2hive.model.events import Event
from sigma2hive.repository import load_repository
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.schema import load_profile
from tests.alerts.matches import MAPPINGS, event, event_with

RULE_ID = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"
BASE = f"""\
title: "Logon's: *"
id: {RULE_ID}
name: logon
logsource: {{product: windows, service: security}}
level: low
detection:
    selection: {{EventID: 4625}}
    condition: selection
"""


def correlation(group_by: str, aliases: str = "") -> str:
    return f"""\
---
title: Two logons
id: 22222222-2222-4222-8222-222222222222
level: high
correlation:
    type: event_count
    rules: [logon]
    group-by: [{group_by}]
    timespan: 10m
    condition: {{gte: 2}}
{aliases}"""


def logon(number: int = 0, **changes: str) -> Event:
    values = {
        "event.code": ("4625",),
        "winlog.channel": ("Security",),
        "host.name": ("dc01",),
        "user.name": ("anna",),
        "source.ip": ("203.0.113.5",),
        **{name.replace("__", "."): (value,) for name, value in changes.items()},
    }
    return replace(event(number), values=values)


def alerts_of(folder: Path, events: Sequence[Event]) -> list[Alert]:
    """Run every rule of a folder over the events; no finding may arise."""
    diagnostics = Diagnostics()
    profile = load_profile("winlogbeat", None, diagnostics)
    assert profile is not None
    repository = load_repository([folder], folder, {}, diagnostics)
    compiled = compile_all(repository, profile, diagnostics)
    assert [finding.message for finding in diagnostics] == []
    work = Pass(compiled, MAPPINGS, profile=profile)
    return list(run_pass(work, events, Summary()))


def filter_of(alert: Alert) -> str:
    found = re.search(r"```yaml\n(.*?)\n```", alert.description, re.DOTALL)
    assert found, alert.description
    return found[1]


def muted(folder: Path, rules: str, events: Sequence[Event]) -> tuple[list[Alert], list[Alert]]:
    """The alerts, and those that are left once the filter of the first is saved."""
    folder.mkdir(exist_ok=True)
    (folder / "rules.yml").write_text(rules, encoding="utf-8")
    (folder / "mute.yml").unlink(missing_ok=True)
    before = alerts_of(folder, events)
    (folder / "mute.yml").write_text(filter_of(before[0]), encoding="utf-8")
    return before, alerts_of(folder, events)


def test_a_single_alert_is_muted_and_its_neighbour_is_not(tmp_path: Path) -> None:
    events = [logon(0), logon(1, user__name="ben"), logon(2, source__ip="203.0.113.6")]
    before, after = muted(tmp_path, BASE, events)
    assert len(before) == 3
    assert [alert.source_ref for alert in after] == [alert.source_ref for alert in before[1:]]


def test_an_episode_is_muted_for_its_group_and_not_for_another(tmp_path: Path) -> None:
    events = [logon(n, source__ip=f"203.0.113.{n % 2}") for n in range(4)]
    before, after = muted(tmp_path, BASE + correlation("IpAddress"), events)
    assert len(before) == 2
    assert [alert.source_ref for alert in after] == [before[1].source_ref]


def test_an_alias_is_muted_by_the_field_that_it_stands_for(tmp_path: Path) -> None:
    aliases = "    aliases: {who: {logon: TargetUserName}}\n"
    name = "winlog.event_data.TargetUserName"
    events = [replace(logon(n), values={**logon().values, name: ("anna",)}) for n in range(2)]
    before, after = muted(tmp_path, BASE + correlation("who", aliases), events)
    assert (len(before), after) == (1, [])


def test_events_without_pipelines_are_muted_by_the_fields_that_they_have(tmp_path: Path) -> None:
    values: Mapping[str, tuple[str, ...]] = {
        "event.code": ("4625",),
        "winlog.channel": ("Security",),
        "winlog.event_data.IpAddress": ("::ffff:203.0.113.5",),
        "winlog.event_data.TargetUserName": ("anna",),
    }
    before, after = muted(tmp_path, BASE, [event_with(values)])
    assert (len(before), after) == (1, [])
    assert "IpAddress: '::ffff:203.0.113.5'" in filter_of(before[0])


def test_the_filter_is_the_same_each_time_and_its_id_follows_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(BASE)
    first, again, other = (
        filter_of(alerts_of(tmp_path, [logon(number, user__name=name)])[0])
        for number, name in ((0, "anna"), (5, "anna"), (0, "ben"))
    )
    assert first == again
    ids = [re.search(r"id: (\S+)", text) for text in (first, other)]
    assert all(ids)
    assert len({found[1] for found in ids if found}) == 2


HOSTILE = (
    "it's: #1",
    "a*b?c",
    r"\\srv\share\*",
    "C:\\dir\\",
    "*",
    "\\*",
    "- x",
    "{a: b}",
    "&a *a !!python/object",
    "%TEMP%",
    "null",
    "0x10",
    "'; rules: any",
    "äöü ſ K",
    "```",
)


@pytest.mark.parametrize("value", HOSTILE)
def test_any_value_mutes_itself_and_nothing_like_it(tmp_path: Path, value: str) -> None:
    events = [logon(0, user__name=value), logon(1, user__name=value + "x")]
    before, after = muted(tmp_path, BASE, events)
    assert [alert.source_ref for alert in after] == [before[1].source_ref]


@given(st.text("\\*?'\": #-a{}[]%&!|>@`,", min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_punctuation_mutes_itself_and_nothing_like_it(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    if value in ("", "-"):
        return
    events = [logon(0, user__name=value), logon(1, user__name=value + "\\")]
    before, after = muted(tmp_path_factory.mktemp("muted"), BASE, events)
    assert [alert.source_ref for alert in after] == [before[1].source_ref]


@pytest.mark.parametrize("value", ["a\nb", "a\u202eb", "a\x1b[31m", "x" * 600, "a\ud800"])
def test_a_value_that_cannot_be_written_gets_no_filter(tmp_path: Path, value: str) -> None:
    (tmp_path / "rules.yml").write_text(BASE)
    (alert,) = alerts_of(tmp_path, [logon(0, user__name=value)])
    assert "```yaml" not in alert.description
