"""How deliveries are ordered, repeated and bounded, whatever a sink does."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from sigma2hive.model.alerts import Alert
from sigma2hive.model.service import Receipt
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.outbox import Rules
from sigma2hive.runner.outbox.backoff import Backoff
from sigma2hive.sinks.courier import Delivered, Interrupted, Paused, Postponed, Refused, Verdict
from sigma2hive.sinks.steady import SteadyPace
from sigma2hive.storage import StorageError
from tests.runner.outbox.world import Scripted, World
from tests.runner.store.test_contract import alert_of, event_of


def test_the_most_severe_go_first_and_then_the_oldest(world: World) -> None:
    sink = Scripted()
    severities = (1, 3, 2, 4, 3, 1)
    world.deliver({"s": sink}, *(alert_of(n, severity) for n, severity in enumerate(severities)))
    assert sink.titles == [f"Failed logon {n}" for n in (3, 1, 4, 2, 0, 5)]
    assert world.store.counts()["s"].delivered == 6


def test_a_critical_alert_that_comes_later_overtakes_those_that_wait(world: World) -> None:
    def answer(alert: Alert) -> Verdict:
        world.clock.advance(1)  # each takes a second
        if alert.title.endswith(" 0"):
            world.queue(alert_of(99, 4))
        return Delivered()

    sink = Scripted(answer)
    world.deliver({"s": sink}, *(alert_of(n, 2) for n in range(10)))
    assert sink.titles.index("Failed logon 99") <= 2


def test_each_sink_has_its_own_progress(world: World) -> None:
    world.deliver({"a": Scripted()}, alert_of(1), alert_of(2))
    assert set(world.store.counts()) == {"a"}
    good, bad = Scripted(), Scripted(lambda _: Refused("no"))
    world.deliver({"good": good, "bad": bad}, alert_of(3), alert_of(4))
    counts = world.store.counts()
    assert (counts["good"].delivered, counts["good"].dead) == (2, 0)
    assert (counts["bad"].delivered, counts["bad"].dead) == (0, 2)
    assert counts["a"].delivered == 2


def test_a_sink_that_hangs_keeps_nothing_from_the_others(world: World) -> None:
    class Hanging(Scripted):
        released = threading.Event()

        def deliver(self, alert: Alert, *, was_delivered: bool) -> Verdict:
            super().deliver(alert, was_delivered=was_delivered)
            self.released.wait()
            return Interrupted()

        def stop(self) -> None:
            self.released.set()

    hanging, good = Hanging(), Scripted()
    couriers = {"hanging": hanging, "good": good}
    world.deliver(couriers, *map(alert_of, range(20)), watched=("good",))
    assert len(good.sent) == 20
    assert world.store.counts()["hanging"].waiting == 20
    assert (hanging.has_closed, good.has_closed) == (True, True)


def test_what_does_not_end_at_a_stop_is_left_and_sent_again_later(world: World) -> None:
    released, entered = threading.Event(), threading.Event()

    def answer(_alert: Alert) -> Verdict:
        entered.set()
        released.wait()
        return Interrupted()

    world.rules = replace(world.rules, stop_seconds=0.05)
    stuck = Scripted(answer)
    dispatcher = world.dispatcher({"s": stuck})
    world.queue(alert_of(1))
    running = threading.Thread(target=dispatcher.run, args=(world.clock.stop,))
    running.start()
    entered.wait()
    world.clock.stop.set()
    running.join()
    assert world.told == ["s: does not answer; what was on its way is sent again later"]
    released.set()
    sink = Scripted()
    world.deliver({"s": sink})
    assert sink.titles == ["Failed logon 1"]


def test_what_fails_is_tried_again_later_each_time(world: World) -> None:
    sink = Scripted(lambda _: Postponed("500"), clock=world.clock)
    world.rules = Rules(Backoff(chance=lambda: 0.0), most_failures=1_000)
    world.clock.at(400, world.clock.stop.set)
    world.deliver({"s": sink}, alert_of(1))
    times = [at for _, at in sink.sent]
    waits = [round(later - at) for at, later in pairwise(times)]
    assert waits[:6] == [1, 2, 4, 8, 16, 32]
    assert max(waits[6:]) <= 61
    assert world.store.counts()["s"].waiting == 1


def test_waits_are_cut_by_chance_so_that_not_all_come_back_at_once() -> None:
    chances = iter((0.0, 0.5, 0.999))
    backoff = Backoff(chance=lambda: next(chances))
    first, second, third = (backoff.seconds(3) for _ in range(3))
    assert (first, second) == (8, 6)
    assert 4 < third < 4.1


def test_retry_after_is_honoured_up_to_an_hour() -> None:
    backoff = Backoff(chance=lambda: 0.0)
    assert backoff.ns(0, 300) == 300 * 10**9
    assert backoff.ns(0, 10**9) == 3600 * 10**9


def test_a_sink_that_is_away_for_an_hour_is_probed_once_a_minute(world: World) -> None:
    def answer(_alert: Alert) -> Verdict:
        return Delivered() if world.clock.seconds >= 3600 else Postponed("away")

    sink = Scripted(answer, clock=world.clock)
    world.deliver({"s": sink}, *map(alert_of, range(200)))
    in_vain = [at for _, at in sink.sent if at < 3600]
    # 5 until it is known, 6 with growing waits, and then one a minute.
    assert 60 < len(in_vain) < 75
    delivered = [(alert.source_ref, at) for alert, at in sink.sent if at >= 3600]
    assert sorted(ref for ref, _ in delivered) == sorted(f"ref-{n}" for n in range(200))
    assert delivered[0][1] <= 3600 + 61
    assert delivered[-1][1] <= 3600 + 65
    assert world.told == ["s: paused: away", "s: delivers again"]
    assert world.store.counts()["s"].paused == ""


def test_after_failures_in_a_row_only_one_alert_at_a_time_is_tried(world: World) -> None:
    lock = threading.Lock()
    under_way, most_under_way, attempts = 0, 0, 0
    others = threading.Barrier(4)

    def answer(_alert: Alert) -> Verdict:
        nonlocal under_way, most_under_way, attempts
        with lock:
            under_way += 1
            attempts += 1
            is_known = attempts > 8
            if is_known and world.clock.seconds < 120:
                most_under_way = max(most_under_way, under_way)
        if not is_known:
            others.wait()  # four are under way at once
        verdict = Postponed("away") if world.clock.seconds < 120 else Delivered()
        with lock:
            under_way -= 1
        return verdict

    world.clock.step_seconds = 0.001  # others spin while one is slow
    world.deliver({"s": Scripted(answer, workers=4)}, *map(alert_of, range(50)))
    assert attempts > 10
    assert most_under_way == 1
    assert world.store.counts()["s"].delivered == 50


def test_one_alert_that_always_fails_keeps_no_other_back(world: World) -> None:
    def answer(alert: Alert) -> Verdict:
        is_away = world.clock.seconds < 600
        return Postponed("500") if is_away or alert.severity == 4 else Delivered()

    sink = Scripted(answer, clock=world.clock)
    world.clock.at(800, world.clock.stop.set)
    world.deliver({"s": sink}, alert_of(0, 4), *(alert_of(n, 1) for n in range(1, 30)))
    assert world.store.counts()["s"].delivered == 29


def test_a_pause_lasts_as_long_as_the_sink_asks(world: World) -> None:
    answers = iter([Paused("429: too many", 300.0)])
    sink = Scripted(lambda _: next(answers, Delivered()), clock=world.clock)
    reasons: list[str] = []
    world.clock.at(150, lambda: reasons.append(world.store.counts()["s"].paused))
    world.deliver({"s": sink}, *map(alert_of, range(5)))
    first, second = (at for _, at in sink.sent[:2])
    assert second - first >= 300
    assert reasons == ["429: too many"]
    assert world.store.counts()["s"].paused == ""


def test_a_version_that_comes_while_the_alert_is_sent_waits_its_turn(world: World) -> None:
    under_way, overlaps = 0, 0

    def answer(alert: Alert) -> Verdict:
        nonlocal under_way, overlaps
        under_way += 1
        overlaps += under_way > 1
        if len(alert.events) == 1:
            world.queue(alert_of(1, 2, event_of(1), event_of(2)))
        under_way -= 1
        return Delivered()

    sink = Scripted(answer, workers=4)
    world.deliver({"s": sink}, alert_of(1, 2, event_of(1)))
    assert [len(alert.events) for alert, _ in sink.sent] == [1, 2]
    assert sink.was_delivered == [False, True]
    assert overlaps == 0


def test_a_refused_alert_is_a_dead_letter_until_it_is_replayed(world: World) -> None:
    answers = iter([Refused("the title is too long")])
    sink = Scripted(lambda _: next(answers, Delivered()))
    world.deliver({"s": sink}, alert_of(1))
    (dead,) = world.store.dead()
    assert dead.reason == "the title is too long"
    assert world.told == [
        "s: refused for good: alert ref-1 'Failed logon 1': the title is too long"
    ]
    assert world.store.replay(alerts=[alert_of(1).identity]) == 1
    world.deliver({"s": sink})
    assert world.store.counts()["s"].delivered == 1


def test_a_mistake_of_ours_does_not_end_the_lane_and_is_told(world: World) -> None:
    def answer(alert: Alert) -> Verdict:
        if alert.title.endswith(" 1"):
            raise RuntimeError("oops")
        return Delivered()

    world.deliver({"s": Scripted(answer)}, *map(alert_of, range(3)))
    assert world.store.counts()["s"].delivered == 2
    (dead,) = world.store.dead()
    assert dead.reason == "sending it failed: RuntimeError: oops; report this as a mistake"


def test_what_cannot_be_noted_is_not_sent_again_while_the_disk_is_full(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.store.arrived
    failures = iter(range(3))

    def full(receipts: Sequence[Receipt]) -> None:
        if next(failures, None) is not None:
            raise StorageError("database or disk is full")
        real(receipts)

    monkeypatch.setattr(world.store, "arrived", full)
    sink = Scripted()
    world.deliver({"s": sink}, alert_of(1))
    assert sink.titles == ["Failed logon 1"]
    assert world.store.counts()["s"].delivered == 1
    assert world.told.count("s: the outbox cannot be written: database or disk is full") == 3


def test_nothing_more_is_sent_while_what_was_cannot_be_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.store.arrived
    failures = iter(range(20))
    sink = Scripted(workers=3)
    sent: list[int] = []

    def full(receipts: Sequence[Receipt]) -> None:
        if next(failures, None) is not None:
            sent.append(len(sink.sent))
            raise StorageError("database or disk is full")
        real(receipts)

    monkeypatch.setattr(world.store, "arrived", full)
    world.deliver({"s": sink}, *map(alert_of, range(30)))
    # Each thread may have one more under way.
    assert max(sent) <= 2 * sink.workers
    assert sorted(sink.titles) == sorted(f"Failed logon {n}" for n in range(30))
    assert world.store.counts()["s"].delivered == 30


def test_what_arrives_while_the_disk_is_slow_is_noted_in_one_step(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.store.arrived
    steps: list[int] = []
    sink = Scripted(workers=4)
    all_sent = threading.Event()

    def answer(_: Alert) -> Verdict:
        if len(sink.sent) == 4:
            all_sent.set()
        return Delivered()

    def slow(receipts: Sequence[Receipt]) -> None:
        assert all_sent.wait(60)  # the others send on meanwhile
        steps.append(len(receipts))
        real(receipts)

    sink.answer = answer
    monkeypatch.setattr(world.store, "arrived", slow)
    world.deliver({"s": sink}, *map(alert_of, range(4)))
    assert sum(steps) == 4
    assert len(steps) < 4
    assert len(sink.sent) == 4


def test_an_outbox_that_cannot_be_read_for_a_while_ends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.store.due
    failures = iter(range(3))

    def broken(sink: str, now_ns: int, limit: int) -> object:
        if next(failures, None) is not None:
            raise StorageError("database is locked")
        return real(sink, now_ns, limit)

    monkeypatch.setattr(world.store, "due", broken)
    sink = Scripted()
    world.deliver({"s": sink}, alert_of(1))
    assert sink.titles == ["Failed logon 1"]


def test_a_stop_while_sending_loses_nothing(world: World) -> None:
    def answer(_alert: Alert) -> Verdict:
        world.clock.stop.set()
        return Interrupted()

    world.deliver({"s": Scripted(answer)}, *map(alert_of, range(3)))
    counts = world.store.counts()["s"]
    assert (counts.waiting, counts.delivered) == (3, 0)
    assert [one.attempts for one in world.store.due("s", world.clock.now_ns(), 9)] == [0, 0, 0]


def test_a_clock_that_is_set_back_holds_nothing_up(world: World) -> None:
    answers = iter([Delivered(), Paused("429", 60.0)])
    back_ns = 5 * 3600 * NANOSECONDS
    was_set_back = False

    def answer(_alert: Alert) -> Verdict:
        nonlocal was_set_back
        verdict = next(answers, Delivered())
        if isinstance(verdict, Paused):
            world.clock.at(world.clock.seconds + 1, set_back)
        return verdict

    def set_back() -> None:
        nonlocal was_set_back
        world.clock._now_ns -= back_ns
        was_set_back = True

    sink = Scripted(answer, clock=world.clock)
    world.deliver({"s": sink}, *map(alert_of, range(5)))
    assert was_set_back
    others = [at for alert, at in sink.sent[2:] if alert.source_ref != sink.sent[1][0].source_ref]
    assert len(others) == 3
    # Far before the clock has come back to where it was.
    assert max(others) < -4 * 3600


def test_the_rate_does_not_wait_for_a_clock_that_was_set_back(world: World) -> None:
    pace = SteadyPace(5, world.clock)
    pace.call(lambda _: None)
    world.clock._now_ns -= 3600 * NANOSECONDS
    before = world.clock.seconds
    pace.call(lambda _: None)
    assert world.clock.seconds - before < 1


def test_what_is_told_moves_no_terminal(world: World) -> None:
    refused = Scripted(lambda _: Refused("no\x1b[2J"))
    world.deliver({"s": refused}, replace(alert_of(1), title="a\x1b]0;b"))
    assert "\x1b" not in "".join(world.told)
    assert len(world.told) == 1
