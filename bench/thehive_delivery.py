"""How fast alerts go into TheHive: the sink against the double, in its own process.

    python -m bench.thehive_delivery --alerts 10000

Prints alerts a second, how many arrived and how often, and how much memory both processes hold.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sigma2hive.model.alerts import Alert
from sigma2hive.settings import TheHiveSettings
from sigma2hive.sinks import Outcome, SinkRequest, open_sink
from tests.doubles.running import running_thehive
from tests.sinks.alerts import address, alert, event

_KEY = "SIGMA2HIVE_THEHIVE_API_KEY"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def alerts(count: int, events: int) -> Iterator[Alert]:
    """Yield alerts as a correlation makes them: four observables, raw logs in the description."""
    for number in range(count):
        logs = tuple(event(n, b'{"event":%d,"pad":"%s"}' % (n, b"x" * 700)) for n in range(events))
        shown = "\n".join(log.raw.decode() for log in logs)
        yield replace(
            alert(),
            source_ref=f"{number:064x}",
            title=f"Failed logons from 10.0.{number // 250}.{number % 250}",
            description=f"It happened.\n\n```\n{shown}\n```",
            observables=(
                address(f"10.0.{number // 250}.{number % 250}"),
                address("dc01.corp.example", data_type="fqdn"),
                *(address(f"user{number % 100}{n}", data_type="other") for n in range(2)),
            ),
            custom_fields={},
            events=logs,
        )


def resident_mb(process: int | str) -> float:
    """Return the memory that a process holds."""
    pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    return int(pages) * _PAGE_BYTES / 1e6


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=3, help="raw logs of each alert")
    parser.add_argument("--concurrency", type=int, default=8)
    asked = parser.parse_args()
    with running_thehive() as running:
        os.environ[_KEY] = running.thehive.key
        settings = TheHiveSettings(
            url=running.thehive.url,
            live=True,
            concurrency=asked.concurrency,
            requests_per_second=100_000,
        )
        for title in ("first run", "the same again"):
            began, memory = time.perf_counter(), []
            sink = open_sink(SinkRequest("thehive", Path(), thehive=settings))
            for number, one in enumerate(alerts(asked.alerts, asked.events)):
                sink.push(one)
                if number % max(1, asked.alerts // 10) == 0:
                    memory.append(resident_mb("self"))
            closing = sink.close()
            seconds = time.perf_counter() - began
            counts = Counter(closing.outcomes.values())
            told = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
            print(f"{title}: {told} in {seconds:.1f} s, {asked.alerts / seconds:,.0f} a second")
            print(f"  memory (MB): {', '.join(f'{size:.0f}' for size in memory)}")
            if closing.failure is not None:
                print(f"  {closing.failure}; {closing.failure.hint}")
        held = Counter(one["sourceRef"] for one in running.thehive.alerts())
        lost = sum(one.source_ref not in held for one in alerts(asked.alerts, 0))
        twice = sum(count > 1 for count in held.values())
        print(f"lost: {lost}; twice: {twice}; double: {resident_mb(running.process.pid):.0f} MB")
        assert not lost and not twice and counts[Outcome.ALREADY_THERE] == asked.alerts


if __name__ == "__main__":
    main()
