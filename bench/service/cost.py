"""What a cycle costs: by the size of an index, by the way events are found, beside ElastAlert 2."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Iterator
from contextlib import chdir
from itertools import islice
from pathlib import Path

from bench.service.stage import (
    Asked,
    Bench,
    add_now,
    cpu_seconds,
    server_cpu_seconds,
    span_of_cycle_with,
    started,
    waiting,
)
from bench.setting import CACHE
from tests.bench.cluster import Cluster
from tests.bench.elastalert_program import installed_elastalert
from tests.chaos.windows import windows_events
from tests.chaos.world import wait_until
from tests.elastalert.station import compiled, opened
from tests.service.site import Site, at


def sizes(bench: Bench, asked: Asked) -> Iterator[str]:
    """Read the same number of new events of indices of several sizes."""
    figures = []
    for size in asked.sizes:
        # Slow enough for `status` to see each cycle.
        with bench.site(cadence_seconds=5, first_start_seconds=1) as site:
            _fill(site, size)
            process = started(site)
            spans, cpus = [], []
            for _ in range(9):
                cpu, last = cpu_seconds(process), site.status()["cycle"].get("began", "")
                add_now(site, islice(windows_events(1_000), 1_000))
                spans.append(span_of_cycle_with(site, 1_000, last))
                cpus.append(cpu_seconds(process) - cpu)
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


def ways(bench: Bench, asked: Asked) -> Iterator[str]:
    """Read the same new events in one cycle by each way, with all rules and with ten of them."""
    few = bench.folder / "few"
    few.mkdir()
    for file in sorted(bench.rules.rglob("*.yml"))[::240]:
        (few / file.name).write_bytes(file.read_bytes())
    for rules in (bench.rules, few):
        for count in (1_000, asked.events):
            for way in ("stream", "query"):
                with bench.site(rules, cadence_seconds=3_600, way=way) as site:
                    add_now(site, islice(windows_events(count), count))
                    server = server_cpu_seconds(bench.cluster)
                    process = started(site)
                    cpu = cpu_seconds(process)
                    span = span_of_cycle_with(site, count)
                    cpu = cpu_seconds(process) - cpu
                    server = server_cpu_seconds(bench.cluster) - server
                    yield (
                        f"{len(list(rules.rglob('*.yml'))):,} files of rules, {count:,} new "
                        f"events, {way}: a cycle takes {span:.1f} s; CPU seconds: {cpu:.1f} of the "
                        f"service, {server:.1f} of Elasticsearch"
                    )


def beside(bench: Bench, asked: Asked) -> Iterator[str]:
    """Let the service and ElastAlert 2 look once at the same events with the same rules."""
    with bench.site(cadence_seconds=3_600) as site:
        add_now(site, islice(windows_events(asked.events), asked.events))
        before = _asked_of_server(bench.cluster)
        process = started(site)
        cpu = cpu_seconds(process)
        span = span_of_cycle_with(site, asked.events)
        wait_until(lambda: not waiting(site), 3_600)
        alerts = site.thehive.control("GET", "state?counts")["Alert"]
        yield (
            f"{asked.events:,} new events, sigma2hive: a cycle takes {span:.1f} s, "
            f"{alerts:,} alerts; {cpu_seconds(process) - cpu:.1f} CPU seconds, "
            "delivery included; Elasticsearch " + _since(before, _asked_of_server(bench.cluster))
        )
        process.kill()
        elastalert = installed_elastalert(CACHE, Path.home())
        with chdir(site.folder):
            written = len(list(compiled(site.folder).glob("*.yml")))
        with opened(elastalert, bench.cluster, site.thehive, site.folder) as station:
            for what, call in (
                ("loading", station.load),
                ("loading and looking once", lambda: station.run(at(1_800), at())),
            ):
                before, began = _asked_of_server(bench.cluster), time.monotonic()
                cpu = _cpu_seconds_of_children()
                ran = call()
                yield (
                    f"ElastAlert 2, {what}, {written:,} files of rules: "
                    f"{time.monotonic() - began:.1f} s, {sum(ran.matches.values()):,} matches; "
                    f"{_cpu_seconds_of_children() - cpu:.1f} CPU seconds; Elasticsearch "
                    + _since(before, _asked_of_server(bench.cluster))
                )


def _asked_of_server(cluster: Cluster) -> tuple[float, int]:
    """Return its CPU seconds, and how many searches its shards have answered."""
    shards = cluster.request("GET", "_stats/search")["_all"]["primaries"]["search"]
    return server_cpu_seconds(cluster), shards["query_total"]


def _since(before: tuple[float, int], after: tuple[float, int]) -> str:
    seconds, searches = (later - earlier for earlier, later in zip(before, after, strict=True))
    return f"{seconds:.1f} CPU seconds for {searches:,.0f} searches"


def _cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
