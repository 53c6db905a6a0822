"""A second process finds what one finds, and nothing depends on what becomes of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.elasticsearch import Indices as Searched
from sigma2hive.clients.errors import MissingError
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.engine import compile_program
from sigma2hive.runner.deciding import Decider, RepeatError, Work, decided_in
from sigma2hive.runner.matching import DecidedRows, Matcher
from sigma2hive.runner.reading import ElasticsearchReader
from sigma2hive.runner.reading.interface import Slice
from sigma2hive.settings import ElasticsearchSettings, ServiceSettings
from tests.bench.cluster import Cluster, Indices
from tests.chaos.proxy import Proxy, Reply, Request
from tests.chaos.world import wait_until
from tests.clients.connecting import PASSWORD, client_of
from tests.runner.finding.service_world import MAPPING, SETTINGS, Place
from tests.runner.finding.world import slice_of
from tests.runner.service.world import repository_of
from tests.service.site import deciders_of

EVENTS = 800


@pytest.fixture(scope="module")
def client(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    with client_of(elasticsearch, elasticsearch.users.monitor) as client:
        yield client


@dataclass
class Beside:
    """A second process that asks Elasticsearch by a proxy, and what it told."""

    decider: Decider
    proxy: Proxy
    cluster: ElasticsearchSettings
    told: list[str]


@pytest.fixture
def beside(elasticsearch: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beside]:
    user = elasticsearch.users.monitor
    monkeypatch.setenv(PASSWORD, user.password)
    told: list[str] = []
    decider, proxy = Decider(told.append), Proxy(elasticsearch.url)
    cluster = ElasticsearchSettings((proxy.url,), None, user.name)
    yield Beside(decider, proxy, cluster, told)
    decider.close()
    proxy.close()
    assert not deciders_of(os.getpid())


@pytest.fixture
def place(tmp_path: Path, client: ElasticsearchClient, indices: Indices) -> Place:
    """A repository, and events in an index with two shards: several slices, some pages each."""
    index = indices.create(MAPPING, settings={**SETTINGS, "number_of_shards": 2})
    place = Place(tmp_path, client, index)
    place.write()
    indices.add(index, [place.document(number) for number in range(EVENTS)], 0)
    return place


def wait_for(decider: Decider, part: Slice) -> None:
    """Wait until a slice could be asked for: on a busy machine others would not wait so long."""
    wait_until(lambda: decider.takes(part))


def found(place: Place, state: str, *, cycles: int = 2) -> list[object]:
    """Return what a service has found, and what filters took away, after some cycles."""
    with place.service("stream", state) as service:
        if place.decider is not None:
            wait_for(place.decider, slice_of(place.index, place.index))
        for _ in range(cycles):
            place.clock.advance(5)
            outcome = service.cycle()
            assert not outcome.message
        standing = service.standing()
        suppressed = sorted((each.filter_id, each.matches) for each in standing.suppressed)
        assert standing.is_well
        # The time at which something was found is the clock's.
        return [service.matches(), [alert[:4] for alert in service.alerts()], suppressed]


def test_the_same_is_found(place: Place, beside: Beside) -> None:
    alone = found(place, "alone")
    place.decider, place.cluster = beside.decider, beside.cluster
    assert found(place, "two") == alone
    assert beside.proxy.requests > EVENTS / place.slice_documents
    assert not beside.told


@dataclass
class AtThirdSearch:
    """Everything goes on to Elasticsearch; with the third search the process gets a signal."""

    sign: signal.Signals
    searches: int = 0

    def __call__(self, request: Request, pass_on: Callable[[], Reply]) -> Reply | None:
        is_search = request.path.startswith("/_search")
        self.searches += is_search
        if is_search and self.searches == 3:
            (pid,) = deciders_of(os.getpid())
            os.kill(pid, self.sign)
        return pass_on()


def test_killed_while_it_reads_it_takes_nothing_away(place: Place, beside: Beside) -> None:
    alone = found(place, "alone")
    place.decider, place.cluster = beside.decider, beside.cluster
    at_third = AtThirdSearch(signal.SIGKILL)
    with beside.proxy.behaving(at_third):
        assert found(place, "two") == alone
    assert at_third.searches >= 3
    (line,) = beside.told
    assert "ended by signal 9" in line


def test_stopped_while_it_reads_it_holds_nothing_up(
    place: Place, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sigma2hive.runner.deciding.decider._LOOK_SECONDS", 0.05)
    alone = found(place, "alone")
    place.decider, place.cluster = beside.decider, beside.cluster
    with beside.proxy.behaving(AtThirdSearch(signal.SIGSTOP)):
        assert found(place, "two") == alone
    (line,) = beside.told
    assert "ended by signal 9 (Killed): it was stopped, and did not go on" in line


@dataclass
class Slices:
    """Slices of an index with 60 documents each, and both ways to decide them."""

    decider: Decider
    reader: ElasticsearchReader
    matcher: Matcher
    parts: Sequence[Slice]
    work: Work

    def here(self, part: Slice) -> Shown:
        return shown(decided_in(self.reader, self.matcher, part))

    def beside(self, part: Slice) -> Shown:
        wait_for(self.decider, part)
        return shown(self.decider.decided(part))


#: How many events there are, which of them meet a rule, and what is no event.
Shown = tuple[int, list[object], list[Diagnostic]]


def shown(entries: Iterator[DecidedRows | Diagnostic]) -> Shown:
    """Return what came of a slice, however large its pages were."""
    events, hits, findings = 0, [], []
    for entry in entries:
        if isinstance(entry, Diagnostic):
            findings.append(entry)
        else:
            events += len(entry)
            hits += [(rule, entry.event(row)) for row, rule in entry.decided.hits]
    return events, hits, findings


@pytest.fixture
def slices(tmp_path: Path, client: ElasticsearchClient, indices: Indices, beside: Beside) -> Slices:
    index = indices.create(
        MAPPING,
        [
            {
                "@timestamp": "2026-11-20T10:00:00Z" if number % 7 else "never",
                "event": {"code": str(4620 + number % 10)},
                "number": number,
            }
            for number in range(240)
        ],
        settings={"index.mapping.ignore_malformed": True},
    )
    compiled, _ = repository_of(tmp_path, pattern=index)
    settings = ServiceSettings(page_bytes=2_000)
    computed: dict[str, list[str]] = {index: []}
    matcher = Matcher(compiled, exhaustive=True)
    work = Work(compile_program(compiled.rules), beside.cluster, settings, computed)
    beside.decider.use(work)
    parts = [
        replace(
            slice_of(index, index, {"range": {"_seq_no": {"gte": start, "lt": start + 60}}}),
            position={"next": start + 60},
        )
        for start in range(0, 240, 60)
    ]
    reader = ElasticsearchReader(client, [index], settings, computed)
    return Slices(beside.decider, reader, matcher, parts, work)


def test_what_was_asked_for_and_is_not_wanted_is_forgotten(slices: Slices) -> None:
    first, second, third, fourth = slices.parts
    expected = [slices.here(part) for part in slices.parts]
    assert all(events > 50 and hits and findings for events, hits, findings in expected)
    slices.decider.ahead([first, second, third])
    assert slices.beside(second) == expected[1]
    some = slices.decider.decided(third)
    next(some)
    some.close()
    slices.decider.ahead([fourth, third])
    assert slices.beside(fourth) == expected[3]
    assert slices.beside(third) == expected[2]
    assert slices.beside(first) == expected[0]


def test_a_slice_at_which_it_fails_is_for_the_first_process(slices: Slices, beside: Beside) -> None:
    first, second, *_ = slices.parts
    mistaken = replace(slices.work.service, page_bytes="no number")  # type: ignore[arg-type]
    beside.decider.use(replace(slices.work, service=mistaken))
    with pytest.raises(RepeatError, match="TypeError"):
        slices.beside(first)
    (line,) = beside.told
    assert "the process that read it failed: TypeError" in line
    # Nor is it asked for a part of it, or for the same when that is planned again.
    assert not beside.decider.takes(replace(first, query={"match_none": {}}))
    wait_for(beside.decider, replace(second, position={"another": True}))


def test_one_that_cannot_work_is_told(slices: Slices, beside: Beside) -> None:
    nowhere = ElasticsearchSettings(("ftp://nowhere",))
    beside.decider.use(replace(slices.work, elasticsearch=nowhere))

    def is_told() -> bool:
        beside.decider.ahead(())  # as each cycle does
        return bool(beside.told)

    wait_until(is_told)
    assert "ended with code 1" in beside.told[0]
    assert "ftp://nowhere" in beside.told[0]


def test_stopped_for_a_moment_it_goes_on(
    slices: Slices, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sigma2hive.runner.deciding.decider._LOOK_SECONDS", 0.3)
    (first, *_) = slices.parts
    expected = slices.here(first)
    assert slices.beside(first) == expected
    (pid,) = deciders_of(os.getpid())
    os.kill(pid, signal.SIGSTOP)
    going_on = threading.Timer(0.4, os.kill, (pid, signal.SIGCONT))
    going_on.start()
    assert slices.beside(first) == expected
    going_on.join()
    assert deciders_of(os.getpid()) == [pid]
    assert not beside.told


def test_where_there_can_be_no_more_threads_it_is_told(
    slices: Slices, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr("sigma2hive.runner.deciding.decider.Thread", Refused)
    beside.decider.use(slices.work)
    assert not beside.decider.takes(slices.parts[0])
    assert set(beside.told) == {"no second process can be started: can't start new thread"}
    assert not deciders_of(os.getpid())


def test_what_elasticsearch_refuses_is_the_same_error(slices: Slices) -> None:
    (first, *_) = slices.parts
    gone = replace(first, indices=Searched(("s2h-not-there",)))
    with pytest.raises(MissingError) as here:
        slices.here(gone)
    with pytest.raises(MissingError) as there:
        slices.beside(gone)
    assert there.value.hint == here.value.hint
    assert slices.beside(first) == slices.here(first)
