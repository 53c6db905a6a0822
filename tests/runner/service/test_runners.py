"""Two runners on one state store in Elasticsearch: every match once, whoever dies or is paused."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.clock import FrozenClock
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.service import MatchFilter, Position
from sigma2hive.runner.reading.interface import Document, Lost, Slice
from sigma2hive.runner.service.loop import Loop, LoopSettings
from sigma2hive.runner.store.elastic import ElasticStore
from sigma2hive.sources import EventRows
from tests.bench.cluster import Cluster
from tests.runner.service.test_loop import NEVER, expected
from tests.runner.service.world import LOG, PATTERN, SECOND, START, Log, Site, event_of
from tests.runner.store.elastic_world import Killed, Ticks, Watched, die, emptied, site_of
from tests.runner.store.elastic_world import Site as StateSite

CODES = (4625, 4624, 7045)


@pytest.fixture(scope="module")
def _indices(elasticsearch: Cluster) -> Iterator[StateSite]:
    with site_of(elasticsearch) as found:
        yield found


@pytest.fixture
def state(_indices: StateSite, elasticsearch: Cluster) -> StateSite:
    return emptied(_indices, elasticsearch)


class Runner:
    """A runner with a reader, a repository and clocks of its own, on a log that all read."""

    def __init__(self, folder: Path, log: Log, store: ElasticStore, ticks: Ticks) -> None:
        self.store, self.ticks = store, ticks
        self.clock = FrozenClock(START + 600 * SECOND)
        self.log = own = TellingLog(
            log.events, log.size
        )  # one list of events, and nothing else, is shared
        self.site = Site(folder, own)
        self.loop = Loop(self.site, store, self.clock, LoopSettings(10))
        self.version = self.site.load(store, self.clock.now_ns())

    def cycle(self, seconds: float = 10) -> Any:
        """Let a cadence pass and work."""
        self.ticks.advance(seconds)
        self.clock.advance(seconds)
        return self.loop.cycle(self.version, NEVER)


class TellingLog(Log):
    """A log that tells when it is read."""

    told: Callable[[], None] = staticmethod(lambda: None)

    def read(self, part: Slice) -> Iterator[EventRows | Diagnostic]:
        self.told()
        yield from super().read(part)


class Pausable(Watched):
    """A client that counts its requests from the first slice on."""

    is_armed = False

    def arm(self) -> None:
        self.is_armed = True

    def _counted(self, call: Callable[[], Any]) -> Any:
        return super()._counted(call) if self.is_armed else call()


def runner(folder: Path, log: Log, state: StateSite, client: Watched | None = None) -> Runner:
    ticks = Ticks()
    return Runner(folder, log, state.store(client, ticks), ticks)


def found(store: ElasticStore) -> list[tuple[str, str]]:
    return sorted((match.rule_id, match.event.origin) for match in store.walk(MatchFilter()))


def told(store: ElasticStore) -> list[tuple[str, str]]:
    """Return (rule, event) of all alerts that there are, sent or not."""
    return sorted(
        (own.rule_id, event.origin)
        for own in store.own_alerts(0)
        for event in getattr(store.alert(own.identity), "events", ())
    )


def log_of(number: int, size: int = 3) -> Log:
    return Log([event_of(n, CODES[n % 3]) for n in range(number)], size)


def grow(log: Log, number: int) -> None:
    start = len(log.events)
    log.events += [event_of(n, CODES[n % 3]) for n in range(start, start + number)]


def check(store: ElasticStore, log: Log) -> None:
    assert found(store) == sorted(expected(log))
    assert told(store) == sorted(expected(log))


@pytest.mark.parametrize("dies_at", [5, 20, 27, 34, 41, 48, 60])
def test_another_goes_on_when_one_is_killed(state: StateSite, tmp_path: Path, dies_at: int) -> None:
    log = log_of(12)
    opening = Watched(state.client)
    state.store(opening)
    other = runner(tmp_path / "b", log, state)
    other.store.open_sinks(["sink"])
    with pytest.raises(Killed):
        one = runner(tmp_path / "a", log, state, Watched(state.client, dies_at, die, after=True))
        for _ in range(10):
            one.cycle()
    cycles = 0
    while found(other.store) != sorted(expected(log)):
        other.cycle()
        if cycles == 0:
            grow(log, 1)
        cycles += 1
        assert cycles < 8  # a lease is three cadences
    check(other.store, log)


def test_another_goes_on_at_once_when_one_ends_in_good_order(
    state: StateSite, tmp_path: Path
) -> None:
    log = log_of(6)
    one, other = (runner(tmp_path / name, log, state) for name in "ab")
    one.store.open_sinks(["sink"])
    stop = threading.Event()
    one.loop.tell = lambda _: stop.set()
    one.loop.run(stop, threading.Event())
    grow(log, 3)
    other.cycle(0)  # nobody waits for the end of a lease
    check(other.store, log)


def test_only_one_of_two_reads_and_the_ledger_says_how_far(
    state: StateSite, tmp_path: Path
) -> None:
    log = log_of(9)
    one, other = (runner(tmp_path / name, log, state) for name in "ab")
    one.store.open_sinks(["sink"])
    for _ in range(3):
        one.cycle()
        other.cycle()
        grow(log, 3)
    assert one.site.log.reads > 0
    assert other.site.log.reads == 0
    one.cycle()
    check(one.store, log)
    (entry,) = one.store.ledger()
    assert entry.target == PATTERN
    assert entry.interval.end_ns == one.clock.now_ns()


@pytest.mark.parametrize("pauses_at", [1, 3, 5, 7, 9, 11, 13])
def test_one_that_was_paused_beyond_its_lease_adds_nothing(
    state: StateSite, tmp_path: Path, pauses_at: int
) -> None:
    log = log_of(12)
    other = runner(tmp_path / "b", log, state)
    other.store.open_sinks(["sink"])

    def pause() -> None:
        """Let the other take over meanwhile, and read on."""
        for _ in range(5):
            other.cycle()
        grow(log, 2)
        other.cycle()

    client = Pausable(state.client, pauses_at, pause)
    one = runner(tmp_path / "a", log, state, client)
    one.log.told = client.arm
    outcome = one.cycle()
    assert [part.unit for part in outcome.left] == [LOG]
    one.ticks.advance(100)
    one.cycle()
    check(other.store, log)


def test_two_at_once_find_every_match_once(state: StateSite, tmp_path: Path) -> None:
    log = log_of(30)
    runners = [runner(tmp_path / name, log, state) for name in "ab"]
    runners[0].store.open_sinks(["sink"])
    failed: list[BaseException] = []
    sent: list[str] = []

    def work(one: Runner) -> None:
        try:
            for _ in range(4):
                # Leases that end at once: both believe that all is theirs.
                one.cycle(1_000)
                for entry in one.store.due("sink", 2**62, 5):
                    sent.append(entry.alert.source_ref)
                    one.store.delivered(entry, START)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(one,)) for one in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    check(runners[0].store, log)
    counts = runners[0].store.counts()["sink"]
    assert counts.waiting + counts.delivered == len(expected(log))
    assert counts.delivered == len(set(sent))


class Shards:
    """Logs read as shards of one index: each is a unit of its own."""

    def __init__(self, logs: Sequence[Log]) -> None:
        self.by_unit = {log.unit: log for log in logs}

    def plan(self, positions: Mapping[str, Position], now_ns: int) -> Sequence[Slice]:
        return [part for log in self.by_unit.values() for part in log.plan(positions, now_ns)]

    def horizons(self) -> Mapping[str, int]:
        return {PATTERN: max(log.planned_ns for log in self.by_unit.values())}

    def held_back(self) -> Mapping[str, str]:
        return {}

    def lost(self, positions: Mapping[str, Position], looked_ns: int) -> Sequence[Lost]:
        return ()

    def read(self, part: Slice) -> Iterator[EventRows | Diagnostic]:
        return self.by_unit[part.unit].read(part)

    def documents(self, part: Slice) -> Sequence[Document]:
        return self.by_unit[part.unit].documents(part)

    def only(self, part: Slice, documents: Collection[Document]) -> Slice:
        return self.by_unit[part.unit].only(part, documents)

    def gone(self, positions: Mapping[str, Position]) -> Collection[str]:
        return ()

    @property
    def reads(self) -> dict[str, int]:
        return {unit: log.reads for unit, log in self.by_unit.items()}


def shard(number: int, events: int) -> Log:
    first = 1_000 * number
    made = [event_of(first + n, CODES[n % 3]) for n in range(events)]
    return Log(made, 3, unit=f"shard-{number}")


def read_by(one: Runner, reader: Shards) -> None:
    one.site.log = reader  # type: ignore[assignment]
    one.version = one.site.load(one.store, one.clock.now_ns())


def test_two_read_different_shards_at_the_same_time_and_one_takes_all_when_the_other_is_gone(
    state: StateSite, tmp_path: Path
) -> None:
    one, other = (runner(tmp_path / name, shard(0, 6), state) for name in "ab")
    one.store.open_sinks(["sink"])
    first = Shards([shard(0, 6)])
    read_by(one, first)
    one.cycle()
    # The second shard comes into sight of the other runner first.
    second = Shards([shard(0, 6), shard(1, 6)])
    read_by(other, second)
    other.cycle()
    first.by_unit |= Shards([shard(1, 6)]).by_unit
    for _ in range(3):
        for reader in (first, second):
            for number, log in enumerate(reader.by_unit.values()):
                log.events += [event_of(1_000 * number + len(log.events), 7045)]
        one.cycle()
        other.cycle()
    both = Log([event for log in first.by_unit.values() for event in log.events])
    assert first.reads["shard-1"] == second.reads["shard-0"] == 0
    assert first.reads["shard-0"] >= 4
    assert second.reads["shard-1"] >= 4
    check(one.store, both)
    for number, log in enumerate(first.by_unit.values()):
        log.events += [event_of(1_000 * number + len(log.events), 7045)]
    for _ in range(5):
        one.cycle()  # the other's lease is over meanwhile
    assert first.reads["shard-1"] > 0
    check(one.store, Log([event for log in first.by_unit.values() for event in log.events]))
    (entry,) = one.store.ledger()
    assert entry.interval.end_ns == one.clock.now_ns()
