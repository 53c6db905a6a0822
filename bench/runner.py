"""What the service costs: how soon it tells, how much it holds, and what an index's size adds.

Takes SigmaHQ's Windows rules (2,400 of them), a fresh Elasticsearch and the double of TheHive; the
service is the program itself, in a process of its own. Prints one row a measurement.

    python -m bench.runner
    python -m bench.runner --only latency --seconds 60 --rate 2000
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from bench.setting import running_cluster, shared_folder
from tests.bench.cluster import Cluster
from tests.chaos.windows import set_up_flat_windows, set_up_windows, windows_events
from tests.chaos.world import NO_CAPS, wait_until
from tests.doubles.running import running_thehive
from tests.service.site import Process, Site, at, service_installed

#: Writes the repository of a site, with the rules of a folder.
SetUp = Callable[[Site, Path], None]
_TICKS = os.sysconf("SC_CLK_TCK")
#: Seconds between two batches of a steady load.
_BATCH_SECONDS = 0.5
_CADENCE = 10
#: The title of a marker's alert.
_MARKER = re.compile(r"Service (\d+) installed on ")


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
                "service": {"cadence_seconds": _CADENCE, "watermark_seconds": 1, **service},
                "floods": NO_CAPS,
            }
            set_up(site, rules or self.rules)
            try:
                yield site
            finally:
                for process in site.processes:
                    process.kill()


def main() -> None:
    """Measure, and print."""
    asked = _asked()
    rules = shared_folder() / "data" / "sigmahq" / "rules" / "windows"
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}", flush=True)
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sigma2hive-bench-"))
        bench = Bench(cluster, Path(folder), rules)
        print("| what | figures |\n|---|---|", flush=True)
        for name, measure in MEASURES.items():
            if asked.only in ("", name):
                for row in measure(bench, asked):
                    print(f"| {name} | {row} |", flush=True)
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")


def _asked() -> Asked:
    parser = argparse.ArgumentParser(prog="python -m bench.runner", description=__doc__)
    parser.add_argument("--only", default="", choices=["", *MEASURES])
    parser.add_argument("--events", type=int, default=100_000, help="to catch up with")
    parser.add_argument("--rate", type=int, default=1_000, help="events a second of a steady load")
    parser.add_argument("--seconds", type=int, default=60, help="how long it lasts")
    parser.add_argument("--sizes", type=int, nargs="*", default=[30_000, 300_000, 3_000_000])
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--file", type=Path, help="Windows events to catch up with, not made ones")
    return Asked(**vars(parser.parse_args()))


def _held(bench: Bench, asked: Asked) -> Iterator[str]:
    """Catch up with events that are there: what one runner holds."""
    set_up = set_up_windows if asked.file is None else set_up_flat_windows
    with bench.site(set_up=set_up, cadence_seconds=1) as site:
        made = windows_events(asked.events) if asked.file is None else _flat_events(asked.file)
        _add(site, islice(made, asked.events))
        process = _started(site)
        began, cpu = time.monotonic(), _cpu_seconds(process)
        _wait_until_read(site, site.added)
        read, cpu = time.monotonic() - began, _cpu_seconds(process) - cpu
        wait_until(lambda: not _waiting(site), 3_600)
        told = time.monotonic() - began
        alerts = site.thehive.control("GET", "state?counts")["Alert"]
        yield (
            f"{site.added:,} events read, matched and stored in {read:.1f} s: "
            f"{site.added / read:,.0f} a second, {site.added / cpu:,.0f} a CPU second "
            f"(delivery beside it); {alerts:,} alerts delivered after {told:.1f} s"
        )
        yield f"most memory {_peak_mb(process):,.0f} MB"


def _latency(bench: Bench, asked: Asked) -> Iterator[str]:
    """Let events come in steadily, one a second of which an alert is made."""
    with bench.site() as site:
        process = _started(site)
        events = windows_events(asked.rate * asked.seconds)
        cpu = _cpu_seconds(process)
        sent = _steadily(site, events, asked)
        wait_until(lambda: len(_markers(site)) >= sent, 600)
        cpu = _cpu_seconds(process) - cpu
        waits = [seconds for _, seconds in sorted(_markers(site).items())]
        third = len(waits) // 3
        ordered = sorted(waits)
        yield (
            f"{asked.rate:,} events a second for {asked.seconds} s, a cycle each {_CADENCE} s: "
            f"half told within {statistics.median(waits):.1f} s, "
            f"99 % within {ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]:.1f} s"
        )
        yield (
            f"median of the first third {statistics.median(waits[:third]):.1f} s, of the last "
            f"{statistics.median(waits[-third:]):.1f} s; {cpu:.0f} CPU seconds, most memory "
            f"{_peak_mb(process):,.0f} MB"
        )


def _steadily(site: Site, events: Iterator[dict[str, Any]], asked: Asked) -> int:
    """Add events at a rate, and return how many markers were among them."""
    size, began, markers = int(asked.rate * _BATCH_SECONDS), time.monotonic(), 0
    for number in range(int(asked.seconds / _BATCH_SECONDS)):
        batch = list(islice(events, size - 1))
        batch.append({**service_installed(number), "winlog": {"channel": "Security"}})
        markers += 1
        _add(site, batch)
        threading.Event().wait(max(0.0, began + (number + 1) * _BATCH_SECONDS - time.monotonic()))
    behind = time.monotonic() - began - asked.seconds
    if behind > 1:
        print(f"  (the load itself took {behind:.0f} s longer)", flush=True)
    return markers


def _markers(site: Site) -> dict[int, float]:
    """Return, by number, how long each marker's alert took to be in TheHive."""
    found = {}
    for alert in site.thehive.alerts():
        if found_number := _MARKER.match(alert["title"]):
            number = int(found_number[1])
            found[number] = (alert["_createdAt"] - alert["date"]) / 1000
    return found


