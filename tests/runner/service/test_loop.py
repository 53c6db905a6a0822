"""Cycles: every match once, whatever fails and wherever the service dies."""

import threading
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.cli.status import standing_lines
from sigma2hive.clients.errors import IncompleteError, UnreachableError
from sigma2hive.clock import FrozenClock
from sigma2hive.diagnostics import ConfigurationError, Diagnostic, Diagnostics, Location
from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.identity import event_identity
from sigma2hive.model.service import (
    DeliveryCounts,
    MatchFilter,
    Mute,
    Position,
    Searched,
    SearchStatus,
    Step,
)
from sigma2hive.runner.reading.interface import Lost, Slice
from sigma2hive.runner.service.coverage import coverage_of
from sigma2hive.runner.service.loop import Loop, LoopSettings, NoCorrelations, Version
from sigma2hive.runner.service.outcomes import CycleOutcome
from sigma2hive.runner.service.standing import standing_of
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.sources import EventRows
from tests.runner.service.world import (
    LOGON,
    PATTERN,
    RULES,
    SECOND,
    SERVICE,
    START,
    Log,
    Site,
    event_of,
)

NEVER = threading.Event()


def expected(log: Log) -> set[tuple[str, str]]:
    """Say by hand which rule meets which event: one a code."""
    by_code = {"4625": LOGON, "7045": SERVICE}
    return {
        (by_code[code], event.origin)
        for event in log.events
        if (code := event.values["event.code"][0]) in by_code
    }


def found(store: SqliteStore) -> set[tuple[str, str]]:
    matches = store.find(MatchFilter(), 10_000)
    assert len({(match.rule_id, match.event.key) for match in matches}) == len(matches)
    return {(match.rule_id, match.event.origin) for match in matches}


def told(store: SqliteStore) -> set[tuple[str, str]]:
    """Return (rule, event) of the alerts that wait."""
    waiting = store.due("sink", 2**62, 10_000)
    assert len({entry.alert.identity for entry in waiting}) == len(waiting)
    return {
        (entry.alert.rule_id, event.origin) for entry in waiting for event in entry.alert.events
    }


class _Killed(BaseException):
    """The process is gone."""


class Mortal(SqliteStore):
    """A store whose process dies at the n-th step: before it is stored, or just after."""

    def __init__(self, path: Path, dies_in: int, *, after: bool) -> None:
        super().__init__(path)
        self._left, self._after = dies_in, after

    def commit(self, step: Step) -> None:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise _Killed
        super().commit(step)
        if self._left == 0:
            raise _Killed


@settings(max_examples=40, deadline=None)
@given(
    codes=st.lists(st.sampled_from([4624, 4625, 7045]), min_size=1, max_size=30),
    fails=st.sets(st.integers(0, 29), max_size=4),
    deaths=st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=4),
    size=st.integers(1, 7),
)
def test_every_match_is_told_once_whatever_fails(
    codes: list[int], fails: set[int], deaths: list[tuple[int, bool]], size: int
) -> None:
    log = Log([event_of(number, code) for number, code in enumerate(codes)], size, fails)
    with TemporaryDirectory() as name:
        path = Path(name) / "state.db"
        clock = FrozenClock(START + 60 * SECOND)
        for dies_in, after in [*deaths, (0, False)]:
            store = Mortal(path, dies_in, after=after)
            store.open_sinks(["sink"])
            site = Site(Path(name), log)
            loop = Loop(site, store, clock)
            try:
                version = site.load(store, clock.now_ns())
                for _ in range(len(fails) + 2):
                    loop.cycle(version, NEVER)
            except _Killed:
                pass
            finally:
                store.close()
        store = SqliteStore(path)
        assert found(store) == expected(log)
        assert told(store) == expected(log)
        store.close()


def logons(*numbers: int) -> list:  # type: ignore[type-arg]
    return [event_of(number, 4625) for number in numbers]


