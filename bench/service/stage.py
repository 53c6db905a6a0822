"""What measurements of the service stand on: a site, its events, and what a process used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from tests.bench.cluster import Cluster
from tests.chaos.windows import set_up_windows
from tests.chaos.world import NO_CAPS, wait_until
from tests.doubles.running import running_thehive
from tests.service.site import Process, Site, at

#: Writes the repository of a site, with the rules of a folder.
SetUp = Callable[[Site, Path], None]
#: Seconds from the start of a cycle to the next, where nothing else is said.
CADENCE = 10
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    only: str
    events: int
    rate: int
    seconds: int
    sizes: Sequence[int]
    alerts: int
    file: Path | None
    warm: bool


@dataclass(slots=True)
class Bench:
    """Makes sites in one cluster."""

    cluster: Cluster
    folder: Path
    rules: Path
    made: int = 0

    @contextmanager
    def site(
        self, rules: Path | None = None, set_up: SetUp = set_up_windows, **service: Any
    ) -> Iterator[Site]:
        """Give a site whose service reads an index that is empty yet, with all rules or others."""
        self.made += 1
        folder = self.folder / f"site-{self.made}"
        folder.mkdir()
        with running_thehive() as running, self.cluster.indices() as indices:
            site = Site(folder, self.cluster, indices, running.thehive, self.cluster.users.monitor)
            site.settings |= {
                "service": {"cadence_seconds": CADENCE, "watermark_seconds": 1, **service},
                "floods": NO_CAPS,
            }
            set_up(site, rules or self.rules)
            try:
                yield site
            finally:
                for process in site.processes:
                    process.kill()


def started(site: Site) -> Process:
    """Start the service, and wait until it has its rules."""
    process = site.start()
    process.wait_for(" rules of ")
    return process


def add_now(site: Site, events: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> None:
    """Let events come in that happen now."""
    left = iter(events)
    while batch := list(islice(left, 2_000)):
        for document in batch:
            document["event"]["ingested"] = document["@timestamp"] = at()
        site.add(batch)


def waiting(site: Site) -> int:
    """Return how many alerts wait for a sink."""
    return sum(int(sink["waiting"]) for sink in site.status()["sinks"].values())


def cpu_seconds(process: Process) -> float:
    """Return what the process has used, and the second one of the service."""
    return sum(_cpu_seconds_of(pid) for pid in _processes(process))


def _processes(process: Process) -> list[int]:
    pid = process.process.pid
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, found)]


def _cpu_seconds_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_mb(process: Process) -> float:
    """Return the most memory that the process and the second one of the service have had."""
    return sum(_peak_mb_of(pid) for pid in _processes(process))


def _peak_mb_of(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    return 0.0


def server_cpu_seconds(cluster: Cluster) -> float:
    """Return what Elasticsearch has used."""
    nodes = cluster.request("GET", "_nodes/stats/process")["nodes"]
    return sum(node["process"]["cpu"]["total_in_millis"] for node in nodes.values()) / 1000


def span_of_cycle_with(site: Site, events: int, last: str = "") -> float:
    """Return the seconds of the cycle that read so many events, a later one than the last."""
    found: list[float] = []

    def has_come() -> bool:
        cycle = site.status()["cycle"]
        if cycle.get("events", 0) < events or cycle["began"] == last:
            return False
        found.append((_time(cycle["ended"]) - _time(cycle["began"])).total_seconds())
        return True

    wait_until(has_come, 600)
    return found[0]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text[:26].rstrip("Z")).replace(tzinfo=UTC)
