"""What a rule missed, read again from the real Elasticsearch; and what is lost there, told."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sigma2hive.cli.status import standing_as_json, standing_lines
from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clock import FrozenClock
from sigma2hive.model.service import MatchFilter
from sigma2hive.model.times import NANOSECONDS, render_time
from sigma2hive.runner.raising import Raiser
from sigma2hive.runner.reading import ElasticsearchReader
from sigma2hive.runner.service.cycle import Cycle
from sigma2hive.runner.service.loop import Loop, NoCorrelations, Version
from sigma2hive.runner.service.missed import Missed, returned, take_in
from sigma2hive.runner.service.standing import standing_of
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.settings import ServiceSettings
from tests.bench.cluster import Cluster, Indices
from tests.clients.connecting import client_of
from tests.runner.service.test_loop import NEVER
from tests.runner.service.world import LOGON, RULES, SERVICE, Site, repository_of

FIRST_RULE = RULES.partition("---\n")[0]
MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "event": {"properties": {"code": {"type": "keyword"}}},
        "source": {"properties": {"ip": {"type": "ip"}}},
    }
}


@pytest.fixture(scope="module", params=["monitor", "reader"])
def client(request: pytest.FixtureRequest, elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    """Reads by number, and by time."""
    with client_of(elasticsearch, getattr(elasticsearch.users, request.param)) as client:
        yield client


class RealSite(Site):
    """The same repository on indices of a cluster, read in small slices."""

    client: ElasticsearchClient
    pattern: str

    def load(self, store: StateStore, now_ns: int) -> Version:
        rules = self.rules
        compiled, mappings = repository_of(self.folder, rules, self.pattern)
        records = take_in(store, compiled, now_ns, self.first_start_ns)
        raiser = Raiser(compiled, mappings)

        def reader() -> ElasticsearchReader:
            settings = ServiceSettings(slice_documents=20, catch_up_slices=2)
            return ElasticsearchReader(self.client, [self.pattern], settings)

        missed = tuple(
            Missed(name, Cycle(some, raiser, reader(), store, records))
            for name, some in returned(compiled, records).items()
        )
        return Version(
            "now", Cycle(compiled, raiser, reader(), store, records), NoCorrelations(), missed
        )


class Days:
    """A service on a real index, by a clock of its own."""

    def __init__(self, folder: Path, client: ElasticsearchClient, indices: Indices) -> None:
        self.indices = indices
        self.index = indices.create(MAPPING, name="site")
        self.store = SqliteStore(folder / "state.db")
        self.store.open_sinks(["sink"])
        self.clock = FrozenClock(time.time_ns())
        self.site = RealSite(folder, None)  # type: ignore[arg-type]
        self.site.client, self.site.pattern = client, "s2h-site-*"
        self.loop = Loop(self.site, self.store, self.clock)
        self.count = 0
        self.load(RULES)

    def load(self, rules: str) -> None:
        self.site.rules = rules
        self.version = self.site.load(self.store, self.clock.now_ns())

    def happens(self, *codes: int) -> None:
        """Index events, one a second, and let a cycle look at them a while later."""
        documents = []
        for code in codes:
            at = render_time(self.clock.now_ns() // NANOSECONDS * NANOSECONDS)
            documents.append({"@timestamp": at, "event": {"code": str(code)}})
            self.clock.advance(1)
        self.indices.add(self.index, documents, self.count)
        self.count += len(documents)
        self.cycle()

    def cycle(self) -> None:
        self.clock.advance(30)
        outcome = self.loop.cycle(self.version, NEVER)
        assert not outcome.message
        self.loop.note(self.version, outcome)

    def found(self, rule_id: str) -> list[int]:
        matches = self.store.find(MatchFilter(rule_id), 10_000)
        return sorted(int(match.event.origin.rpartition("/")[2]) for match in matches)


@pytest.fixture
def days(tmp_path: Path, client: ElasticsearchClient, indices: Indices) -> Iterator[Days]:
    days = Days(tmp_path, client, indices)
    yield days
    days.store.close()


def test_a_rule_that_is_back_finds_what_it_missed_in_bounded_slices(days: Days) -> None:
    days.cycle()
    days.happens(7045, 4625)
    days.load(FIRST_RULE)
    days.happens(*([7045] + [1] * 60 + [4625, 7045]) * 2)
    days.load(RULES)
    days.happens(7045, 4625)
    for _ in range(20):
        days.cycle()
    assert not days.store.rules()[SERVICE].missed
    assert days.found(SERVICE) == [0, 2, 64, 65, 127, 128]
    assert days.found(LOGON) == [1, 63, 126, 129]


@pytest.mark.parametrize("is_caught_up", [False, True])
def test_what_is_closed_while_a_rule_catches_up_is_read_when_it_is_open(
    days: Days, elasticsearch: Cluster, *, is_caught_up: bool
) -> None:
    days.cycle()
    days.happens(7045)
    days.load(FIRST_RULE)
    days.happens(*[7045] * (10 if is_caught_up else 90))  # more than two cycles read again
    for _ in range(10):
        days.cycle()
    days.load(RULES)
    if is_caught_up:
        for _ in range(10):
            days.cycle()
    elasticsearch.request("POST", f"{days.index}/_close")
    for _ in range(10):
        days.cycle()
    # What was not read is a gap until it is.
    assert bool(days.store.rules()[SERVICE].missed) is not is_caught_up
    elasticsearch.request("POST", f"{days.index}/_open")
    elasticsearch.request("GET", "_cluster/health?wait_for_status=yellow&timeout=60s")
    for _ in range(10):
        days.cycle()
    assert days.found(SERVICE) == list(range(days.count))
    assert not days.store.rules()[SERVICE].missed


def test_what_stays_closed_is_told_as_lost_and_waited_for_no_longer(
    days: Days, elasticsearch: Cluster
) -> None:
    days.cycle()
    days.happens(7045)
    days.load(FIRST_RULE)
    days.happens(*[7045] * 90)
    for _ in range(10):
        days.cycle()
    days.load(RULES)
    elasticsearch.request("POST", f"{days.index}/_close")
    for _ in range(10):
        days.cycle()
    assert days.store.rules()[SERVICE].missed
    days.clock.advance(31 * 24 * 3_600)
    days.cycle()
    assert not days.store.rules()[SERVICE].missed
    standing = standing_of(days.store, days.clock.now_ns())
    [loss] = standing.losses
    assert loss.target == days.index
    assert loss.reason.startswith("it stayed closed for 30 days after a rule was back")
    gaps = {e.record.rule_id: [gap.target for gap in e.gaps] for e in standing.rules}
    assert gaps == {LOGON: [], SERVICE: [days.index]}


def test_an_index_that_was_closed_before_a_rule_went_keeps_it_from_nothing(
    days: Days, elasticsearch: Cluster
) -> None:
    days.cycle()
    days.happens(7045)
    elasticsearch.request("POST", f"{days.index}/_close")
    days.cycle()
    days.load(FIRST_RULE)
    days.cycle()
    days.load(RULES)
    days.cycle()
    assert not days.store.rules()[SERVICE].missed


def test_what_was_deleted_before_it_was_read_is_told(days: Days, elasticsearch: Cluster) -> None:
    days.cycle()
    days.happens(*[1] * 200)  # more than a cycle reads
    elasticsearch.request("DELETE", days.index)
    days.clock.advance(30)
    outcome = days.loop.cycle(days.version, NEVER)
    [loss] = outcome.lost
    assert (loss.target, loss.reason) == (
        days.index,
        "it was deleted before it was read to its end",
    )
    assert not days.loop.cycle(days.version, NEVER).lost
    standing = standing_of(days.store, days.clock.now_ns())
    assert not standing.is_well
    assert "Lost (1)" in list(standing_lines(standing))
    assert [entry["index"] for entry in standing_as_json(standing)["lost"]] == [days.index]  # type: ignore[attr-defined]


def test_what_was_deleted_before_a_rule_was_back_is_told_of_that_rule(
    days: Days, elasticsearch: Cluster
) -> None:
    days.cycle()
    days.happens(*[7045] * 200)  # more than a cycle reads
    days.load(FIRST_RULE)
    for _ in range(20):
        days.cycle()
    elasticsearch.request("DELETE", days.index)
    days.cycle()
    days.load(RULES)
    days.cycle()
    gaps = {
        entry.record.rule_id: entry.gaps
        for entry in standing_of(days.store, days.clock.now_ns()).rules
    }
    assert [gap.target for gap in gaps[SERVICE]] == [days.index]
    assert not gaps[LOGON]
