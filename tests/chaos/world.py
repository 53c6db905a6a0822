"""A site under load, disturbed: the same service, seen through proxies, that may be killed.

Takes a site of tests/service; gives load whose alerts are known beforehand, and what to hold the
alerts in TheHive against. A load has every rule's event among others, and correlations whose events
lie far apart, so that any moment is in the middle of one.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.service.site import PATIENCE, Process, Site, failed_logon, other, service_installed

#: Every so many-th event is one that makes an alert, or is counted.
INSTALLED_EVERY, LOGON_EVERY = 20, 10
#: Addresses that fail to log on in turn; each does so often enough for an alert.
ADDRESSES = 8

#: Nothing is left out, and nothing is summed up: each alert can be told from each other.
NO_CAPS = {"per_group": 1_000_000, "per_rule": 1_000_000, "in_all": 1_000_000}


def load(count: int, first: int = 0) -> Iterator[dict[str, Any]]:
    """Yield events with numbers from `first`."""
    for number in range(first, first + count):
        if number % INSTALLED_EVERY == 0:
            yield service_installed(number)
        elif number % LOGON_EVERY == 5:
            address = number // LOGON_EVERY % ADDRESSES
            yield failed_logon(number, f"10.0.0.{address}")
        else:
            yield other(number)


def titles_of(count: int) -> list[str]:
    """Return the titles of the alerts that a load of so many events makes."""
    installed = [
        f"Service {number} installed on host-{number % 50}"
        for number in range(0, count, INSTALLED_EVERY)
    ]
    return sorted([*installed, *(f"Failed logons from 10.0.0.{n}" for n in range(ADDRESSES))])


@dataclass(slots=True)
class Load:
    """Events that come in while everything else happens: `step` at a time, until `stop`."""

    site: Site
    total: int
    step: int = 250
    added: int = 0
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self.added < self.total:
            self.site.add(load(min(self.step, self.total - self.added), self.added))
            self.added += self.step

    def wait(self) -> None:
        """Wait until all has come in."""
        self._thread.join()


def seen(alerts: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return, by sourceRef, what alerts tell of their events.

    Left out is what depends on when a service looked: that an event came late, and which of its
    events an alert already had when it fired.
    """
    counts = Counter(alert["sourceRef"] for alert in alerts)
    twice = [alert["title"] for alert in alerts if counts[alert["sourceRef"]] > 1]
    assert not twice, f"twice: {twice[:5]}"
    return {alert["sourceRef"]: json.dumps(_told(alert), sort_keys=True) for alert in alerts}


def _told(alert: Mapping[str, Any]) -> Mapping[str, Any]:
    observables = sorted(
        f"{one['dataType']}={one.get('data') or one.get('attachment')}"
        for one in alert["observables"]
    )
    return {
        **{key: alert.get(key) for key in ("title", "type", "source", "severity", "date")},
        "tags": sorted(tag for tag in alert["tags"] if tag != "backfilled"),
        "observables": observables,
        "events": _raw_logs(alert),
    }


def _raw_logs(alert: Mapping[str, Any]) -> list[str]:
    """Return the raw logs of an alert's events, wherever it has them."""
    texts = [alert["description"], *(one["text"] for one in alert["attachments"])]
    lines = (line.strip() for text in texts for line in text.splitlines())
    return sorted({line for line in lines if line.startswith("{")})


def check_same(
    alerts: Sequence[Mapping[str, Any]], undisturbed: Sequence[Mapping[str, Any]]
) -> None:
    """Hold alerts against those of a run that nothing disturbed."""
    ours, theirs = seen(alerts), seen(undisturbed)
    lost = [json.loads(theirs[ref])["title"] for ref in theirs.keys() - ours.keys()]
    more = [json.loads(ours[ref])["title"] for ref in ours.keys() - theirs.keys()]
    assert not lost and not more, f"{len(lost)} lost {lost[:5]}, {len(more)} too many {more[:5]}"
    for ref, told in theirs.items():
        assert ours[ref] == told, f"other events\n{ours[ref]}\n{told}"


def at_a_random_moment(chance: random.Random, within: float) -> None:
    """Let so much time pass at most: the moment is the test's to choose, nothing is waited for."""
    threading.Event().wait(chance.uniform(0, within))


def started(site: Site) -> Process:
    """Start the service, and return when it has its rules and hears signals."""
    process = site.start()
    process.wait_for(" rules of ")
    return process


def check_ends_right(site: Site, process: Process, titles: Sequence[str]) -> None:
    """Wait for these alerts, end the service, and see that one more look adds none."""
    process.wait_for(" rules of ")
    site.wait_for_titles(*titles)
    assert process.end() == 0, "\n".join(process.lines)
    _look_once_more(site)
    assert site.titles() == sorted(titles)
    assert not any("Traceback" in line for one in site.processes for line in one.lines)
    assert not site.thehive.bugs()


def _look_once_more(site: Site) -> None:
    until = time.monotonic() + PATIENCE
    # What failed as the service ended waits for its next attempt, and a cycle says so with 4.
    while (done := site.command("run", "--once", "--live")).returncode:
        assert time.monotonic() < until, done.stderr


def wait_until(is_so: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for what another process does."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)
