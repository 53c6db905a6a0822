"""A service of which only the reading is there: it plans, reads and keeps positions.

Takes a client and patterns; tells which documents came, how often, and in which slices. Time is
what a test says it is.
"""

import json
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.canonical import canonical_json
from sigma2hive.model.service import Position
from sigma2hive.model.times import NANOSECONDS, render_time
from sigma2hive.runner.reading.interface import Slice
from sigma2hive.runner.reading.reader import ElasticsearchReader
from sigma2hive.settings import ServiceSettings
from tests.bench.cluster import Cluster

MAPPING: Mapping[str, Any] = {
    "properties": {
        "@timestamp": {"type": "date"},
        "n": {"type": "long"},
        "event": {"properties": {"ingested": {"type": "date"}}},
    }
}
#: No refresh but those that a test asks for.
BY_HAND = {"refresh_interval": "-1"}
SETTINGS = ServiceSettings()


@dataclass
class Service:
    """Reads what is new, again and again; `restart` forgets all but the positions."""

    client: ElasticsearchClient
    targets: Collection[str]
    settings: ServiceSettings = SETTINGS
    now_s: int = field(default_factory=lambda: int(time.time()))
    positions: dict[str, Position] = field(default_factory=dict)
    read: Counter[str] = field(default_factory=Counter)
    slices: list[tuple[Slice, int]] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    computed: Mapping[str, Collection[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.reader = ElasticsearchReader(self.client, self.targets, self.settings, self.computed)

    def plan(self) -> Sequence[Slice]:
        return self.reader.plan(self.positions, self.now_s * NANOSECONDS)

    def take(self, part: Slice) -> int:
        """Read a slice whole, and commit it."""
        assert self.positions.get(part.unit) == part.expected, "the chain of a unit is broken"
        origins: list[str] = []
        for entry in self.reader.read(part):
            if isinstance(entry, Diagnostic):
                self.findings.append(entry)
            else:
                origins += [event.origin for event in entry]
        self.read.update(origins)
        self.slices.append((part, len(origins)))
        # As a store keeps it: JSON.
        self.positions[part.unit] = json.loads(canonical_json(part.position))
        return len(origins)

    def cycle(self, after_s: int = 0) -> int:
        """Let time pass, and read all that is planned then."""
        self.now_s += after_s
        return sum(map(self.take, self.plan()))

    def plan_after(self, seconds: int) -> Sequence[Slice]:
        self.now_s += seconds
        return self.plan()

    def cycles(self, count: int, each_s: int) -> int:
        return sum(self.cycle(each_s) for _ in range(count))

    def numbers(self) -> Counter[str]:
        """`_id` -> how often it was read."""
        found: Counter[str] = Counter()
        for origin, count in self.read.items():
            found[origin.rpartition("/")[2]] += count
        return found


def document(number: int, time_s: float, *, ingested_s: float | None = None) -> dict[str, Any]:
    """Return a document with a time, and with one of ingestion, in whole seconds as Fleet does."""
    made: dict[str, Any] = {"@timestamp": render_time(int(time_s * 1000) * 1_000_000), "n": number}
    if ingested_s is not None:
        made["event"] = {"ingested": render_time(int(ingested_s) * NANOSECONDS)}
    return made


def write(cluster: Cluster, index: str, documents: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Index documents by their `_id`s, and do not refresh."""
    lines = [
        f"{json.dumps({'index': {'_id': str(number)}})}\n{json.dumps(body)}\n"
        for number, body in documents
    ]
    answer = cluster.request("POST", f"{index}/_bulk", "".join(lines))
    assert not answer["errors"], answer


def refresh(cluster: Cluster, index: str) -> None:
    cluster.request("POST", f"{index}/_refresh")


def with_settings(**changes: int) -> ServiceSettings:
    return replace(SETTINGS, **changes)


def ids(numbers: Iterable[int]) -> set[str]:
    return set(map(str, numbers))