def _sizes(bench: Bench, asked: Asked) -> Iterator[str]:
    """Read the same number of new events of indices of several sizes."""
    figures = []
    for size in asked.sizes:
        # Slow enough for `status` to see each cycle.
        with bench.site(cadence_seconds=5, first_start_seconds=1) as site:
            _fill(site, size)
            process = _started(site)
            spans, cpus = [], []
            for _ in range(9):
                cpu, last = _cpu_seconds(process), site.status()["cycle"].get("began", "")
                _add(site, islice(windows_events(1_000), 1_000))
                spans.append(_span_of_cycle_with(site, 1_000, last))
                cpus.append(_cpu_seconds(process) - cpu)
            figures.append(statistics.median(spans))
            yield (
                f"{size:,} documents, 1,000 new ones: a cycle takes {figures[-1]:.2f} s (median of "
                f"9), {statistics.median(cpus):.2f} CPU seconds; "
                f"{figures[-1] / figures[0]:.2f} times the first"
            )


def _fill(site: Site, count: int) -> None:
    """Put old documents there, small ones: they are never read."""
    happened = {"@timestamp": at(86_400), "event": {"code": "4624", "ingested": at(86_400)}}
    made = (
        {**happened, "number": number, "host": {"name": f"host-{number % 5_000}"}}
        for number in range(count)
    )
    while batch := list(islice(made, 20_000)):
        site.add(batch)


def _span_of_cycle_with(site: Site, events: int, last: str = "") -> float:
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


def _ways(bench: Bench, asked: Asked) -> Iterator[str]:
    """Read the same new events in one cycle by each way, with all rules and with ten of them."""
    few = bench.folder / "few"
    few.mkdir()
    for file in sorted(bench.rules.rglob("*.yml"))[::240]:
        (few / file.name).write_bytes(file.read_bytes())
    for rules in (bench.rules, few):
        for count in (1_000, asked.events):
            for way in ("stream", "query"):
                with bench.site(rules, cadence_seconds=3_600, way=way) as site:
                    _add(site, islice(windows_events(count), count))
                    server = _server_cpu_seconds(bench.cluster)
                    process = _started(site)
                    cpu = _cpu_seconds(process)
                    span = _span_of_cycle_with(site, count)
                    cpu = _cpu_seconds(process) - cpu
                    server = _server_cpu_seconds(bench.cluster) - server
                    yield (
                        f"{len(list(rules.rglob('*.yml'))):,} files of rules, {count:,} new "
                        f"events, {way}: a cycle takes {span:.1f} s; CPU seconds: {cpu:.1f} of the "
                        f"service, {server:.1f} of Elasticsearch"
                    )


def _server_cpu_seconds(cluster: Cluster) -> float:
    nodes = cluster.request("GET", "_nodes/stats/process")["nodes"]
    return sum(node["process"]["cpu"]["total_in_millis"] for node in nodes.values()) / 1000


def _alerts(bench: Bench, asked: Asked) -> Iterator[str]:
    """Let each event be an alert."""
    with bench.site(cadence_seconds=1) as site:
        _add(
            site,
            (
                {**service_installed(number), "winlog": {"channel": "Security"}}
                for number in range(asked.alerts)
            ),
        )
        process = _started(site)
        began = time.monotonic()
        count = lambda: site.thehive.control("GET", "state?counts").get("Alert", 0)  # noqa: E731
        wait_until(lambda: bool(count() >= asked.alerts), 3_600)
        took = time.monotonic() - began
        yield (
            f"{asked.alerts:,} alerts in {took:.1f} s: {asked.alerts / took:,.0f} a second, 4 at a "
            f"time, matching and storing included; most memory {_peak_mb(process):,.0f} MB"
        )


def _started(site: Site) -> Process:
    process = site.start()
    process.wait_for(" rules of ")
    return process


def _add(site: Site, events: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> None:
    """Let events come in that happen now."""
    waiting = iter(events)
    while batch := list(islice(waiting, 2_000)):
        for document in batch:
            document["event"]["ingested"] = document["@timestamp"] = at()
        site.add(batch)


def _flat_events(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for line in lines:
            yield {**json.loads(line), "event": {}}


def _wait_until_read(site: Site, events: int) -> None:
    """Wait until the service has committed so many events."""
    told: Callable[[], int] = lambda: sum(  # noqa: E731
        int(line.split("  ")[1].split()[0].replace(",", ""))
        for line in site.processes[-1].lines
        if " events, " in line
    )
    wait_until(lambda: told() >= events, 3_600)


def _waiting(site: Site) -> int:
    return sum(int(sink["waiting"]) for sink in site.status()["sinks"].values())


def _cpu_seconds(process: Process) -> float:
    fields = Path(f"/proc/{process.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak_mb(process: Process) -> float:
    for line in Path(f"/proc/{process.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    return 0.0


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text[:26].rstrip("Z")).replace(tzinfo=UTC)


MEASURES: dict[str, Callable[[Bench, Asked], Iterator[str]]] = {
    "held": _held,
    "latency": _latency,
    "size": _sizes,
    "ways": _ways,
    "alerts": _alerts,
}

if __name__ == "__main__":
    main()
