"""One pass over events: alerts, the brute-force promise, and what a second pass does."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigma2hive.alerts import Detail
from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location, Severity
from sigma2hive.model.alerts import Alert
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.rules import Compiled
from sigma2hive.repository import load_mappings, load_repository
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.runner.state import EpisodeStore
from sigma2hive.schema import load_profile
from sigma2hive.sinks import Inbox, Outcome

SECOND = 1_000_000_000
MINUTE = 60
START = 1_764_000_000 * SECOND

RULES = """\
title: Failed logon
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
name: failed_logon
logsource: {product: windows, service: security}
level: low
detection:
    selection: {event.code: 4625}
    condition: selection
---
title: Many failed logons
id: 22222222-2222-4222-8222-222222222222
level: high
tags: [attack.credential-access, attack.t1110]
sigma2hive:
    title: 'Failed logons from {source.ip}'
correlation:
    type: event_count
    rules: [failed_logon]
    group-by: [source.ip]
    timespan: 10m
    condition: {gte: 6}
"""
PROFILE = """\
profile: site
title: A site's own
field_types: {source.ip: ip, event.code: keyword}
logsources:
    - {product: windows, service: security, indices: [site-*]}
"""


@pytest.fixture
def compiled(tmp_path: Path) -> Compiled:
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    (schemas / "site.yml").write_text(PROFILE)
    (tmp_path / "rules.yml").write_text(RULES)
    diagnostics = Diagnostics()
    profile = load_profile("site", schemas, diagnostics)
    assert profile is not None
    repository = load_repository([tmp_path / "rules.yml"], tmp_path, {}, diagnostics)
    made = compile_all(repository, profile, diagnostics)
    assert not list(diagnostics), [finding.message for finding in diagnostics]
    return made


def failed_logon(seconds: float, address: str = "192.0.2.7") -> Event:
    raw = f'{{"time": {seconds}, "source.ip": "{address}"}}'.encode()
    return Event(
        key=EventKey(EventKeyKind.CONTENT, (f"{seconds} {address}", "0")),
        time_ns=START + int(seconds * SECOND),
        values={
            "event.code": ("4625",),
            "source.ip": (address,),
            "user.name": ("anna",),
            "host.name": ("ws01.corp.example",),
        },
        raw=raw,
        origin="events.ndjson:1",
    )


def one_pass(
    compiled: Compiled,
    events: Iterable[Event | Diagnostic],
    sinks: Sequence[Inbox] = (),
    episodes: EpisodeStore | None = None,
) -> tuple[list[Alert], Summary]:
    diagnostics = Diagnostics()
    mappings = load_mappings(None, diagnostics)
    summary = Summary()
    work = Pass(compiled, mappings, sinks, episodes)
    return list(run_pass(work, events, summary)), summary


def test_six_failed_logons_are_one_alert_as_an_analyst_wants_it(compiled: Compiled) -> None:
    events = [failed_logon(number * MINUTE) for number in range(6)]
    (alert,), summary = one_pass(compiled, events)
    assert alert.title == "Failed logons from 192.0.2.7"
    assert alert.severity == 3
    assert alert.date_ns == START
    assert {(entry.data_type, entry.data) for entry in alert.observables} == {
        ("ip", "192.0.2.7"),
        ("other", "anna"),
        ("fqdn", "ws01.corp.example"),
    }
    assert [event.raw for event in alert.events] == [event.raw for event in events]
    assert [entry.pattern_id for entry in alert.procedures] == ["T1110"]
    assert (summary.events, summary.delivered.alerts) == (6, 1)


def test_alerts_that_nobody_reads_lack_what_was_not_asked_for_and_nothing_else(
    compiled: Compiled,
) -> None:
    events = [failed_logon(second) for second in range(6)]
    mappings = load_mappings(None, Diagnostics())
    loud = replace(compiled, rules=tuple(replace(rule, silent=False) for rule in compiled.rules))
    whole, counted, listed = (
        list(run_pass(Pass(loud, mappings, detail=detail), events, Summary()))
        for detail in (Detail.WHOLE, Detail.COUNTED, Detail.LISTED)
    )
    assert len(whole) == 7
    assert all("### Raw logs" in alert.description for alert in whole)
    assert counted == [replace(alert, description="") for alert in whole]
    empty = {"tags": (), "observables": (), "procedures": (), "external_link": ""}
    assert listed == [replace(alert, **empty) for alert in counted]
    assert any(alert.tags and alert.observables and alert.procedures for alert in counted)


@pytest.mark.parametrize(
    ("seconds", "alerts"),
    [
        ([number * MINUTE for number in range(5)], 0),
        ([number * 11 * MINUTE / 5 for number in range(6)], 0),
        ([number * 50 for number in range(7)], 1),
        ([number * 40 for number in range(12)], 1),
        (list(range(600)), 1),
    ],
)
def test_the_brute_force_promise(compiled: Compiled, seconds: list[float], alerts: int) -> None:
    found, _ = one_pass(compiled, [failed_logon(second) for second in seconds])
    assert len(found) == alerts
    assert all(len(alert.events) == len(seconds) for alert in found)


def test_a_second_pass_over_the_same_events_raises_nothing_new(
    compiled: Compiled, tmp_path: Path
) -> None:
    events = [failed_logon(second) for second in range(6)]
    for expected in (Outcome.STORED, Outcome.ALREADY_THERE):
        inbox = Inbox(tmp_path / "inbox.db")
        with EpisodeStore(tmp_path / "state.db") as episodes:
            _, summary = one_pass(compiled, events, [inbox], episodes)
        inbox.close()
        assert dict(summary.delivered.counts()["inbox"]) == {expected: 1}


def test_late_events_reach_the_same_alert(compiled: Compiled, tmp_path: Path) -> None:
    on_time = [failed_logon(100 + second) for second in range(6)]
    earlier, later = failed_logon(0), failed_logon(700)
    inbox = Inbox(tmp_path / "inbox.db")
    references = set()
    for events in (on_time, [*on_time, earlier], [later, *on_time, earlier]):
        with EpisodeStore(tmp_path / "state.db") as episodes:
            (alert,), _ = one_pass(compiled, events, [inbox], episodes)
        references.add(alert.source_ref)
    (summary,) = inbox.list_alerts()
    stored = inbox.load_alert(str(summary.number))
    inbox.close()
    assert len(references) == 1
    assert stored is not None
    assert len(stored.alert.events) == 8


def passes(compiled: Compiled, folder: Path, *batches: Iterable[float]) -> list[list[float]]:
    """Each batch of events (at these seconds) in a pass of its own; what the inbox then holds."""
    inbox = Inbox(folder / "inbox.db")
    for batch in batches:
        with EpisodeStore(folder / "state.db") as episodes:
            one_pass(compiled, [failed_logon(second) for second in batch], [inbox], episodes)
    alerts = [inbox.load_alert(str(entry.number)) for entry in inbox.list_alerts()]
    inbox.close()
    return sorted(
        [(event.time_ns - START) / SECOND for event in found.alert.events]
        for found in alerts
        if found is not None
    )


@pytest.mark.parametrize("late", [-594, -1, 3.5, 604, 20 * MINUTE - 1])
def test_an_event_that_comes_alone_later_reaches_its_alert(
    compiled: Compiled, tmp_path: Path, late: float
) -> None:
    # Six fire at second 5, in a window that began after second -595. The condition holds until
    # 10 min, when the first leaves the window, and the episode goes on until 20 min.
    burst = [0, 1, 2, 3, 4, 5]
    assert passes(compiled, tmp_path, burst, [late]) == [sorted([*burst, late])]


@pytest.mark.parametrize("far", [-595, 20 * MINUTE])
def test_an_event_outside_the_episode_reaches_no_alert(
    compiled: Compiled, tmp_path: Path, far: float
) -> None:
    burst = [0, 1, 2, 3, 4, 5]
    assert passes(compiled, tmp_path, burst, [far]) == [burst]


def test_an_event_of_another_group_reaches_no_alert(compiled: Compiled, tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox.db")
    six = [failed_logon(second) for second in range(6)]
    for events in (six, [failed_logon(7, "192.0.2.8")]):
        with EpisodeStore(tmp_path / "state.db") as episodes:
            one_pass(compiled, events, [inbox], episodes)
    (alert,) = inbox.list_alerts()
    inbox.close()
    assert alert.events == 6


def test_a_late_event_beside_a_new_episode_reaches_the_old_one(
    compiled: Compiled, tmp_path: Path
) -> None:
    old, new = list(range(6)), [3600 + second for second in range(6)]
    assert passes(compiled, tmp_path, old, [30, *new]) == [[*old, 30], new]


def test_a_late_event_leaves_the_words_of_the_whole_alert(
    compiled: Compiled, tmp_path: Path
) -> None:
    whole, late = [failed_logon(second) for second in range(6)], [failed_logon(7)]
    inbox = Inbox(tmp_path / "inbox.db")
    for events in (whole, late):
        with EpisodeStore(tmp_path / "state.db") as episodes:
            one_pass(compiled, events, [inbox], episodes)
    (entry,) = inbox.list_alerts()
    found = inbox.load_alert(str(entry.number))
    inbox.close()
    assert found is not None
    assert "Counted when it fired: 6" in found.alert.description
    assert len(found.alert.events) == 7


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.integers(0, 40 * MINUTE), st.booleans()), max_size=40, unique=True))
def test_reading_all_again_after_a_part_is_reading_all_at_once(
    compiled: Compiled, tmp_path_factory: pytest.TempPathFactory, events: list[tuple[int, bool]]
) -> None:
    everything = sorted(second + early / 2 for second, early in events)
    first = [second + early / 2 for second, early in events if early]
    folder = tmp_path_factory.mktemp("passes")
    once = passes(compiled, folder, everything)
    (folder / "again").mkdir()
    parts = passes(compiled, folder / "again", everything, first, everything)
    assert parts == once


def test_two_episodes_stay_two_when_the_first_ones_tail_begins_the_second(
    compiled: Compiled, tmp_path: Path
) -> None:
    # Six at 0 hold until 10 min; one at 12 min is the tail; five more at 20 to 21 min fire anew,
    # in a window that the tail's event begins.
    seconds = [*range(6), 12 * MINUTE, *(20 * MINUTE + 30 + number for number in range(5))]
    events = [failed_logon(second) for second in seconds]
    for _ in range(2):
        with EpisodeStore(tmp_path / "state.db") as episodes:
            alerts, _ = one_pass(compiled, events, [], episodes)
        assert len({alert.source_ref for alert in alerts}) == 2


def test_spellings_of_an_address_are_one_attacker(compiled: Compiled) -> None:
    spellings = ["192.0.2.7", "::ffff:192.0.2.7"] * 3
    events = [failed_logon(number, text) for number, text in enumerate(spellings)]
    found, _ = one_pass(compiled, events)
    assert [alert.title for alert in found] == ["Failed logons from 192.0.2.7"]


def test_an_event_that_was_put_aside_is_counted_and_the_rest_goes_on(compiled: Compiled) -> None:
    bad = Diagnostic("S2H501", Severity.ERROR, Location("e.ndjson", 3, 1), "not JSON")
    events: list[Event | Diagnostic] = [failed_logon(second) for second in range(6)]
    found, summary = one_pass(compiled, [*events[:3], bad, *events[3:]])
    assert len(found) == 1
    assert summary.events == 6
    assert list(summary.put_aside) == [bad]
