"""The whole of it: as many kills, events and rules as asked for, held against a run undisturbed.

    python -m tests.chaos --kills 100 --events 200000 --rules ../shared/data/sigmahq/rules/windows

Prints what was lost and what came twice; exit code 1 where anything did. With `--faults`, between
kills Elasticsearch is refused, cut and held by a proxy, and TheHive is killed as well.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench.accounts import new_users
from tests.bench.cluster import Cluster
from tests.bench.elasticsearch_server import FULL_SPEED, running_elasticsearch
from tests.chaos import proxy as faults
from tests.chaos.windows import set_up_windows, windows_events
from tests.chaos.world import NO_CAPS, check_same, load
from tests.doubles.running import Running, running_thehive
from tests.service.site import Site, at

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sigma2hive-tests"
#: Of so many events one is a load's, for the correlation and the rule that are always there.
_LOAD_EVERY = 10
_FAULTS = (
    faults.resetting,
    faults.resetting_afterwards,
    faults.cut_short,
    faults.searching_partly,
    faults.timing_out_inside,
    faults.answering_html,
    faults.answering_status(503, "no_shard_available_action_exception"),
    faults.answering_status(429, "circuit_breaking_exception"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    kills: int
    events: int
    rules: Path | None
    seed: int
    faults: bool


def main() -> int:
    """Run, and tell."""
    asked = _asked()
    chance = random.Random(asked.seed)
    users = new_users()
    with ExitStack() as stack:
        url = stack.enter_context(running_elasticsearch(_CACHE, users, FULL_SPEED))
        cluster = Cluster(url, users, timeout_seconds=3_600)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sigma2hive-chaos-")))
        indices = stack.enter_context(cluster.indices())
        hive = _Hive(folder / "thehive.log", stack)
        proxy = faults.Proxy(url)
        stack.callback(proxy.close)
        (folder / "site").mkdir()
        site = Site(folder / "site", cluster, indices, hive.running.thehive, users.monitor)
        _set_up(site, asked, proxy)
        began = time.monotonic()
        try:
            _disturb(site, asked, chance, proxy, hive)
            site.thehive = hive.running.thehive
            _say(f"{asked.kills} kills in {time.monotonic() - began:,.0f} s; now until all is told")
            other = _undisturbed(site, folder / "other", stack)
            with ThreadPoolExecutor() as pool:
                list(pool.map(_settle, (site, other)))
            _say(f"{len(site.thehive.alerts()):,} alerts after all kills")
        finally:
            for process in site.processes:
                process.kill()
        alerts = other.thehive.alerts()
        correlated = sum("Failed logons from" in alert["title"] for alert in alerts)
        _say(f"undisturbed: {len(alerts):,} alerts, {correlated} of them of a correlation")
        try:
            check_same(site.thehive.alerts(), alerts)
        except AssertionError as error:
            _say(f"DIFFERENT: {str(error)[:4000]}")
            return 1
        told = [line for one in site.processes for line in one.lines if "Traceback" in line]
        bugs = hive.running.thehive.bugs()
        _say(f"the same: 0 lost, 0 twice; {len(told)} tracebacks; bugs: {bugs}")
        return 1 if told else 0


def _asked() -> Asked:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rules", type=Path, help="folder of rules beside those that are there")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--faults", action="store_true")
    return Asked(**vars(parser.parse_args()))


class _Hive:
    """A double that can be killed, and comes back with what it had."""

    def __init__(self, log: Path, stack: ExitStack) -> None:
        self._options = ["--state", str(log)]
        self._stack = stack
        self.running: Running = stack.enter_context(running_thehive(*self._options))
        self._options += ["--port", self.running.thehive.url.rpartition(":")[2]]

    def kill(self) -> None:
        self.running.kill()

    def start(self) -> None:
        self.running = self._stack.enter_context(running_thehive(*self._options))


def _set_up(site: Site, asked: Asked, proxy: faults.Proxy) -> None:
    """Write a repository, with the folder of rules beside its own."""
    site.settings |= {
        "service": {
            **{"cadence_seconds": 1, "watermark_seconds": 1, "slice_documents": 5_000},
            # The undisturbed run begins when all of it is over, and reads all of it.
            "first_start_seconds": 24 * 3_600,
        },
        "floods": NO_CAPS,
        "elasticsearch": {
            "urls": [proxy.url],
            "username": site.user.name,
            "timeout_seconds": 30,
        },
    }
    if asked.rules is None:
        site.set_up()
    else:
        set_up_windows(site, asked.rules)


def _events(asked: Asked) -> Iterator[dict[str, Any]]:
    """Yield events without a time: noise with attacks in it, and a load's."""
    if asked.rules is None:
        yield from load(asked.events)
        return
    made, noise = load(asked.events), windows_events(asked.events)
    for number, (own, other) in enumerate(zip(made, noise, strict=True)):
        # Not every tenth: a load's numbers would all be those of one kind.
        yield {**own, "winlog": {"channel": "Security"}} if number % 100 < _LOAD_EVERY else other