def run_cycles(loop: Loop, number: int) -> list[CycleOutcome]:
    """Run the loop for so many cycles."""
    stop, outcomes = threading.Event(), []

    def tell(outcome: CycleOutcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == number:
            stop.set()

    loop.tell = tell
    loop.run(stop, threading.Event())
    return outcomes


def test_a_slice_that_failed_is_read_again_and_the_ledger_knows(
    store: SqliteStore, tmp_path: Path
) -> None:
    clock = FrozenClock(START + 60 * SECOND)
    log = Log(logons(*range(10)), size=4, fails={5})
    loop = Loop(Site(tmp_path, log), store, clock, LoopSettings(10))
    (first,) = run_cycles(loop, 1)
    assert [entry.part.position["next"] for entry in first.failed] == [8]
    assert {origin for _, origin in found(store)} == {f"site/{n}" for n in range(4)}
    statuses = {entry.status: entry.reason for entry in store.ledger()}
    assert statuses == {SearchStatus.FAILED: "1 of 2 shards failed"}
    (_second,) = run_cycles(loop, 1)
    assert found(store) == expected(log)
    assert {entry.status for entry in store.ledger()} == {SearchStatus.SEARCHED}


def test_that_losses_cannot_be_found_out_keeps_nothing_from_being_read(
    store: SqliteStore, tmp_path: Path
) -> None:
    class Forbidden(Log):
        def lost(self, positions: Mapping[str, Position], looked_ns: int) -> Sequence[Lost]:
            raise IncompleteError("not to be seen", "look at the privileges")

    log = Forbidden(logons(*range(10)))
    run_cycles(Loop(Site(tmp_path, log), store, FrozenClock(START + 60 * SECOND)), 1)
    assert found(store) == expected(log)
    assert {entry.status for entry in store.ledger()} == {SearchStatus.SEARCHED}
    assert standing_of(store, START).cycle["error"] == "not to be seen"


def test_a_cycle_that_a_server_ended_is_told(store: SqliteStore, tmp_path: Path) -> None:
    class Away(Log):
        def gone(self, positions: Mapping[str, Position]) -> Collection[str]:
            raise IncompleteError("the cluster is away", "look at it")

    run_cycles(Loop(Site(tmp_path, Away([])), store, FrozenClock(START)), 1)
    assert standing_of(store, START).cycle["error"] == "the cluster is away"


def test_the_ledger_is_read_once_a_cycle(tmp_path: Path) -> None:
    class Counting(SqliteStore):
        reads = 0

        def ledger(self, units: Collection[str] | None = None) -> Sequence[Searched]:
            self.reads += 1
            return super().ledger(units)

    class Correlating(NoCorrelations):
        told: Sequence[Searched] = ()

        def steps(self, now_ns: int, ledger: Sequence[Searched]) -> Generator[Step, None, None]:
            self.told = ledger
            yield from ()

    store = Counting(tmp_path / "state.db")
    clock = FrozenClock(START + 60 * SECOND)
    site = Site(tmp_path, Log(logons(*range(10)), size=4, fails={5}))
    correlator = Correlating()
    version = replace(site.load(store, clock.now_ns()), correlator=correlator)
    loop = Loop(site, store, clock)
    for cycles in (1, 2):
        loop.cycle(version, NEVER)
        assert store.reads == cycles
        # What correlations are told has what this cycle found out.
        assert list(correlator.told) == list(SqliteStore.ledger(store))
    store.close()


def test_rules_are_blind_where_nothing_was_searched(store: SqliteStore, tmp_path: Path) -> None:
    clock = FrozenClock(START)
    log = Log([])
    loop = Loop(Site(tmp_path, log), store, clock, LoopSettings(10))
    run_cycles(loop, 3)
    rules = store.rules().values()
    patience = 60 * SECOND
    now = clock.now_ns()
    assert all(
        entry.blind_since_ns is None for entry in coverage_of(rules, store.ledger(), now, patience)
    )
    last = START + 20 * SECOND  # when the third cycle planned
    later = list(coverage_of(rules, store.ledger(), last + 61 * SECOND, patience))
    assert [entry.blind_since_ns for entry in later] == [last, last]
    assert later[0].reason == f"{PATTERN} was not searched"


def test_a_first_start_looks_a_quarter_of_an_hour_back(store: SqliteStore, tmp_path: Path) -> None:
    clock = FrozenClock(START + 1000 * SECOND)
    log = Log(logons(50, 150))
    run_cycles(Loop(Site(tmp_path, log), store, clock), 1)
    assert {origin for _, origin in found(store)} == {"site/150"}


def test_a_changed_rule_does_not_alert_on_the_past_and_others_go_on(
    store: SqliteStore, tmp_path: Path
) -> None:
    clock = FrozenClock(START + 10 * SECOND)
    log = Log(logons(1))
    site = Site(tmp_path, log)
    run_cycles(Loop(site, store, clock), 1)
    site.rules = RULES.replace("event.code: 4625", "event.code: [4625, 4776]")
    clock.advance(100)
    changed_ns = clock.now_ns()
    # Taken by Elasticsearch while nobody looked, before the rule changed, and after.
    log.events += [event_of(2, 4625), event_of(3, 7045)]
    log.events += [event_of(4, 4776, changed_ns + SECOND)]
    clock.advance(10)
    loop = Loop(site, store, clock)
    version = site.load(store, changed_ns)
    loop.cycle(version, NEVER)
    assert found(store) == {(LOGON, "site/1"), (SERVICE, "site/3"), (LOGON, "site/4")}


def test_an_ingest_node_whose_clock_is_behind_hides_no_event(
    store: SqliteStore, tmp_path: Path
) -> None:
    clock = FrozenClock(START)
    log = Log([])
    loop = Loop(Site(tmp_path, log, first_start_ns=0), store, clock)
    run_cycles(loop, 1)
    hours = 7_200 * SECOND
    log.events = [
        event_of(60, 4625, ingested_ns=START + 60 * SECOND - hours),
        event_of(-60, 4625, ingested_ns=START - 60 * SECOND),  # of before the rule looked
    ]
    clock.advance(120)
    run_cycles(loop, 1)
    assert found(store) == {(LOGON, "site/60")}


def test_a_changed_text_goes_on_where_it_was(store: SqliteStore, tmp_path: Path) -> None:
    clock = FrozenClock(START + 10 * SECOND)
    site = Site(tmp_path, Log(logons(1)))
    run_cycles(Loop(site, store, clock), 1)
    before = store.rules()
    site.rules = RULES.replace("title: Failed logon", "title: Logon that failed")
    clock.advance(100)
    site.load(store, clock.now_ns())
    assert store.rules() == before


def test_a_repository_that_cannot_be_loaded_leaves_the_version_at_work(
    store: SqliteStore, tmp_path: Path
) -> None:
    clock = FrozenClock(START)
    log = Log([])
    site = Site(tmp_path, log)
    errors: list[Exception] = []
    loop = Loop(site, store, clock)

    def tell_loading(error: Exception | None, _: object) -> None:
        if error is not None:
            errors.append(error)

    def tell(_: CycleOutcome) -> None:
        if not errors:
            site.changed = True
            site.rules = "no: [yaml"
            log.events += logons(1)
        else:
            stop.set()

    stop = threading.Event()
    loop.tell, loop.tell_loading = tell, tell_loading
    loop.run(stop, threading.Event())
    assert len(errors) == 1
    assert found(store) == expected(log)


def test_alerts_of_what_happened_while_nobody_looked_are_tagged(
    store: SqliteStore, tmp_path: Path
) -> None:
    log = Log(logons(1, 2, 3), size=1, backfill_below=2)
    run_cycles(Loop(Site(tmp_path, log), store, FrozenClock(START + 60 * SECOND)), 1)
    tagged = {
        entry.alert.events[0].origin: "backfilled" in entry.alert.tags
        for entry in store.due("sink", 2**62, 10)
    }
    assert tagged == {"site/1": True, "site/2": True, "site/3": False}
    assert {entry.alert.date_ns for entry in store.due("sink", 2**62, 10)} == {
        START + number * SECOND for number in (1, 2, 3)
    }


def test_too_much_that_waits_holds_reading(store: SqliteStore, tmp_path: Path) -> None:
    log = Log(logons(*range(6)))
    loop = Loop(Site(tmp_path, log), store, FrozenClock(START + 60 * SECOND), LoopSettings(10, 5))
    run_cycles(loop, 1)
    log.events += logons(7)
    (held,) = run_cycles(loop, 1)
    assert held.is_held
    assert len(found(store)) == 6
    for entry in store.due("sink", 2**62, 2):
        store.delivered(entry, START)
    run_cycles(loop, 1)
    assert found(store) == expected(log)


def test_identities_are_those_of_a_single_pass(store: SqliteStore, tmp_path: Path) -> None:
    from sigma2hive.model.canonical import digest  # noqa: PLC0415

    log = Log(logons(1))
    run_cycles(Loop(Site(tmp_path, log), store, FrozenClock(START + 60 * SECOND)), 1)
    (entry,) = store.due("sink", 2**62, 10)
    assert entry.alert.source_ref == digest(event_identity(LOGON, log.events[0].key))


FILTER = """\
---
title: Scanner
logsource: {product: windows, service: security}
filter:
    rules: any
    selection: {event.code: 4625}
    condition: not selection
"""


def test_what_filters_take_away_is_counted_over_cycles(store: SqliteStore, tmp_path: Path) -> None:
    clock = FrozenClock(START + 60 * SECOND)
    log = Log(logons(0, 1))
    site = Site(tmp_path, log, rules=RULES + FILTER)
    run_cycles(Loop(site, store, clock), 1)
    log.events += [event_of(number, 4625) for number in range(2, 5)]
    clock.advance(60)
    run_cycles(Loop(site, store, clock), 1)
    (entry,) = standing_of(store, clock.now_ns()).suppressed
    assert (entry.title, entry.matches) == ("Scanner", 5)
    assert entry.last_ns >= START + 120 * SECOND
    assert not found(store)


def _unusable() -> Diagnostics:
    diagnostics = Diagnostics()
    diagnostics.error("S2H108", Location("rules"), "there is no rule that can be used", "mend it")
    return diagnostics


class Poisoned(Log):
    """A log with an event at which this program fails."""

    is_poisoned = True

    def read(self, part: Slice) -> Iterator[EventRows | Diagnostic]:
        yield from super().read(part)
        if self.is_poisoned and part.query["from"] == 2:
            raise RecursionError("maximum recursion depth exceeded")


def test_a_slice_at_which_this_program_fails_is_told_and_ends_nothing(
    store: SqliteStore, tmp_path: Path
) -> None:
    log = Poisoned([event_of(number, 7045) for number in range(6)], size=2)
    loop = Loop(Site(tmp_path, log), store, FrozenClock(START + 60 * SECOND))
    run_cycles(loop, 3)
    assert found(store) == told(store) == {(SERVICE, "site/0"), (SERVICE, "site/1")}
    standing = standing_of(store, START + 700 * SECOND)
    error = str(standing.cycle["error"])
    assert "looking at site-1: RecursionError: maximum recursion depth exceeded" in error
    assert {entry.record.rule_id for entry in standing.blind} == {LOGON, SERVICE}
    log.is_poisoned = False
    run_cycles(loop, 1)
    assert found(store) == told(store) == expected(log)


def test_a_shard_that_cannot_be_planned_makes_rules_blind_and_says_why(
    store: SqliteStore, tmp_path: Path
) -> None:
    class Red(Log):
        """A log of which another shard stands where it stood at the first look."""

        is_red = True

        def horizons(self) -> Mapping[str, int]:
            return {PATTERN: START if self.is_red else self.planned_ns}

        def held_back(self) -> Mapping[str, str]:
            return {PATTERN: "site-1/1: its primary does not run"} if self.is_red else {}

    log, clock = Red([event_of(0, 7045)]), FrozenClock(START)
    loop = Loop(Site(tmp_path, log), store, clock, LoopSettings(100))
    run_cycles(loop, 5)
    (entry, _) = standing_of(store, clock.now_ns()).blind
    assert (entry.blind_since_ns, entry.reason) == (START, "site-1/1: its primary does not run")
    log.is_red = False
    run_cycles(loop, 1)
    standing = standing_of(store, clock.now_ns())
    assert not standing.blind
    assert not any(rule.gaps for rule in standing.rules)


class Tidied(SqliteStore):
    """A store that knows when it was asked to forget what is old."""

    asked: tuple[int, ...] = ()

    def purge(self, now_ns: int, keep_ns: int, most_bytes: int) -> int:
        self.asked = (*self.asked, now_ns)
        return super().purge(now_ns, keep_ns, most_bytes)


def test_a_clock_that_was_ahead_puts_nothing_off_when_it_is_set_right(tmp_path: Path) -> None:
    store = Tidied(tmp_path / "state.db")
    store.open_sinks(["sink"])
    log = Log([])
    ahead_ns = START + 400 * 24 * 3_600 * SECOND
    store.mute(Mute(0, LOGON, (), ahead_ns, ahead_ns + 3_600 * SECOND, "patch day", "ann"))
    loop = Loop(Site(tmp_path, log), store, FrozenClock(ahead_ns + SECOND))
    outcomes: list[CycleOutcome] = []
    stop = threading.Event()

    def tell(outcome: CycleOutcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 1:
            loop.clock = FrozenClock(START)
        elif len(outcomes) == 2:
            log.events += logons(30, 31)
        else:
            stop.set()

    loop.tell = tell
    loop.run(stop, threading.Event())
    # The rules were new by a clock that was ahead: they look since it was set right.
    assert found(store) == told(store) == expected(log)
    assert [at_ns for at_ns in store.asked if at_ns < START + 3_600 * SECOND]
    (mute,) = store.mutes()
    assert mute.end_ns < START + 3_600 * SECOND
    store.close()


def test_rules_that_were_new_while_the_clock_was_ahead_look_after_the_next_start(
    store: SqliteStore, tmp_path: Path
) -> None:
    log = Log([])
    run_cycles(Loop(Site(tmp_path, log), store, FrozenClock(START + 10**18)), 1)
    log.events += logons(61, 62)
    run_cycles(Loop(Site(tmp_path, log), store, FrozenClock(START + 60 * SECOND)), 1)
    assert found(store) == expected(log)


def test_what_waits_for_a_sink_that_is_named_no_more_holds_nothing_up_and_is_told(
    store: SqliteStore, tmp_path: Path
) -> None:
    log = Log(logons(*range(3)))
    loop = Loop(Site(tmp_path, log), store, FrozenClock(START + 60 * SECOND), LoopSettings(10))
    run_cycles(loop, 1)
    store.pause("sink", "the key is refused")
    store.open_sinks(["other"])
    loop.settings = LoopSettings(10, most_waiting=2)
    log.events += logons(3, 4)
    (outcome,) = run_cycles(loop, 1)
    assert not outcome.is_held
    assert found(store) == expected(log)
    standing = standing_of(store, START + 70 * SECOND)
    assert standing.is_well
    text = " ".join(" ".join(standing_lines(standing)).split())
    assert "sink: 3 wait" in text
    assert "alerts go there no more: name it under `sinks` again" in text
    assert "paused" not in text


def test_what_a_sweep_reads_again_breaks_no_silence(store: SqliteStore, tmp_path: Path) -> None:
    clock = FrozenClock(START)
    event = event_of(0, 1, START - SECOND)
    log = Log([event])
    loop = Loop(Site(tmp_path, log), store, clock, LoopSettings(600, silence_seconds=3_600))
    run_cycles(loop, 4)
    # As a sweep does, an hour later.
    log.events.append(event)
    log.backfill_below = 2
    run_cycles(loop, 3)
    (first,) = store.due("sink", 2**62, 10)
    assert first.alert.title == f"No events in {PATTERN} since 2025-11-24 16:00:00 UTC"


def test_rules_that_could_not_be_loaded_again_are_told_until_they_are(
    store: SqliteStore, tmp_path: Path
) -> None:
    class Changing(Site):
        is_broken = False

        def load(self, store: StateStore, now_ns: int) -> Version:
            if self.is_broken:
                raise ConfigurationError(_unusable())
            return super().load(store, now_ns)

    site = Changing(tmp_path, Log([]), changed=True)
    loop = Loop(site, store, FrozenClock(START))
    stop, well = threading.Event(), list[bool]()

    def tell(outcome: CycleOutcome) -> None:
        well.append(standing_of(store, outcome.began_ns).is_well)
        site.changed, site.is_broken = True, len(well) == 1
        if len(well) == 3:
            stop.set()

    loop.tell = tell
    loop.run(stop, threading.Event())
    assert well == [True, False, True]


def test_a_source_that_goes_silent_is_told_once_each_time(
    store: SqliteStore, tmp_path: Path
) -> None:
    clock = FrozenClock(START)
    log = Log([event_of(0, 1)])
    loop = Loop(Site(tmp_path, log), store, clock, LoopSettings(600, silence_seconds=3_600))
    run_cycles(loop, 6)
    assert not store.due("sink", 2**62, 10)
    run_cycles(loop, 6)
    (first,) = store.due("sink", 2**62, 10)
    assert first.alert.title == f"No events in {PATTERN} since 2025-11-24 16:00:00 UTC"
    assert first.queued_ns == START + 3_600 * SECOND  # by the service's clock
    assert "- Failed logon\n- Service installed" in first.alert.description
    log.events.append(event_of(1, 1))
    run_cycles(loop, 12)
    assert len(store.due("sink", 2**62, 10)) == 2


def test_a_pattern_without_any_event_yet_is_not_called_silent(
    store: SqliteStore, tmp_path: Path
) -> None:
    loop = Loop(Site(tmp_path, Log([])), store, FrozenClock(START), LoopSettings(3_600))
    run_cycles(loop, 5)
    assert not store.due("sink", 2**62, 10)


class Remote(SqliteStore):
    """A store on a server, which is away for one call of each of these."""

    away: set[str]

    def _ask(self, call: str) -> None:
        if call in self.away:
            self.away.discard(call)
            raise UnreachableError(f"{call}: the state store is away", "start it")

    def positions(self, prefix: str = "") -> Mapping[str, Position]:
        self._ask("positions")
        return super().positions(prefix)

    def counts(self) -> Mapping[str, DeliveryCounts]:
        self._ask("counts")
        return super().counts()

    def commit(self, step: Step) -> None:
        self._ask("commit")
        super().commit(step)

    def note(self, name: str, value: JsonValue) -> None:
        self._ask("note")
        super().note(name, value)


@pytest.mark.parametrize("call", ["positions", "counts", "commit", "note"])
def test_a_store_that_is_away_is_tried_again_and_nothing_is_lost(tmp_path: Path, call: str) -> None:
    store = Remote(tmp_path / "state.db")
    store.away = set()
    store.open_sinks(["sink"])
    log = Log(logons(*range(6)))
    loop = Loop(Site(tmp_path, log), store, FrozenClock(START + 60 * SECOND), LoopSettings(10))
    load = loop.loading.load

    def then_away(store_: StateStore, now_ns: int) -> Version:
        version = load(store_, now_ns)
        store.away = {call}
        return version

    loop.loading.load = then_away  # type: ignore[method-assign]
    first, second = run_cycles(loop, 2)
    assert first.message == f"{call}: the state store is away"
    assert not second.message
    assert found(store) == told(store) == expected(log)
    store.close()
