"""What every state store promises: steps are whole, matches and alerts unique, sinks apart."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from sigma2hive.model.alerts import Alert, Identity
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.service import (
    Counted,
    DeliveryCounts,
    Fate,
    Interval,
    MatchFilter,
    Mute,
    Position,
    QueuedAlert,
    RecordedMatch,
    RuleRecord,
    Searched,
    SearchStatus,
    Step,
    StoredEpisode,
)
from sigma2hive.runner.outbox.backoff import Backoff
from sigma2hive.runner.store.interface import MovedError
from tests.runner.store.conftest import Open

SECOND = 1_000_000_000
NOW = 1_764_000_000 * SECOND
RULE = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"


def event_of(number: int) -> Event:
    document = {"event": {"code": 4625}, "source": {"ip": f"10.0.0.{number}"}}
    raw = json.dumps(document).encode()
    key = EventKey(EventKeyKind.ELASTICSEARCH, ("logs", f"id-{number}", "2025-11-24T16:00:00Z"))
    values = {"event.code": ("4625",), "source.ip": (f"10.0.0.{number}",)}
    return Event(key, NOW + number * SECOND, values, raw, f"logs/id-{number}", NOW + SECOND)


def alert_of(number: int, severity: int = 2, *events: Event) -> Alert:
    return Alert(
        type="sigma",
        source="sigma2hive",
        source_ref=f"ref-{number}",
        rule_id=RULE,
        rule_title="Failed logon",
        title=f"Failed logon {number}",
        description="text",
        severity=severity,
        date_ns=NOW,
        tlp=2,
        pap=2,
        events=events or (event_of(number),),
    )


def match_of(number: int, fate: Fate = Fate.ALERT) -> RecordedMatch:
    alert = alert_of(number).identity if fate is Fate.ALERT else None
    return RecordedMatch(RULE, event_of(number), "logs-1", NOW, fate, alert, f"10.0.0.{number}")


def step_of(*numbers: int, unit: str = "u", at: int = 1, before: int | None = None) -> Step:
    return Step(
        unit=unit,
        position={"at": at},
        expected=None if before is None else {"at": before},
        matches=tuple(map(match_of, numbers)),
        alerts=tuple(
            QueuedAlert(alert_of(number), f"10.0.0.{number}", made_ns=NOW + number)
            for number in numbers
        ),
    )


def waiting(store: object, sink: str) -> list[str]:
    due = store.due(sink, NOW * 2, 100)  # type: ignore[attr-defined]
    return [delivery.alert.source_ref for delivery in due]


def test_a_step_is_there_after_the_store_was_opened_again(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive"])
    episode = StoredEpisode(RULE, "epoch", '["g"]', NOW, NOW + SECOND, [1, "x"], 6)
    store.commit(
        replace(
            step_of(1, 2),
            episodes=(episode,),
            searched=(Searched("u", "logs-*", Interval(NOW, NOW + 60 * SECOND)),),
        )
    )
    store.close()
    store = open_store()
    assert store.positions() == {"u": {"at": 1}}
    assert waiting(store, "thehive") == ["ref-1", "ref-2"]
    assert list(store.near(RULE, "epoch", NOW, NOW)) == [episode]
    assert [found.event for found in store.find(MatchFilter(), 10)] == [event_of(2), event_of(1)]
    assert list(store.ledger()) == [Searched("u", "logs-*", Interval(NOW, NOW + 60 * SECOND))]


def test_a_step_of_a_cursor_that_moved_stores_nothing(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive"])
    store.commit(step_of(1, at=5))
    expected: list[Position | None] = [None, {"at": 4}]
    for before in expected:
        with pytest.raises(MovedError):
            store.commit(replace(step_of(2, at=6), expected=before))
    assert store.positions() == {"u": {"at": 5}}
    assert waiting(store, "thehive") == ["ref-1"]
    assert len(store.find(MatchFilter(), 10)) == 1
    store.commit(step_of(2, at=6, before=5))
    assert store.positions() == {"u": {"at": 6}}


def test_the_same_step_again_changes_nothing(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive"])
    store.commit(step_of(1, 2))
    (first, _) = store.due("thehive", NOW * 2, 10)
    store.delivered(first, NOW)
    store.commit(step_of(1, 2, at=2, before=1))
    assert waiting(store, "thehive") == ["ref-2"]
    assert len(store.find(MatchFilter(), 10)) == 2
    assert store.known([(RULE, event_of(1).key), (RULE, event_of(9).key)]) == {
        (RULE, event_of(1).key)
    }


def test_an_alert_that_grows_is_sent_again_and_one_that_does_not_is_not(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive", "jsonl:x"])
    store.commit(Step(alerts=(QueuedAlert(alert_of(1), made_ns=NOW),)))
    for sink in ("thehive", "jsonl:x"):
        (delivery,) = store.due(sink, NOW * 2, 10)
        assert not delivery.was_delivered
        store.delivered(delivery, NOW)
    store.commit(Step(alerts=(QueuedAlert(alert_of(1), made_ns=NOW),)))
    assert not waiting(store, "thehive")
    store.commit(Step(alerts=(QueuedAlert(alert_of(1, 2, event_of(1), event_of(2)), made_ns=NOW),)))
    (delivery,) = store.due("thehive", NOW * 2, 10)
    assert delivery.was_delivered
    assert [event.key for event in delivery.alert.events] == [event_of(1).key, event_of(2).key]
    assert waiting(store, "jsonl:x") == ["ref-1"]


def test_what_changed_while_it_was_sent_waits_again(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive"])
    store.commit(
        Step(alerts=(QueuedAlert(alert_of(1), made_ns=NOW), QueuedAlert(alert_of(2), made_ns=NOW)))
    )
    first, second = store.due("thehive", NOW * 2, 10)
    for number in (1, 2):
        grown = alert_of(number, 2, event_of(number), event_of(number + 5))
        store.commit(Step(alerts=(QueuedAlert(grown, made_ns=NOW),)))
    store.delivered(first, NOW)
    store.refused(second, NOW, "400 bad")
    assert waiting(store, "thehive") == ["ref-1", "ref-2"]


def test_sinks_progress_on_their_own(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive", "webhook"])
    store.commit(step_of(1, 2))
    for delivery in store.due("webhook", NOW * 2, 10):
        store.delivered(delivery, NOW)
    assert waiting(store, "thehive") == ["ref-1", "ref-2"]
    assert not waiting(store, "webhook")
    counts = store.counts()
    assert (counts["webhook"].delivered, counts["webhook"].waiting) == (2, 0)
    assert (counts["thehive"].delivered, counts["thehive"].waiting) == (0, 2)


def test_a_sink_that_was_named_later_gets_later_alerts_only(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive"])
    store.commit(step_of(1))
    store.open_sinks(["thehive", "webhook"])
    store.commit(step_of(2, at=2, before=1))
    assert waiting(store, "webhook") == ["ref-2"]
    assert waiting(store, "thehive") == ["ref-1", "ref-2"]


def test_a_sink_that_is_named_no_more_keeps_what_waits_and_is_known_to_be_closed(
    open_store: Open,
) -> None:
    store = open_store()
    store.open_sinks(["thehive", "webhook"])
    store.commit(step_of(1))
    store.open_sinks(["webhook"])
    counts = store.counts()
    assert (counts["thehive"].is_open, counts["thehive"].waiting) == (False, 1)
    assert (counts["webhook"].is_open, counts["webhook"].waiting) == (True, 1)
    store.open_sinks(["thehive"])
    assert store.counts()["thehive"].is_open
    assert waiting(store, "thehive") == ["ref-1"]


def test_what_is_severe_goes_first_then_what_is_old(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive"])
    for number, severity in enumerate((2, 4, 1, 4)):
        store.commit(Step(alerts=(QueuedAlert(alert_of(number, severity), made_ns=NOW + number),)))
    assert waiting(store, "thehive") == ["ref-1", "ref-3", "ref-0", "ref-2"]


def test_an_attempt_in_vain_waits_for_its_time(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive"])
    store.commit(step_of(1))
    (delivery,) = store.due("thehive", NOW, 10)
    store.postponed(delivery, NOW + 30 * SECOND, "503")
    assert not store.due("thehive", NOW + 29 * SECOND, 10)
    (again,) = store.due("thehive", NOW + 30 * SECOND, 10)
    assert (again.attempts, again.reason) == (1, "503")


def test_one_that_was_postponed_by_a_clock_that_was_ahead_waits_no_longer(
    open_store: Open,
) -> None:
    store = open_store()
    store.open_sinks(["thehive"])
    store.commit(step_of(1, 2))
    first, second = store.due("thehive", NOW, 10)
    store.postponed(first, NOW + 400 * DAY, "503")
    store.postponed(second, NOW + Backoff().longest_ns, "Retry-After: 3600")
    (due,) = store.due("thehive", NOW, 10)
    assert due.alert.source_ref == first.alert.source_ref


def test_dead_letters_are_kept_with_their_reason_and_replayed(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive"])
    store.commit(step_of(1, 2))
    for delivery in store.due("thehive", NOW, 10):
        store.refused(delivery, NOW, "400 title is too long")
    assert not waiting(store, "thehive")
    assert {dead.reason for dead in store.dead()} == {"400 title is too long"}
    assert store.counts()["thehive"] == DeliveryCounts(dead=2)
    one: Identity = alert_of(2).identity
    assert store.replay("thehive", [one]) == 1
    assert waiting(store, "thehive") == ["ref-2"]
    assert store.replay() == 1


def test_failed_intervals_stay_until_they_are_searched(open_store: Open) -> None:
    store = open_store()

    def enter(start: int, end: int, status: SearchStatus, reason: str = "") -> None:
        store.commit(Step(searched=(Searched("u", "t", Interval(start, end), status, reason),)))

    enter(0, 10, SearchStatus.SEARCHED)
    enter(10, 30, SearchStatus.FAILED, "one shard")
    enter(30, 40, SearchStatus.SEARCHED)
    enter(10, 20, SearchStatus.SEARCHED)
    found = [
        (entry.interval.start_ns, entry.interval.end_ns, entry.status) for entry in store.ledger()
    ]
    assert found == [
        (0, 20, SearchStatus.SEARCHED),
        (20, 30, SearchStatus.FAILED),
        (30, 40, SearchStatus.SEARCHED),
    ]
    enter(20, 30, SearchStatus.SEARCHED)
    assert list(store.ledger()) == [Searched("u", "t", Interval(0, 40))]


def test_events_of_a_rule_come_back_as_they_were_by_event_time(open_store: Open) -> None:
    store = open_store()
    computed = replace(event_of(3), values={**event_of(3).values, "runtime.field": ("x",)})
    matches = [match_of(number) for number in (5, 1)]
    store.commit(Step(matches=(*matches, replace(match_of(3), event=computed))))
    found = list(store.events_of([RULE, "other"], NOW + SECOND, NOW + 5 * SECOND))
    assert found == [(RULE, event_of(1)), (RULE, computed)]


def test_matches_are_found_by_what_their_events_hold(open_store: Open) -> None:
    store = open_store()
    store.commit(Step(matches=(match_of(1), match_of(2, Fate.MUTED))))
    by_value = store.find(MatchFilter(where=(("source.ip", "10.0.0.2"),)), 10)
    assert [match.event.key for match in by_value] == [event_of(2).key]
    assert [match.fate for match in store.find(MatchFilter(fate=Fate.MUTED), 10)] == [Fate.MUTED]
    assert store.count_fates(NOW) == {(RULE, "alert"): 1, (RULE, "muted"): 1}
    assert not store.count_fates(NOW + 1)


def test_alerts_of_their_own_are_counted_by_group_and_summaries_not(open_store: Open) -> None:
    store = open_store()
    store.commit(
        Step(
            alerts=(
                QueuedAlert(alert_of(1), "a", made_ns=NOW),
                QueuedAlert(alert_of(2), "a", made_ns=NOW),
                QueuedAlert(alert_of(3), "b", made_ns=NOW),
                QueuedAlert(alert_of(4), "b", is_summary=True, made_ns=NOW),
            )
        )
    )
    counted = Counter((own.rule_id, own.grouped_by) for own in store.own_alerts(0))
    assert counted == {(RULE, "a"): 2, (RULE, "b"): 1}


def test_rules_and_mutes_are_remembered(open_store: Open) -> None:
    store = open_store()
    record = RuleRecord(RULE, "digest", NOW, ("logs-*",), "")
    store.save_rules([record])
    store.save_rules([replace(record, disabled="S2H201")])
    assert store.rules() == {RULE: replace(record, disabled="S2H201")}
    asked = Mute(0, RULE, (("host.name", "dc01"),), NOW, NOW + 60 * SECOND, "patch day", "ann")
    mute = store.mute(asked)
    assert [found.number for found in store.mutes(NOW)] == [mute.number]
    assert not store.mutes(NOW + 60 * SECOND)
    assert store.unmute(mute.number, NOW + SECOND)
    assert not store.unmute(mute.number, NOW + SECOND)
    assert not store.mutes(NOW + 2 * SECOND)
    (ended,) = store.mutes()
    assert (ended.where, ended.by, ended.ended_ns) == (asked.where, "ann", NOW + SECOND)


def test_units_that_are_gone_are_forgotten(open_store: Open) -> None:
    store = open_store()
    store.commit(step_of(1, unit="seq:a"))
    store.commit(step_of(2, unit="seq:b"))
    store.forget(["seq:a"])
    assert store.positions("seq:") == {"seq:b": {"at": 1}}


def test_alerts_of_their_own_are_listed_by_when_they_were_made(open_store: Open) -> None:
    store = open_store()
    made = [(3, NOW + 9), (1, NOW), (2, NOW + 5)]
    alerts = tuple(QueuedAlert(alert_of(n), "g", made_ns=at) for n, at in made)
    other = QueuedAlert(replace(alert_of(7), rule_id="other"), "h", made_ns=NOW + 7)
    summary = QueuedAlert(alert_of(4), is_summary=True, made_ns=NOW)
    store.commit(Step(alerts=(*alerts, other, summary)))
    # Joined, it keeps the time at which it was made.
    store.commit(Step(alerts=(QueuedAlert(alert_of(1), "g", made_ns=NOW + 99),)))
    assert [own.made_ns - NOW for own in store.own_alerts(NOW)] == [0, 5, 7, 9]
    assert [own.made_ns - NOW for own in store.own_alerts(NOW + 5, RULE)] == [5, 9]
    first = store.own_alerts(NOW)[0]
    assert (first.rule_id, first.grouped_by, first.identity) == (RULE, "g", alert_of(1).identity)


def test_matches_are_walked_in_the_order_in_which_they_were_found(open_store: Open) -> None:
    store = open_store()
    matches = [replace(match_of(n), found_ns=NOW + n // 700) for n in range(1500)]
    store.commit(Step(matches=tuple(matches)))
    keys = [found.event.key for found in store.walk(MatchFilter())]
    assert keys == [match.event.key for match in matches]
    newest = [found.event.key for found in store.find(MatchFilter(), 2000)]
    assert newest == keys[::-1]
    within = MatchFilter(since_ns=NOW + 1, until_ns=NOW + 2)
    assert [found.found_ns for found in store.walk(within)] == [NOW + 1] * 700


def test_matches_are_found_by_what_tells_of_them(open_store: Open) -> None:
    store = open_store()
    both = replace(match_of(2, Fate.SUMMARISED), alert=alert_of(1).identity)
    store.commit(Step(matches=(match_of(1), both, match_of(3))))
    found = list(store.walk(MatchFilter(alert=alert_of(1).identity)))
    assert found == [match_of(1), both]
    assert store.recorded(RULE, event_of(2).key) == both
    assert store.recorded(RULE, event_of(9).key) is None
    assert store.recorded("other", event_of(2).key) is None


def test_a_mute_counts_what_it_has_hidden(open_store: Open) -> None:
    store = open_store()
    one, two = (store.mute(Mute(0, RULE, (), NOW, NOW + n, "r", "ann")) for n in (5, 9))
    hidden = tuple(replace(match_of(n, Fate.MUTED), muted_by=one.number) for n in (1, 2))
    store.commit(Step(matches=(*hidden, match_of(3))))
    store.commit(Step(matches=hidden))
    assert [(mute.number, mute.hidden) for mute in store.mutes()] == [
        (one.number, 2),
        (two.number, 0),
    ]
    assert [mute.hidden for mute in store.mutes(NOW + 6)] == [0]
    assert [found.muted_by for found in store.find(MatchFilter(fate=Fate.MUTED), 9)] == [1, 1]


def test_matches_are_seen_in_the_order_in_which_they_were_stored(open_store: Open) -> None:
    store = open_store()
    assert store.last_match() == 0
    store.commit(Step(matches=(match_of(5), match_of(1))))
    first = store.last_match()
    # What is stored again has its number already.
    store.commit(Step(matches=(match_of(3), match_of(5))))
    assert [entry.key for entry in store.matches_after(RULE, 0, 2)] == [
        event_of(5).key,
        event_of(1).key,
    ]
    (later,) = [
        entry for entry in store.matches_after(RULE, first, 10) if entry.key == event_of(3).key
    ]
    assert (later.rule_id, later.time_ns, later.found_ns) == (RULE, event_of(3).time_ns, NOW)
    assert later.number > first
    assert not store.matches_after("other", 0, 10)


def test_matches_are_counted_by_event_time_and_loaded_by_name(open_store: Open) -> None:
    store = open_store()
    store.commit(Step(matches=(match_of(5), match_of(1), match_of(3))))
    times = [store.time_of_next([RULE, "other"], NOW, NOW + 5 * SECOND, n) for n in range(3)]
    assert times == [NOW + SECOND, NOW + 3 * SECOND, None]
    pairs = [(RULE, event_of(number).key) for number in (3, 9, 1)]
    assert list(store.load(pairs)) == [(RULE, event_of(3)), (RULE, event_of(1))]


def test_episodes_are_found_by_their_group(open_store: Open) -> None:
    store = open_store()
    one = StoredEpisode(RULE, "epoch", '["g"]', NOW, NOW + SECOND, [1, "x"], 6)
    store.commit(Step(episodes=(one, replace(one, group='["h"]'))))
    assert len(store.near(RULE, "epoch", NOW, NOW)) == 2
    assert list(store.near(RULE, "epoch", NOW, NOW, '["g"]')) == [one]


def test_what_is_counted_is_there_once_by_group_and_time(open_store: Open) -> None:
    store = open_store()

    def counted(number: int, unit: str = "c", group: str = "[]") -> Counted:
        event = event_of(number)
        return Counted(unit, group, event.time_ns, event.key, RULE, {"v": number})

    store.commit(Step(counted=(counted(5), counted(1))))
    seen = store.counted_after("c", 0)
    assert [entry for _, entry in seen] == [counted(5), counted(1)]
    others = (counted(2, "d"), counted(3, group="[1]"))
    store.commit(Step(counted=(counted(1), counted(4), *others)))
    after = [entry for _, entry in store.counted_after("c", seen[-1][0])]
    assert [entry for entry in after if entry not in {e.key: e for _, e in seen}.values()] == [
        counted(4),
        counted(3, group="[1]"),
    ]
    assert list(store.counted("c", "[]", NOW + SECOND, NOW + 5 * SECOND)) == [
        counted(1),
        counted(4),
    ]
    store.prune_counted("c", NOW + 4 * SECOND)
    assert list(store.counted("c", "[]", NOW, NOW + 9 * SECOND)) == [counted(4), counted(5)]
    assert [entry for _, entry in store.counted_after("d", 0)] == [counted(2, "d")]


DAY = 24 * 3600 * SECOND


def test_what_is_old_is_forgotten_and_what_waits_or_is_dead_is_not(open_store: Open) -> None:
    store = open_store()
    store.open_sinks(["thehive"])
    for number, made_ns in enumerate((NOW, NOW + 1, NOW + 2, NOW + 8 * DAY)):
        store.commit(
            Step(
                matches=(replace(match_of(number), found_ns=made_ns),),
                alerts=(QueuedAlert(alert_of(number), made_ns=made_ns),),
            )
        )
    delivered, dead, _, new = store.due("thehive", NOW * 2, 10)
    store.delivered(delivered, NOW + SECOND)
    store.delivered(new, NOW + 8 * DAY)
    store.refused(dead, NOW + SECOND, "400")
    episode = StoredEpisode(RULE, "epoch", '["g"]', NOW, NOW + SECOND, [1, "x"], 6)
    late = replace(episode, end_ns=NOW + 9 * DAY, identity=[1, "y"])
    store.commit(Step(episodes=(episode, late)))
    ends = [(0, 5, SearchStatus.FAILED), (9, 10, SearchStatus.SEARCHED)]
    for start, end, status in ends:
        interval = Interval(NOW + start * DAY, NOW + end * DAY)
        store.commit(Step(searched=(Searched("u", "t", interval, status),)))
    ended, holds = (
        store.mute(Mute(0, RULE, (), NOW, NOW + days * DAY, "r", "ann")) for days in (1, 20)
    )
    while store.purge(NOW + 10 * DAY, 4 * DAY, 2**40):
        pass
    assert [found.event.key for found in store.walk(MatchFilter())] == [event_of(3).key]
    kept = [n for n in range(4) if store.alert(alert_of(n).identity) is not None]
    assert kept == [n for n in range(4) if store.has_alert(alert_of(n).identity)]
    assert kept == [1, 2, 3]
    assert [found.alert.source_ref for found in store.dead()] == ["ref-1"]
    assert waiting(store, "thehive") == ["ref-2"]
    assert store.counts()["thehive"].delivered == 1
    assert list(store.near(RULE, "epoch", 0, NOW * 2)) == [late]
    assert [entry.interval.end_ns for entry in store.ledger()] == [NOW + 10 * DAY]
    assert [mute.number for mute in store.mutes()] == [holds.number]
    assert store.mute(replace(ended, number=0)).number > holds.number


def test_what_takes_too_much_room_is_forgotten_but_not_what_a_sweep_finds_again(
    open_store: Open,
) -> None:
    store = open_store()
    old = tuple(replace(match_of(n), found_ns=NOW - 3 * DAY - n) for n in range(20))
    store.commit(Step(matches=(*old, replace(match_of(30), found_ns=NOW - DAY))))
    assert store.purge(NOW, 90 * DAY, 2**40) == 0
    assert store.purge(NOW, 90 * DAY, 1) == 20
    assert [found.event.key for found in store.walk(MatchFilter())] == [event_of(30).key]
    assert store.purge(NOW, 90 * DAY, 1) == 0


def test_less_than_two_days_are_not_kept(open_store: Open) -> None:
    with pytest.raises(ValueError, match="two days"):
        open_store().purge(NOW, 2 * DAY - 1, 2**40)


def test_a_free_unit_is_ours(open_store: Open) -> None:
    store = open_store()
    assert store.acquire("a")
    assert store.acquire("a")
    store.release(["a", "b"])
    assert store.acquire("a")