def _disturb(
    site: Site, asked: Asked, chance: random.Random, proxy: faults.Proxy, hive: _Hive
) -> None:
    """Kill the service over and over while events come in."""
    events = _events(asked)
    share = -(-asked.events // max(asked.kills, 1))
    for number in range(asked.kills):
        coming = threading.Thread(target=_add, args=(site, events, share))
        coming.start()
        process = site.start()
        if chance.random() < 0.8:
            process.wait_for(" rules of ")
        pause = threading.Event()
        if asked.faults:
            _one_fault(chance, proxy, hive, pause)
        pause.wait(chance.uniform(0, 6))
        process.kill()
        coming.join()
        if number % 10 == 9:
            _say(f"{number + 1} kills, {site.added:,} events")


def _one_fault(
    chance: random.Random, proxy: faults.Proxy, hive: _Hive, pause: threading.Event
) -> None:
    pause.wait(chance.uniform(0, 2))
    kind = chance.randrange(4)
    if kind == 0:
        hive.kill()
        pause.wait(chance.uniform(0, 2))
        hive.start()
    elif kind == 1:
        proxy.close()
        pause.wait(chance.uniform(0, 2))
        proxy.open()
    else:
        with proxy.behaving(chance.choice(_FAULTS)):
            pause.wait(chance.uniform(0, 2))


def _add(site: Site, events: Iterator[dict[str, Any]], count: int) -> None:
    batch = []
    for _, document in zip(range(count), events, strict=False):
        nested = document.get("event")
        if isinstance(nested, dict):
            nested["ingested"] = at()
        else:
            document["event.ingested"] = at()
        document["@timestamp"] = at()
        batch.append(document)
        if len(batch) == 500:
            site.add(batch)
            batch = []
    site.add(batch)


def _settle(site: Site) -> None:
    """Run the service until nothing is new, nothing waits and nothing failed, and end it."""
    process = site.start()
    process.wait_for(" rules of ")
    quiet: set[str] = set()
    while len(quiet) < 5:
        threading.Event().wait(2)
        status = site.status()
        cycle, waiting = status["cycle"], sum(s["waiting"] for s in status["sinks"].values())
        # Nothing is known of a cycle before the first one has ended.
        is_quiet = cycle and not (waiting or cycle["events"] or cycle["failed"])
        quiet = {*quiet, cycle["began"]} if is_quiet else set()
        assert process.process.poll() is None, "\n".join(process.lines[-20:])
    assert process.end() == 0
    dead = sum(sink["dead"] for sink in site.status()["sinks"].values())
    assert not dead, f"{dead} dead letters"


def _undisturbed(site: Site, folder: Path, stack: ExitStack) -> Site:
    """Return a site with a state and a TheHive of its own, to read the same events once more."""
    folder.mkdir()
    thehive = stack.enter_context(running_thehive()).thehive
    other = replace(site, folder=folder, thehive=thehive, processes=site.processes)
    for name in ("mappings", "sigma_rules"):
        (folder / name).symlink_to(site.folder / name)
    other.settings = {
        **site.settings,
        "elasticsearch": {"urls": [site.cluster.url], "username": site.user.name},
    }
    other.write_settings()
    return other


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
