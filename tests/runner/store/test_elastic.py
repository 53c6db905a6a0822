"""What only the Elasticsearch store can be asked: crashes between requests, and other runners."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sigma2hive.model.service import (
    Counted,
    Interval,
    MatchFilter,
    QueuedAlert,
    RecordedMatch,
    RuleRecord,
    Searched,
    Step,
    StoredEpisode,
)
from sigma2hive.runner.store.elastic import ElasticStore
from sigma2hive.runner.store.elastic.indices import VERSION, Kind
from sigma2hive.runner.store.interface import MovedError
from sigma2hive.storage import StorageError
from tests.bench.cluster import Cluster
from tests.runner.store.elastic_world import Killed, Site, Ticks, Watched, die
from tests.runner.store.test_contract import (
    NOW,
    RULE,
    SECOND,
    alert_of,
    event_of,
    match_of,
    step_of,
    waiting,
)

SINKS = ("thehive", "webhook")


def rule_of(case: int) -> str:
    return f"rule-{case}"


def alert_in(case: int, number: int, *events: int, severity: int = 2) -> QueuedAlert:
    alert = alert_of(number, severity, *map(event_of, events or (number,)))
    named = replace(alert, source_ref=f"ref-{case}-{number}", rule_id=rule_of(case))
    return QueuedAlert(named, made_ns=NOW + number)


def match_in(case: int, number: int) -> RecordedMatch:
    alert = alert_in(case, number).alert.identity
    return replace(match_of(number), rule_id=rule_of(case), alert=alert)


def before(case: int) -> Step:
    """What a case begins with: an alert that waits and one that will grow."""
    return replace(
        step_of(unit=f"unit-{case}", at=1),
        alerts=(alert_in(case, 1), alert_in(case, 2)),
        matches=(match_in(case, 1), match_in(case, 2)),
    )


def step_in(case: int) -> Step:
    """Everything that a step may hold."""
    unit, rule = f"unit-{case}", rule_of(case)
    event = event_of(3)
    return Step(
        unit=unit,
        position={"at": 2},
        expected={"at": 1},
        matches=(match_in(case, 3), match_in(case, 4)),
        alerts=(alert_in(case, 3), alert_in(case, 2, 2, 5, severity=3), alert_in(case, 4)),
        episodes=(StoredEpisode(rule, "epoch", "[]", NOW, NOW + SECOND, [1, "x"], 6),),
        searched=(Searched(unit, "logs-*", Interval(NOW, NOW + SECOND)),),
        counted=(Counted(unit, "[]", event.time_ns, event.key, RULE, {"v": 1}),),
    )


def state_of(store: ElasticStore, case: int) -> dict[str, Any]:
    """Return all that is stored of a case, without what says which case it is."""
    rule, unit = rule_of(case), f"unit-{case}"
    deliveries = {
        sink: [
            (found.alert, found.version, found.attempts, found.reason, found.was_delivered)
            for found in store.due(sink, NOW * 2, 10_000)
            if found.alert.rule_id == rule
        ]
        for sink in SINKS
    }
    found = {
        "positions": store.positions(unit)[unit],
        "matches": list(store.walk(MatchFilter(rule_id=rule))),
        "own": list(store.own_alerts(0, rule)),
        "deliveries": deliveries,
        "episodes": list(store.near(rule, "epoch", 0, NOW * 2)),
        "ledger": list(store.ledger([unit])),
        "counted": list(store.counted(unit, "[]", 0, NOW * 2)),
    }
    text = repr(found)
    return json.loads(
        json.dumps(text.replace(f"ref-{case}-", "ref-").replace(rule, "rule").replace(unit, "unit"))
    )


def undisturbed(site: Site) -> tuple[ElasticStore, Any, int]:
    """Return a store, the state after a step that nothing disturbs, and its requests."""
    store = site.store()
    store.open_sinks(SINKS)
    store.commit(before(0))
    client = Watched(site.client)
    counting = site.store(client)
    start = client.requests
    counting.commit(step_in(0))
    return store, state_of(store, 0), client.requests - start


def disturbed(site: Site, at: int, do: Callable[[], object], *, after: bool) -> ElasticStore:
    """Return a store whose n-th request of a commit does something else."""
    opening = Watched(site.client)
    site.store(opening)
    return site.store(Watched(site.client, opening.requests + at, do, after=after))


def same(_: ElasticStore, step: Step) -> Step:
    return step


def without_known(store: ElasticStore, step: Step) -> Step:
    """Return what a cycle makes of the same events: what is recorded is not raised again."""
    known = store.known([(match.rule_id, match.event.key) for match in step.matches])
    new = [match for match in step.matches if (match.rule_id, match.event.key) not in known]
    told = {match.alert for match in step.matches if match not in new}
    alerts = [entry for entry in step.alerts if entry.alert.identity not in told]
    return replace(step, matches=tuple(new), alerts=tuple(alerts))


@pytest.mark.parametrize("again", [same, without_known])
def test_a_crash_between_any_two_requests_loses_and_doubles_nothing(
    site: Site, again: Callable[[ElasticStore, Step], Step]
) -> None:
    store, expected, requests = undisturbed(site)
    assert requests >= 10
    for at in range(1, requests + 1):
        store.commit(before(at))
        with pytest.raises(Killed):
            disturbed(site, at, die, after=True).commit(step_in(at))
        other = site.store()
        try:
            other.commit(again(other, step_in(at)))
        except MovedError:
            assert at == requests  # the cursor itself had moved
        assert state_of(store, at) == expected, at


def test_whoever_comes_second_adds_nothing_wherever_the_first_overtakes(site: Site) -> None:
    store, expected, requests = undisturbed(site)
    for case in range(1, requests + 1):
        store.commit(before(case))
        other = site.store()
        slow = disturbed(site, case, lambda o=other, c=case: o.commit(step_in(c)), after=False)
        with pytest.raises(MovedError):
            slow.commit(step_in(case))
        assert state_of(store, case) == expected, case


def test_what_was_delivered_before_a_step_is_done_again_stays_delivered(site: Site) -> None:
    store, _, requests = undisturbed(site)
    store.commit(before(1))
    with pytest.raises(Killed):
        disturbed(site, requests, die, after=False).commit(step_in(1))
    # All but the cursor is there: it is sent before anybody does the step again.
    for found in store.due("thehive", NOW * 2, 100):
        store.delivered(found, NOW)
    store.commit(step_in(1))
    assert not waiting(store, "thehive")


# Leases


def test_a_unit_is_read_by_one_runner_until_it_lets_go(site: Site) -> None:
    one, other = site.store(), site.store()
    assert one.acquire("a")
    assert not other.acquire("a")
    assert other.acquire("b")
    one.release(["a"])
    assert other.acquire("a")
    assert not one.acquire("a")


def test_what_a_dead_runner_held_is_taken_over_when_its_lease_is_over(site: Site) -> None:
    ticks = Ticks(5)
    dead, other = site.store(), site.store(ticks=ticks)
    assert dead.acquire("a")
    assert not other.acquire("a")
    ticks.advance(29)
    assert not other.acquire("a")
    ticks.advance(1)
    assert other.acquire("a")
    # It wakes: what it held is another's.
    site.ticks.advance(31)
    assert not dead.acquire("a")


def test_a_lease_that_is_renewed_is_not_taken_whatever_the_clocks_say(site: Site) -> None:
    one_ticks, other_ticks = Ticks(10**15), Ticks(3)
    one, other = site.store(ticks=one_ticks), site.store(ticks=other_ticks)
    assert one.acquire("a")
    for _ in range(6):
        assert not other.acquire("a")
        one_ticks.advance(15)
        assert one.acquire("a")
        other_ticks.advance(15)
    assert not other.acquire("a")


def test_acquiring_one_unit_renews_the_others(site: Site) -> None:
    one_ticks, other_ticks = Ticks(), Ticks()
    one, other = site.store(ticks=one_ticks), site.store(ticks=other_ticks)
    assert one.acquire("a")
    assert one.acquire("b")
    for _ in range(4):
        assert not other.acquire("a")
        one_ticks.advance(12)
        other_ticks.advance(12)
        assert one.acquire("b")
    assert not other.acquire("a")


def test_a_store_that_is_closed_leaves_nothing_to_wait_for(site: Site) -> None:
    one, other = site.store(), site.store()
    one.open_sinks(["thehive"])
    one.commit(step_of(1))
    assert one.acquire("a")
    assert waiting(one, "thehive") == ["ref-1"]
    assert not waiting(other, "thehive")
    one.close()
    assert other.acquire("a")
    assert waiting(other, "thehive") == ["ref-1"]


# Deliveries


def test_an_alert_is_sent_by_one_runner_and_by_another_when_that_is_gone(site: Site) -> None:
    ticks = Ticks()
    dead, other = site.store(), site.store(ticks=ticks)
    dead.open_sinks(["thehive"])
    dead.commit(step_of(1, 2, 3))
    (first,) = dead.due("thehive", NOW * 2, 1)
    assert first.alert.source_ref == "ref-1"
    assert waiting(other, "thehive") == ["ref-2", "ref-3"]
    assert not dead.due("thehive", NOW * 2, 10)[1:]
    ticks.advance(59)
    assert waiting(other, "thehive") == ["ref-2", "ref-3"]
    ticks.advance(1)
    assert waiting(other, "thehive") == ["ref-1", "ref-2", "ref-3"]
    # What the other has sent meanwhile is not sent again when the first wakes and says so too.
    other.delivered(other.due("thehive", NOW * 2, 1)[0], NOW)
    dead.delivered(first, NOW)
    assert dead.counts()["thehive"].delivered == 1


def test_what_a_runner_sends_late_is_made_good_by_what_is_newest(site: Site) -> None:
    ticks = Ticks()
    paused, other = site.store(), site.store(ticks=ticks)
    paused.open_sinks(["thehive"])
    paused.commit(step_of(1))
    (old,) = paused.due("thehive", NOW * 2, 1)
    # The alert grows, and the other sends what it has come to.
    grown = QueuedAlert(alert_of(1, 2, event_of(1), event_of(2)), made_ns=NOW)
    other.commit(Step(alerts=(grown,)))
    assert not waiting(other, "thehive")
    ticks.advance(60)
    (new,) = other.due("thehive", NOW * 2, 1)
    other.delivered(new, NOW)
    assert not waiting(other, "thehive")
    # The first wakes in the midst of sending the alert as it was: that may be what is there now.
    paused.delivered(old, NOW)
    (again,) = other.due("thehive", NOW * 2, 1)
    assert len(again.alert.events) == 2
    other.delivered(again, NOW)
    assert not waiting(other, "thehive")
    assert other.counts()["thehive"].delivered == 1


def test_what_one_has_delivered_is_no_dead_letter_when_another_fails_at_it_late(
    site: Site,
) -> None:
    ticks = Ticks()
    paused, other = site.store(), site.store(ticks=ticks)
    paused.open_sinks(["thehive"])
    paused.commit(step_of(1))
    (old,) = paused.due("thehive", NOW * 2, 1)
    assert not waiting(other, "thehive")
    ticks.advance(60)
    other.delivered(other.due("thehive", NOW * 2, 1)[0], NOW)
    paused.refused(old, NOW, "it is closed by now")
    assert (other.counts()["thehive"].delivered, other.counts()["thehive"].dead) == (1, 0)


def test_a_claim_that_is_renewed_is_kept(site: Site) -> None:
    one_ticks, other_ticks = Ticks(), Ticks()
    one, other = site.store(ticks=one_ticks), site.store(ticks=other_ticks)
    one.open_sinks(["thehive"])
    one.commit(step_of(1))
    for _ in range(5):
        assert waiting(one, "thehive") == ["ref-1"]
        assert not waiting(other, "thehive")
        one_ticks.advance(25)
        other_ticks.advance(25)


# The indices


def test_indices_are_hidden_and_take_nothing_that_is_not_known(
    site: Site, elasticsearch: Cluster
) -> None:
    site.store()
    settings = elasticsearch.request("GET", f"/{site.names()}/_settings?flat_settings=true")
    assert {entry["settings"]["index.hidden"] for entry in settings.values()} == {"true"}
    mappings = elasticsearch.request("GET", f"/{site.names()}/_mapping")
    assert {entry["mappings"]["dynamic"] for entry in mappings.values()} == {"strict"}
    assert len(mappings) == len(Kind)


def test_raw_events_and_alerts_cannot_be_searched(site: Site, elasticsearch: Cluster) -> None:
    store = site.store()
    store.commit(step_of(1))
    caps = elasticsearch.request("GET", f"/{site.names()}/_field_caps?fields=raw,more,line")
    types = [entry for by_type in caps["fields"].values() for entry in by_type.values()]
    assert len(types) == 3
    assert not any(entry["searchable"] or entry["aggregatable"] for entry in types)


def test_rules_that_an_older_version_stored_are_read(site: Site, elasticsearch: Cluster) -> None:
    store = site.store()
    old = {"rule_id": "r", "digest": "d", "since_ns": NOW, "targets": "[]", "disabled": ""}
    elasticsearch.request("PUT", f"/{site.prefix}rules/_doc/r?refresh=true", old)
    assert store.rules()["r"] == RuleRecord("r", "d", NOW)


def test_indices_of_a_newer_version_are_refused(new_site: Site, elasticsearch: Cluster) -> None:
    new_site.store()
    body = {"_meta": {"sigma2hive_state_version": VERSION + 1}}
    elasticsearch.request("PUT", f"/{new_site.prefix}cursors/_mapping", body)
    with pytest.raises(
        StorageError, match=rf"cursors .* newer sigma2hive \(state version {VERSION + 1}"
    ):
        new_site.store()


def test_an_index_that_is_not_ours_is_refused(new_site: Site, elasticsearch: Cluster) -> None:
    elasticsearch.request("PUT", f"/{new_site.prefix}rules", {})
    with pytest.raises(StorageError, match="is no index of sigma2hive's state"):
        new_site.store()


def test_an_index_that_a_write_made_anew_is_refused_while_it_runs_and_at_the_next_start(
    new_site: Site, elasticsearch: Cluster
) -> None:
    store = new_site.store()
    store.open_sinks(["thehive"])
    store.commit(step_of(1))
    store.check()
    name = f"{new_site.prefix}matches"
    elasticsearch.request("DELETE", f"/{name}")
    with pytest.raises(StorageError, match=f"{name} at .* gone, .* restore it from a snapshot"):
        store.check()
    # What stores matches does not ask whether there is an index.
    store.commit(step_of(2, unit="other"))
    told = f"{name} at .* another mapping.*, .* end all runners, remove or rename it"
    for look in (store.check, new_site.store):
        with pytest.raises(StorageError, match=told):
            look()


#: Some that are gone; the last ones are those that a first start makes last.
GONE = [
    ("cursors",),
    ("cursors", "leases"),
    ("mutes", "notes"),
    *(tuple(Kind)[made:-2] for made in (1, 3, 8)),
    *(tuple(Kind)[made:] for made in (1, 3, 8)),
]


@pytest.mark.parametrize("gone", GONE, ids=" ".join)
def test_a_start_does_not_make_anew_what_others_hang_on(
    gone: tuple[str, ...], new_site: Site, elasticsearch: Cluster
) -> None:
    store = new_site.store()
    store.open_sinks(["thehive"])
    store.commit(step_of(1))
    store.forget(["u"])  # nothing is left of what was written there
    elasticsearch.request("DELETE", "/" + ",".join(f"{new_site.prefix}{name}" for name in gone))
    with pytest.raises(StorageError, match=f"^{new_site.prefix}{gone[0]}[ ,].* gone"):
        new_site.store()


def test_an_upgrade_does_not_make_anew_what_the_older_version_had(
    new_site: Site, elasticsearch: Cluster
) -> None:
    new_site.store().commit(step_of(1))
    elasticsearch.request("DELETE", f"/{new_site.prefix}cursors")
    for kind in set(Kind) - {Kind.CURSORS}:
        body = {"_meta": {"sigma2hive_state_version": VERSION - 1}}
        elasticsearch.request("PUT", f"/{new_site.prefix}{kind.value}/_mapping", body)
    with pytest.raises(StorageError, match=f"{new_site.prefix}cursors at .* gone"):
        new_site.store()


def test_what_nothing_hangs_on_is_made_anew(new_site: Site, elasticsearch: Cluster) -> None:
    new_site.store().commit(step_of(1))
    elasticsearch.request("DELETE", f"/{new_site.prefix}leases,{new_site.prefix}notes")
    assert new_site.store().acquire("u")


def test_a_start_that_was_cut_short_is_gone_on_with(new_site: Site, elasticsearch: Cluster) -> None:
    new_site.store()
    absent = [f"{new_site.prefix}{kind.value}" for kind in tuple(Kind)[3:]]
    elasticsearch.request("DELETE", f"/{','.join(absent)}")
    new_site.store().commit(step_of(1))


def test_a_start_beside_one_that_is_faster_goes_on_with_what_that_made(
    new_site: Site, elasticsearch: Cluster
) -> None:
    new_site.store()
    absent = [f"{new_site.prefix}{kind.value}" for kind in tuple(Kind)[3:]]
    elasticsearch.request("DELETE", f"/{','.join(absent)}")
    slow = Watched(new_site.client, at=1, do=lambda: new_site.store().commit(step_of(1)))
    assert new_site.store(slow).positions() == {"u": {"at": 1}}
