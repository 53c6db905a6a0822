"""Correlations of other kinds and chains from YAML to alerts, over several passes.

Events are of user anna unless they say otherwise. Times are in seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.alerts import Alert
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.rules import Compiled
from sigma2hive.repository import load_mappings, load_repository
from sigma2hive.runner.narrowing import plan_narrowing
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.runner.state import EpisodeStore, StoredEpisode
from sigma2hive.runner.store.schema import SCHEMA
from sigma2hive.schema import load_profile
from sigma2hive.sinks import Inbox
from sigma2hive.storage import open_database
from tests.runner.correlating.world import PROFILE, joined, rule

SECOND = 1_000_000_000
START = 1_764_000_000 * SECOND
Compile = Callable[..., Compiled]


@pytest.fixture
def made(tmp_path: Path) -> Compile:
    """What compiles rules from YAML."""

    def compiled(*documents: str) -> Compiled:
        (tmp_path / "site.yml").write_text(PROFILE)
        (tmp_path / "rules.yml").write_text("---\n".join(documents))
        diagnostics = Diagnostics()
        profile = load_profile("site", tmp_path, diagnostics)
        assert profile is not None
        repository = load_repository([tmp_path / "rules.yml"], tmp_path, {}, diagnostics)
        result = compile_all(repository, profile, diagnostics)
        assert not list(diagnostics), [finding.message for finding in diagnostics]
        return result

    return compiled


def event(seconds: float, action: str, **values: str) -> Event:
    fields = {"user": "anna", "host": "h1", "action": action, **values}
    told = "|".join(f"{name}={value}" for name, value in fields.items())
    return Event(
        key=EventKey(EventKeyKind.CONTENT, (f"{seconds} {told}", "0")),
        time_ns=START + int(seconds * SECOND),
        values={name: (value,) for name, value in fields.items()},
        raw=told.encode(),
    )


def many(action: str, *seconds: float, **values: str) -> list[Event]:
    return [event(second, action, **values) for second in seconds]


def alerts_of(
    compiled: Compiled,
    events: Iterable[Event],
    episodes: EpisodeStore | None = None,
    sinks: tuple[Inbox, ...] = (),
    summary: Summary | None = None,
) -> list[Alert]:
    diagnostics = Diagnostics()
    work = Pass(compiled, load_mappings(None, diagnostics), sinks, episodes)
    return list(run_pass(work, list(events), summary or Summary()))


def seconds_of(alert: Alert) -> list[float]:
    return [(entry.time_ns - START) / SECOND for entry in alert.events]


SPRAY = joined("spray", "value_count", "failed", "condition: {field: account, gte: 5}")
BREAK_IN = joined("break in", "temporal_ordered", "failed, worked")
UPLOAD = joined("upload", "value_sum", "sent", "condition: {field: bytes, gt: 1000}")


def test_five_accounts_from_one_address_are_one_alert_that_names_them(made: Compile) -> None:
    spray = SPRAY.replace("[user]", "[address]")
    events = [event(n, "failed", account=f"u{n % 6}", address="192.0.2.7") for n in range(30)]
    others = [event(n, "failed", account=f"u{n % 4}", address="192.0.2.8") for n in range(30)]
    (alert,) = alerts_of(made(rule("failed"), spray), [*events, *others])
    assert len(alert.events) == 30
    assert "- Limit: at least 5 different values of `account` within 10 min" in alert.description
    assert "- Counted when it fired: 5 different values of `account`" in alert.description
    assert "- Values of `account`: `u0`, `u1` +4 more" in alert.description


def test_failed_and_then_worked_is_one_alert_and_the_other_way_round_is_none(
    made: Compile,
) -> None:
    compiled = made(rule("failed"), rule("worked"), BREAK_IN)
    (alert,) = alerts_of(compiled, [*many("failed", 0, 5, 9), *many("worked", 20)])
    assert seconds_of(alert) == [0, 5, 9, 20]
    assert "- Limit: all 2 rules in order within 10 min" in alert.description
    assert "- Asked for: 'The failed', then 'The worked'" in alert.description
    # Why it matched is told of each of the rules.
    assert "`failed`" in alert.description and "`worked`" in alert.description
    assert alerts_of(compiled, [*many("worked", 0), *many("failed", 5, 9)]) == []
    assert alerts_of(compiled, [*many("failed", 0), *many("worked", 600)]) == []
    other = many("worked", 20, user="ben")
    assert alerts_of(compiled, [*many("failed", 0), *other]) == []


def test_a_sum_tells_what_it_came_to_and_what_was_no_number(made: Compile) -> None:
    summary = Summary()
    sizes = ["400", "600.5", "n/a", "10"]
    events = [event(n, "sent", bytes=size) for n, size in enumerate(sizes)]
    (alert,) = alerts_of(made(rule("sent"), UPLOAD), events, summary=summary)
    assert "- Limit: sum of `bytes` of more than 1,000 within 10 min" in alert.description
    assert "- Sum of `bytes` when it fired: 1,000.5" in alert.description
    (lacking,) = summary.ungrouped
    assert (lacking.field, lacking.count, lacking.example) == ("bytes", 1, "n/a")


@pytest.mark.parametrize(
    ("correlation", "events", "late"),
    [
        (
            SPRAY,
            [event(n, "failed", account=f"u{n}") for n in range(5)],
            event(-3, "failed", account="u9"),
        ),
        (BREAK_IN, [*many("failed", 0), *many("worked", 9)], event(5, "failed")),
        (
            UPLOAD,
            [event(n, "sent", bytes="300.25") for n in range(4)],
            event(-60, "sent", bytes="1"),
        ),
        (
            joined("average", "value_avg", "sent", "condition: {field: bytes, gte: 100}"),
            [event(n, "sent", bytes="300") for n in range(4)],
            event(1.5, "sent", bytes="1"),
        ),
        (
            joined("both", "temporal", "failed, worked"),
            [*many("worked", 0), *many("failed", 9)],
            event(-5, "worked"),
        ),
    ],
)
def test_late_events_reach_the_alert_that_there_is_and_make_no_other(
    made: Compile, tmp_path: Path, correlation: str, events: list[Event], late: Event
) -> None:
    compiled = made(rule("failed"), rule("worked"), rule("sent"), correlation)
    compiled = Compiled(compiled.rules, tuple(c for c in compiled.correlations), compiled.left_out)
    inbox = Inbox(tmp_path / "inbox.db")
    references = set()
    for batch in (events, [late], [*events, late], [late, *events]):
        with EpisodeStore(tmp_path / "state.db") as episodes:
            found = alerts_of(compiled, batch, episodes, (inbox,))
        found = [alert for alert in found if alert.rule_id.startswith("c")]
        (alert,) = found
        references.add(alert.source_ref)
    stored = [inbox.load_alert(str(entry.number)) for entry in inbox.list_alerts()]
    inbox.close()
    kept = [entry for entry in stored if entry and entry.alert.rule_id.startswith("c")]
    assert len(references) == 1
    assert len(kept) == 1
    assert len(kept[0].alert.events) == len(events) + 1


MANY = joined("many", "event_count", "failed", "condition: {gte: 3}")
CHAIN = joined("chain", "temporal_ordered", "many, worked")


def test_a_chain_is_one_alert_with_all_that_led_to_it(made: Compile) -> None:
    compiled = made(rule("failed"), rule("worked"), MANY, CHAIN)
    (alert,) = alerts_of(compiled, [*many("failed", 0, 1, 2), *many("worked", 9)])
    assert alert.title == "chain"
    assert seconds_of(alert) == [0, 1, 2, 9]
    assert "- Asked for: 'Many', then 'The worked'" in alert.description
    # What is counted is silent, and two failures are not many.
    assert alerts_of(compiled, many("failed", 0, 1, 2)) == []
    assert alerts_of(compiled, [*many("failed", 0, 1), *many("worked", 9)]) == []
    assert alerts_of(compiled, [*many("worked", 0), *many("failed", 1, 2, 3)]) == []


def test_success_at_the_end_of_a_long_attack_is_seen(made: Compile) -> None:
    # The attack is one episode that began three hours ago; it held until just now.
    compiled = made(rule("failed"), rule("worked"), MANY, CHAIN)
    attack = many("failed", *range(0, 3 * 3600, 60))
    (alert,) = alerts_of(compiled, [*attack, *many("worked", 3 * 3600)])
    assert seconds_of(alert)[-1] == 3 * 3600


def test_what_a_chain_counts_may_alert_for_itself(made: Compile) -> None:
    compiled = made(
        rule("failed"),
        rule("worked"),
        MANY,
        CHAIN.replace("timespan", "generate: true\n    timespan"),
    )
    found = alerts_of(compiled, [*many("failed", 0, 1, 2), *many("worked", 9)])
    assert sorted(alert.title for alert in found) == [
        "The worked: anna",
        "chain",
        "many",
    ] or sorted(alert.title for alert in found)[-2:] == ["chain", "many"]


def test_an_attack_however_long_is_one_of_those_that_a_chain_counts(made: Compile) -> None:
    spread = joined("spread", "event_count", "many", "condition: {gte: 2}", group_by="user")
    by_host = MANY.replace("[user]", "[user, host]")
    compiled = made(rule("failed"), by_host, spread)
    assert alerts_of(compiled, many("failed", *range(100))) == []
    two = [*many("failed", *range(50)), *many("failed", 60, 61, 62, host="h2")]
    (alert,) = alerts_of(compiled, two)
    assert len(alert.events) == 53
    assert "- Counted when it fired: 2 episodes" in alert.description


def test_hosts_under_attack_are_counted_by_the_group_that_attacks_them(made: Compile) -> None:
    hosts = joined(
        "hosts", "value_count", "many", "condition: {field: host, gte: 2}", group_by="user"
    )
    compiled = made(rule("failed"), MANY.replace("[user]", "[user, host]"), hosts)
    two = [*many("failed", 0, 1, 2), *many("failed", 3, 4, 5, host="h2")]
    (alert,) = alerts_of(compiled, two)
    assert len(alert.events) == 6
    # A third host with two failures is not under attack.
    lone = [*many("failed", 0, 1, 2), *many("failed", 3, 4, host="h2")]
    assert alerts_of(compiled, lone) == []


def test_a_chain_groups_by_a_field_that_what_it_counts_does_not_group_by(made: Compile) -> None:
    by_host = MANY.replace("[user]", "[host]")
    compiled = made(rule("failed"), rule("worked"), by_host, CHAIN)
    events = [
        *many("failed", 0, 1, user="ben"),
        *many("failed", 2),
        *many("worked", 9),
        *many("worked", 10, user="ben"),
    ]
    # Three failures on the host: the third was anna's, and with it the condition held.
    (alert,) = alerts_of(compiled, events)
    assert seconds_of(alert) == [0, 1, 2, 9]


def test_a_chain_of_chains_holds_all_the_way_down(made: Compile) -> None:
    last = joined("last", "temporal_ordered", "chain, sent")
    compiled = made(rule("failed"), rule("worked"), rule("sent"), MANY, CHAIN, last)
    story = [*many("failed", 0, 1, 2), *many("worked", 9), *many("sent", 500)]
    (alert,) = alerts_of(compiled, story)
    assert (alert.title, seconds_of(alert)) == ("last", [0, 1, 2, 9, 500])


def test_the_order_of_reading_changes_nothing_in_a_chain(made: Compile) -> None:
    compiled = made(rule("failed"), rule("worked"), MANY, CHAIN)
    story = [
        *many("failed", 0, 1, 2, 3, 700, 701, 1500, 1501, 1502),
        *many("failed", 2, 3, 5, user="ben"),
        *many("worked", 4, 800, 1600),
        *many("worked", 4, user="ben"),
        *many("worked", 30, user="ben"),
    ]
    expected = [(a.source_ref, seconds_of(a)) for a in alerts_of(compiled, story)]
    assert len(expected) >= 3
    for seed in range(5):
        shuffled = story.copy()
        random.Random(seed).shuffle(shuffled)
        found = [(a.source_ref, seconds_of(a)) for a in alerts_of(compiled, shuffled)]
        assert sorted(found) == sorted(expected)


def test_a_chain_that_fired_stays_one_alert(made: Compile, tmp_path: Path) -> None:
    compiled = made(rule("failed"), rule("worked"), MANY, CHAIN)
    story = [*many("failed", 0, 1, 2), *many("worked", 9)]
    inbox = Inbox(tmp_path / "inbox.db")
    references = set()
    for batch in (story, [*many("failed", -2, 5), *story], [*many("worked", 20)]):
        with EpisodeStore(tmp_path / "state.db") as episodes:
            references |= {a.source_ref for a in alerts_of(compiled, batch, episodes, (inbox,))}
    (entry,) = inbox.list_alerts()
    inbox.close()
    assert len(references) == 1
    assert entry.events == 7


def test_a_filter_that_names_a_chain_takes_events_from_it_alone(made: Compile) -> None:
    mute = (
        "title: Mute\nid: f0000000-0000-4000-8000-000000000001\nlogsource: {product: site}\n"
        "filter:\n    rules: [chain]\n    selection: {user: svc}\n    condition: not selection\n"
    )
    loud = CHAIN.replace("timespan", "generate: true\n    timespan")
    compiled = made(rule("failed"), rule("worked"), MANY, loud, mute)
    story = [*many("failed", 0, 1, 2, user="svc"), *many("worked", 9, user="svc")]
    titles = {alert.title for alert in alerts_of(compiled, story)}
    assert "many" in titles and "chain" not in titles


@pytest.mark.parametrize(
    ("correlations", "narrows"),
    [
        ((MANY,), True),
        ((MANY, CHAIN), True),
        ((SPRAY,), False),
        ((BREAK_IN,), False),
        ((MANY, SPRAY), False),
        ((joined("rare", "temporal", "failed"),), False),
        ((joined("size", "value_sum", "failed", "condition: {field: bytes, gt: 9}"),), False),
    ],
)
def test_only_a_number_of_events_says_beforehand_which_groups_can_fire(
    made: Compile, correlations: tuple[str, ...], narrows: bool
) -> None:
    compiled = made(rule("failed"), rule("worked"), *correlations)
    failed = compiled.rules[0]
    assert (plan_narrowing(failed, compiled.correlations) is not None) is narrows


def test_an_episode_of_any_figure_is_remembered_exactly(tmp_path: Path) -> None:
    third = StoredEpisode("c", "e", "[]", 0, 9, [1], Fraction(10, 3))
    much = StoredEpisode("c", "e", "[]", 0, 9, [2], 2**80)
    with EpisodeStore(tmp_path / "state.db") as store:
        store.save(third)
        store.save(much)
    with EpisodeStore(tmp_path / "state.db") as store:
        assert {entry.figure for entry in store.near("c", "e", 0, 9)} == {Fraction(10, 3), 2**80}


def test_figures_of_an_earlier_version_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    older = open_database(path, replace(SCHEMA, migrations=SCHEMA.migrations[:3]))
    with older.transaction() as connection:
        connection.execute("INSERT INTO episode VALUES ('c', 'e', '[]', '[1]', 0, 9, 7)")
    older.close()
    with EpisodeStore(path) as store:
        (kept,) = store.near("c", "e", 0, 9)
    assert kept.figure == 7
