"""A rule that was away for a time and comes back as it was finds what it missed, and that once."""

from pathlib import Path

import pytest

from sigma2hive.clock import FrozenClock
from sigma2hive.model.service import RuleRecord
from sigma2hive.runner.service.coverage import coverage_of
from sigma2hive.runner.service.loop import Loop, LoopSettings, Version
from sigma2hive.runner.service.rules import REMOVED
from sigma2hive.runner.store.sqlite import SqliteStore
from tests.runner.service.test_loop import NEVER, Mortal, _Killed, expected, found, told
from tests.runner.service.world import (
    LOG,
    LOGON,
    RULES,
    SECOND,
    SERVICE,
    START,
    Log,
    Site,
    event_of,
)

FIRST_RULE = RULES.partition("---\n")[0]
CHANGED = RULES.replace("event.code: 7045", "event.code: [7045, 4697]")


class Days:
    """A service whose rules change; events come in between."""

    def __init__(self, folder: Path, store: SqliteStore, clock: FrozenClock | None = None) -> None:
        self.store = store
        self.log = Log([], size=2)
        self.clock = clock or FrozenClock(START)
        self.site = Site(folder, self.log)
        self.loop = Loop(self.site, store, self.clock, LoopSettings(10))
        self.version: Version = self.site.load(store, self.clock.now_ns())

    def load(self, rules: str) -> None:
        self.site.rules = rules
        self.version = self.site.load(self.store, self.clock.now_ns())

    def happens(self, *codes: int) -> None:
        """Let a second pass before each event, and a cycle look at all of them."""
        for code in codes:
            self.clock.advance(1)
            number = (self.clock.now_ns() - START) // SECOND
            self.log.events.append(event_of(number, code))
        self.cycle()

    def cycle(self) -> None:
        self.clock.advance(1)
        self.loop.cycle(self.version, NEVER)

    @property
    def record(self) -> RuleRecord:
        return self.store.rules()[SERVICE]


@pytest.fixture
def days(tmp_path: Path, store: SqliteStore) -> Days:
    return Days(tmp_path, store)


def test_what_came_while_it_was_away_is_found_when_it_is_back(days: Days) -> None:
    days.happens(7045, 4625)
    days.load(FIRST_RULE)
    assert days.record.disabled == REMOVED
    days.happens(7045, 4625, 7045)
    days.load(RULES)
    days.happens(7045)
    assert found(days.store) == told(days.store) == expected(days.log)
    alerts = {
        entry.alert.date_ns: "backfilled" in entry.alert.tags
        for entry in days.store.due("sink", 2**62, 100)
        if entry.alert.rule_id == SERVICE
    }
    dates = [event.time_ns for event in days.log.events if event.values["event.code"] == ("7045",)]
    assert alerts == dict(zip(dates, (False, True, True, False), strict=True))
    assert (days.record.disabled, days.record.missed) == ("", "")


def test_once_it_has_caught_up_nothing_is_read_twice(days: Days) -> None:
    days.happens(7045)
    days.load(FIRST_RULE)
    days.happens(7045)
    days.load(RULES)
    days.cycle()
    before = days.log.reads
    days.happens(4625, 4625)
    assert days.log.reads == before + 1
    # Cursors that nobody needs are kept for a day: other runners may be about to.
    days.clock.advance(2 * 24 * 3600)
    days.load(RULES)
    assert set(days.store.positions()) == {LOG}


def test_a_rule_that_comes_back_changed_does_not_alert_on_the_past(days: Days) -> None:
    days.happens(7045)
    days.load(FIRST_RULE)
    days.happens(7045)
    days.load(CHANGED)
    days.happens(4697)
    assert {origin for rule, origin in found(days.store) if rule == SERVICE} == {"site/1", "site/5"}


def test_a_rule_that_changed_meanwhile_does_not_look_at_what_another_missed(days: Days) -> None:
    days.load(FIRST_RULE)
    days.happens(7045, 4776)
    days.load(RULES.replace("event.code: 4625", "event.code: [4625, 4776]"))
    days.happens(4776)
    assert found(days.store) == {(SERVICE, "site/1"), (LOGON, "site/4")}


def test_rules_that_go_and_come_at_different_times_miss_nothing(days: Days) -> None:
    other = RULES.partition("---\n")[2]
    days.happens(7045, 4625)
    days.load(FIRST_RULE)
    days.happens(7045, 4625)
    days.load(other)
    days.happens(7045, 4625)
    days.load(FIRST_RULE)
    days.happens(7045, 4625)
    days.load(RULES)
    days.happens(7045, 4625)
    assert found(days.store) == told(days.store) == expected(days.log)


def test_one_that_goes_again_before_it_has_caught_up_misses_nothing(days: Days) -> None:
    days.happens(7045)
    days.load(FIRST_RULE)
    days.happens(7045, 7045, 4625)
    days.load(RULES)
    days.load(FIRST_RULE)
    days.happens(7045)
    days.load(RULES)
    days.cycle()
    assert found(days.store) == told(days.store) == expected(days.log)


def test_what_it_missed_is_told_until_it_is_read(days: Days) -> None:
    days.happens(7045)
    days.load(FIRST_RULE)
    left_ns = days.clock.now_ns()
    days.happens(4625)
    days.load(RULES)
    now_ns = days.clock.now_ns()
    (gap,) = _coverage(days, now_ns)
    assert (gap.interval.start_ns, gap.interval.end_ns) == (left_ns, now_ns)
    days.cycle()
    assert not _coverage(days, days.clock.now_ns())


def _coverage(days: Days, now_ns: int) -> tuple:  # type: ignore[type-arg]
    records = [days.record]
    (entry,) = coverage_of(records, days.store.ledger(), now_ns, 300 * SECOND)
    assert entry.blind_since_ns is None
    return entry.gaps


def test_a_slice_that_fails_is_read_again(days: Days) -> None:
    days.happens(7045)
    days.load(FIRST_RULE)
    days.happens(7045, 7045, 7045)
    days.load(RULES)
    days.log.fails = {2}
    days.cycle()
    assert days.record.missed
    days.cycle()
    assert found(days.store) == told(days.store) == expected(days.log)
    assert not days.record.missed


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_in", range(1, 12))
def test_it_dies_at_any_step(tmp_path: Path, dies_in: int, *, after: bool) -> None:
    path, clock, left = tmp_path / "state.db", FrozenClock(START), dies_in
    log: Log | None = None
    for lives in (left, 0):
        store = Mortal(path, lives, after=after)
        store.open_sinks(["sink"])
        try:
            days = Days(tmp_path, store, clock)
            log = days.log = days.site.log = log or days.log
            _live(days)
        except _Killed:
            pass
        finally:
            store.close()
    store = SqliteStore(path)
    assert log is not None
    assert found(store) == told(store) == expected(log)
    store.close()


def _live(days: Days) -> None:
    for number, rules in enumerate((RULES, FIRST_RULE, RULES)):
        days.load(rules)
        if len(days.log.events) <= 2 * number:
            days.happens(7045, 4625)
        days.cycle()
