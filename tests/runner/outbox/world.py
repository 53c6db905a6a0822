"""An outbox with a clock that is moved by whoever waits on it, so that hours take no time."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sigma2hive.clock import FrozenClock
from sigma2hive.model.alerts import Alert
from sigma2hive.model.service import QueuedAlert, Step
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.outbox import Dispatcher, Rules
from sigma2hive.runner.outbox.backoff import Backoff
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.sinks.courier import Courier, Delivered, Verdict

T0 = 1_764_000_000 * NANOSECONDS
#: No test waits longer, by its own clock.
_LONGEST_SECONDS = 12 * 3600


class HookClock(FrozenClock):
    """Does what a test has planned for a time, and stops everything when nothing more comes."""

    def __init__(self) -> None:
        super().__init__(T0)
        self.stop = threading.Event()
        self.has_run_out = False
        #: No wait moves it further: several threads that wait would move it by hours.
        self.step_seconds = float("inf")
        self._plans: list[tuple[int, Callable[[], object]]] = []
        self._hooks = threading.Lock()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return (self.now_ns() - T0) / NANOSECONDS

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Plan something."""
        self._plans.append((T0 + int(seconds * NANOSECONDS), action))

    def wait(self, seconds: float, until: threading.Event) -> bool:
        self.advance(min(seconds, self.step_seconds))
        return until.is_set()

    def advance(self, seconds: float) -> None:
        with self._hooks:
            left = max(seconds, 0.0)
            until = self.now_ns() + int(left * NANOSECONDS)
            for when, action in sorted(self._plans, key=lambda plan: plan[0]):
                if when <= until:
                    passed = max(when - self.now_ns(), 0) / NANOSECONDS
                    super().advance(passed)
                    left -= passed
                    self._plans.remove((when, action))
                    action()  # which may set the clock
            super().advance(left)
            if self.seconds > _LONGEST_SECONDS and not self.stop.is_set():
                self.has_run_out = True
                self.stop.set()


@dataclass
class Scripted:
    """A sink that does what a test says; `sent` are the alerts that came, and when."""

    answer: Callable[[Alert], Verdict] = lambda _: Delivered()
    workers: int = 1
    clock: HookClock | None = None
    sent: list[tuple[Alert, float]] = field(default_factory=list)
    was_delivered: list[bool] = field(default_factory=list)
    has_closed: bool = False

    def deliver(self, alert: Alert, *, was_delivered: bool) -> Verdict:
        self.sent.append((alert, self.clock.seconds if self.clock else 0.0))
        self.was_delivered.append(was_delivered)
        return self.answer(alert)

    def stop(self) -> None:
        pass

    def close(self) -> None:
        self.has_closed = True

    @property
    def titles(self) -> list[str]:
        return [alert.title for alert, _ in self.sent]


class WatchedStore(SqliteStore):
    """Stops the service when nothing waits for `watched` any more."""

    stop: threading.Event
    watched: tuple[str, ...] = ()

    def _look(self) -> None:
        counts = self.counts()
        if not any(counts[name].waiting for name in self.watched):
            self.stop.set()

    def arrived(self, *args: object, **more: object) -> None:
        super().arrived(*args, **more)  # type: ignore[arg-type]
        self._look()

    def refused(self, *args: object, **more: object) -> None:
        super().refused(*args, **more)  # type: ignore[arg-type]
        self._look()


@dataclass
class World:
    """One service: its outbox, its clock, and what it told."""

    folder: Path
    clock: HookClock = field(default_factory=HookClock)
    told: list[str] = field(default_factory=list)
    rules: Rules = field(default_factory=lambda: Rules(Backoff(chance=lambda: 0.0)))

    def __post_init__(self) -> None:
        self.store = WatchedStore(self.folder / "state.db")
        self.store.stop = self.clock.stop

    def queue(self, *alerts: Alert) -> None:
        now_ns = self.clock.now_ns()
        self.store.commit(
            Step(alerts=tuple(QueuedAlert(alert, made_ns=now_ns) for alert in alerts))
        )

    def dispatcher(self, couriers: Mapping[str, Courier]) -> Dispatcher:
        """Alerts that are queued from here on go to these sinks."""
        return Dispatcher(self.store, couriers, self.clock, rules=self.rules, tell=self.told.append)

    def deliver(
        self, couriers: Mapping[str, Courier], *alerts: Alert, watched: tuple[str, ...] = ()
    ) -> None:
        """Deliver until nothing waits any more."""
        self.clock.stop.clear()
        dispatcher = self.dispatcher(couriers)
        self.store.watched = watched or tuple(couriers)
        self.queue(*alerts)
        dispatcher.run(self.clock.stop)
        assert not self.clock.has_run_out, self.told
