"""Delivers what the outbox holds to every sink at the same time, until it is stopped.

Takes a store, a courier for each sink and a clock. Each sink has threads and progress of its own:
one that hangs or fails keeps nothing from the others. What is sent is noted afterwards, so a crash
between sends it again, and every courier makes that harmless.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from sigma2hive.clock import Clock
from sigma2hive.model.visible import visible
from sigma2hive.runner.outbox.lane import Lane, Rules
from sigma2hive.runner.store.interface import Outbox
from sigma2hive.sinks.courier import Courier


class Dispatcher:
    """Delivers to the sinks of `couriers`, by name; alerts go to these from now on.

    `tell` gets a line for people when a sink is paused, delivers again or refuses an alert. It is
    called by several threads.
    """

    def __init__(
        self,
        store: Outbox,
        couriers: Mapping[str, Courier],
        clock: Clock,
        *,
        rules: Rules | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._rules = rules or Rules()
        # What a server or an event says goes to somebody's terminal.
        self._tell: Callable[[str], None] = lambda line: tell(visible(line))
        store.open_sinks(couriers)
        for name in couriers:
            store.pause(name, "")  # what it said before the last stop is found out anew
        self._lanes = [
            Lane(name, courier, store, clock, self._rules) for name, courier in couriers.items()
        ]

    @property
    def needs_somebody(self) -> bool:
        """Whether a sink is paused until a key or a setting is changed."""
        return any(lane.needs_somebody for lane in self._lanes)

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set; what is under way then has a bounded time to end.

        What has not ended is left: it is sent again after the next start.
        """
        working = [(lane, self._start(lane, stop)) for lane in self._lanes]
        stop.wait()
        for lane, _ in working:
            lane.courier.stop()
        deadline = time.monotonic() + self._rules.stop_seconds
        for lane, threads in working:
            for thread in threads:
                thread.join(max(deadline - time.monotonic(), 0.0))
            if any(thread.is_alive() for thread in threads):
                self._tell(f"{lane.name}: does not answer; what was on its way is sent again later")
            else:
                lane.courier.close()

    def _start(self, lane: Lane, stop: threading.Event) -> list[threading.Thread]:
        threads = [
            threading.Thread(
                target=lane.work, args=(stop, self._tell), name=f"{lane.name} {n}", daemon=True
            )
            for n in range(lane.courier.workers)
        ]
        for thread in threads:
            thread.start()
        return threads
