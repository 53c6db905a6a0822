"""What the service holds, how soon it tells, and what grows while it runs."""

from __future__ import annotations

import json
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from bench.service.stage import (
    CADENCE,
    Asked,
    Bench,
    add_now,
    cpu_seconds,
    peak_mb,
    server_cpu_seconds,
    started,
    waiting,
)
from bench.setting import client_of
from sigma2hive.clients.elasticsearch import Indices
from tests.chaos.windows import set_up_flat_windows, set_up_windows, windows_events
from tests.chaos.world import wait_until
from tests.service.site import Process, Site, service_installed

#: How often Elasticsearch is read through to be warm, and how many documents at once.
_WARM_ROUNDS, _PAGE = 3, 3_000
#: Seconds between two batches of a steady load.
_BATCH_SECONDS = 0.5
#: The title of a marker's alert.
_MARKER = re.compile(r"Service (\d+) installed on ")


def held(bench: Bench, asked: Asked) -> Iterator[str]:
    """Catch up with events that are there: what one runner holds."""
    set_up = set_up_windows if asked.file is None else set_up_flat_windows
    with bench.site(set_up=set_up, cadence_seconds=1) as site:
        made = windows_events(asked.events) if asked.file is None else _flat_events(asked.file)
        add_now(site, islice(made, asked.events))
        if asked.warm:
            _warm(site)
        process = started(site)
        began, cpu = time.monotonic(), cpu_seconds(process)
        server = server_cpu_seconds(bench.cluster)
        _wait_until_read(site, site.added)
        read, cpu = time.monotonic() - began, cpu_seconds(process) - cpu
        server = server_cpu_seconds(bench.cluster) - server
        wait_until(lambda: not waiting(site), 3_600)
        told = time.monotonic() - began
        alerts = site.thehive.control("GET", "state?counts")["Alert"]
        yield (
            f"{site.added:,} events read, matched and stored in {read:.1f} s: "
            f"{site.added / read:,.0f} a second, {site.added / cpu:,.0f} a CPU second "
            f"(delivery beside it); {alerts:,} alerts delivered after {told:.1f} s"
        )
        yield (
            f"CPU seconds until then: {cpu:.1f} of the service, {server:.1f} of Elasticsearch; "
            f"most memory {peak_mb(process):,.0f} MB"
        )


def _warm(site: Site) -> None:
    """Let Elasticsearch answer what it will be asked, so that its code is compiled."""
    with client_of(site.cluster) as client:
        for _ in range(_WARM_ROUNDS):
            with client.point_in_time(Indices((site.index,))) as view:
                body: dict[str, Any] = {"sort": ["_shard_doc"], "size": _PAGE}
                while len(page := client.quick_page(view, body)):
                    body["search_after"] = page.hit(len(page) - 1)["sort"]


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


def latency(bench: Bench, asked: Asked) -> Iterator[str]:
    """Let events come in steadily, one a second of which an alert is made."""
    with bench.site() as site:
        process = started(site)
        events = windows_events(asked.rate * asked.seconds)
        cpu = cpu_seconds(process)
        sent = _steadily(site, events, asked)
        wait_until(lambda: len(_markers(site)) >= sent, 600)
        cpu = cpu_seconds(process) - cpu
        waits = [seconds for _, seconds in sorted(_markers(site).items())]
        third = len(waits) // 3
        ordered = sorted(waits)
        yield (
            f"{asked.rate:,} events a second for {asked.seconds} s, a cycle each {CADENCE} s: "
            f"half told within {statistics.median(waits):.1f} s, "
            f"99 % within {ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]:.1f} s"
        )
        yield (
            f"median of the first third {statistics.median(waits[:third]):.1f} s, of the last "
            f"{statistics.median(waits[-third:]):.1f} s; {cpu:.0f} CPU seconds, most memory "
            f"{peak_mb(process):,.0f} MB"
        )


def soak(bench: Bench, asked: Asked) -> Iterator[str]:
    """Let events come in steadily for long, and look at what grows."""
    with bench.site() as site:
        process = started(site)
        done = threading.Event()
        figures: list[tuple[float, int, int]] = []
        watching = threading.Thread(target=_watch, args=(process, figures, done))
        watching.start()
        try:
            sent = _steadily(site, windows_events(asked.rate * asked.seconds), asked)
            wait_until(lambda: len(_markers(site)) >= sent, 600)
        finally:
            done.set()
            watching.join()
        for number in range(0, len(figures), max(1, len(figures) // 12)):
            megabytes, threads, files = figures[number]
            yield f"{number:,} s: {megabytes:.0f} MB, {threads} threads, {files} files open"
        waits = sorted(_markers(site).values())
        yield (
            f"{site.added:,} events in {asked.seconds:,} s; {len(waits):,} of {sent:,} markers "
            f"told, half within {statistics.median(waits):.1f} s; "
            f"{len(site.thehive.alerts()):,} alerts in all"
        )


def _watch(process: Process, figures: list[tuple[float, int, int]], done: threading.Event) -> None:
    """Note memory in MB, threads and open files once a second."""
    folder = Path(f"/proc/{process.process.pid}")
    while not done.wait(1):
        told = dict(
            line.split(":", 1) for line in (folder / "status").read_text().splitlines() if line
        )
        files = len(list((folder / "fd").iterdir()))
        figures.append((int(told["VmRSS"].split()[0]) / 1000, int(told["Threads"]), files))


def _steadily(site: Site, events: Iterator[dict[str, Any]], asked: Asked) -> int:
    """Add events at a rate, and return how many markers were among them."""
    size, began, markers = int(asked.rate * _BATCH_SECONDS), time.monotonic(), 0
    for number in range(int(asked.seconds / _BATCH_SECONDS)):
        batch = list(islice(events, size - 1))
        batch.append({**service_installed(number), "winlog": {"channel": "Security"}})
        markers += 1
        add_now(site, batch)
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


def alerts(bench: Bench, asked: Asked) -> Iterator[str]:
    """Let each event be an alert."""
    with bench.site(cadence_seconds=1) as site:
        add_now(
            site,
            (
                {**service_installed(number), "winlog": {"channel": "Security"}}
                for number in range(asked.alerts)
            ),
        )
        process = started(site)
        began = time.monotonic()
        count = lambda: site.thehive.control("GET", "state?counts").get("Alert", 0)  # noqa: E731
        wait_until(lambda: bool(count() >= asked.alerts), 3_600)
        took = time.monotonic() - began
        yield (
            f"{asked.alerts:,} alerts in {took:.1f} s: {asked.alerts / took:,.0f} a second, 4 at a "
            f"time, matching and storing included; most memory {peak_mb(process):,.0f} MB"
        )
