"""What the service costs: how soon it tells, how much it holds, and what an index's size adds.

Takes SigmaHQ's Windows rules (2,400 of them), a fresh Elasticsearch and the double of TheHive; the
service is the program itself, in a process of its own. Prints one row a measurement.

    python -m bench.runner
    python -m bench.runner --only latency --seconds 60 --rate 2000
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.service.cost import beside, sizes, ways
from bench.service.load import alerts, held, latency, soak
from bench.service.stage import Asked, Bench
from bench.setting import running_cluster, shared_folder


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
    parser.add_argument(
        "--warm",
        action="store_true",
        help="catch up with an Elasticsearch that has answered the same pages before",
    )
    return Asked(**vars(parser.parse_args()))


MEASURES: dict[str, Callable[[Bench, Asked], Iterator[str]]] = {
    "held": held,
    "latency": latency,
    "soak": soak,
    "size": sizes,
    "ways": ways,
    "alerts": alerts,
    "beside": beside,
}

if __name__ == "__main__":
    main()
