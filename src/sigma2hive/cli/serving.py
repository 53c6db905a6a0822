"""`sigma2hive run` as a service: cycle after cycle over new events, until it is told to end."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType

from sigma2hive.cli.alert_view import AlertRow
from sigma2hive.cli.exits import Exit, print_findings
from sigma2hive.cli.output import say, tell
from sigma2hive.cli.status import NAMED_NO_MORE, loss_text
from sigma2hive.clients.elasticsearch import ElasticsearchClient, open_client
from sigma2hive.clock import Clock
from sigma2hive.diagnostics import ConfigurationError, Diagnostic
from sigma2hive.model.times import render_time, shown_time
from sigma2hive.model.visible import visible
from sigma2hive.processes import usable_cores
from sigma2hive.records import dataclass
from sigma2hive.runner.deciding import Decider
from sigma2hive.runner.finding.costs import QUERY
from sigma2hive.runner.naming import Naming
from sigma2hive.runner.outbox import Dispatcher, open_couriers
from sigma2hive.runner.service.loop import Loop, LoopSettings, Version
from sigma2hive.runner.service.metrics import metrics_at
from sigma2hive.runner.service.outcomes import CycleOutcome
from sigma2hive.runner.service.standing import standing_of
from sigma2hive.runner.state import DEFAULT_STATE, EpisodeStore
from sigma2hive.runner.store import open_store
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.settings import Settings
from sigma2hive.sinks import Courier, SinkRequest
from sigma2hive.storage import StorageError, make_private_folder
from sigma2hive.workflows.project import Loaded, Project, ProjectOptions
from sigma2hive.workflows.serving import RepositoryLoading

#: One process that reads and decides, and one for the rest.
_TWO = 2
_LOCK = "service.lock"
#: How often a single cycle looks whether all is delivered.
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Serving:
    """What is asked of the service. `once` is one cycle, and then what waits is delivered."""

    options: ProjectOptions
    loaded: Loaded
    settings: Settings
    requests: Sequence[SinkRequest]
    naming: Naming
    once: bool = False
    dry_run: bool = False
    as_json: bool = False


def serve(asked: Serving, clock: Clock) -> Exit:
    """Run the service until it is told to end (SIGTERM, SIGINT); SIGHUP loads the rules anew.

    Raises:
        ConfigurationError: settings, repository or sinks cannot be used.
        SinkError, StorageError: something cannot be written.
        ServerError: Elasticsearch cannot be asked in the one cycle that was asked for.
    """
    settings = asked.settings
    stop, reload = threading.Event(), threading.Event()
    with ExitStack() as stack:
        stack.enter_context(_signals(stop, reload))
        decider = _decider(asked, stack)
        folder = stack.enter_context(_state_folder(asked))
        if not asked.dry_run:
            with EpisodeStore(folder / DEFAULT_STATE.name) as episodes:
                asked.naming.remember(episodes)
        client = stack.enter_context(open_client(settings.elasticsearch))
        store = _store(asked, folder, client)
        stack.callback(store.close)
        couriers = {} if asked.dry_run else _couriers(asked, clock)
        dispatcher = Dispatcher(store, couriers, clock, tell=lambda line: tell(visible(line)))
        if asked.dry_run:
            # After the dispatcher, which says that alerts go to its own.
            store.open_sinks([_SHOWN])
        shown = _Shown(asked, store, clock)
        loading = RepositoryLoading(
            asked.options,
            *(settings, client, shown.project, shown.finding, asked.loaded),
            decider=decider,
        )
        stack.callback(loading.close)
        if settings.service.metrics and not asked.dry_run:  # the service may be at work there
            place = settings.place_of("service.metrics")
            standing = lambda: standing_of(store, clock.now_ns())  # noqa: E731
            address = stack.enter_context(metrics_at(settings.service.metrics, standing, place))
            tell(f"metrics: {address}")
        loop = Loop(loading, store, clock, _loop_settings(settings), shown.cycle, shown.loading)
        if asked.once:
            return _once(loop, store, dispatcher, stop, shown)
        return _run(loop, dispatcher, stop, reload)


def _loop_settings(settings: Settings) -> LoopSettings:
    service = settings.service
    return LoopSettings(
        *(service.cadence_seconds, service.most_waiting, service.silence_seconds),
        *(service.keep_days, service.keep_bytes),
    )


def _decider(asked: Serving, stack: ExitStack) -> Decider | None:
    """Start what reads and decides beside this process; None where that would not pay."""
    service = asked.settings.service
    if asked.once or service.way == QUERY or (service.processes or usable_cores()) < _TWO:
        return None
    decider = Decider(lambda line: tell(visible(line)))
    stack.callback(decider.close)
    decider.start()  # it is ready by the time that the rules are
    return decider


def _store(asked: Serving, folder: Path, client: ElasticsearchClient) -> StateStore:
    """Open the store; a dry run has a file of its own, whatever the settings say."""
    if asked.dry_run:
        return SqliteStore(folder / DEFAULT_STATE.name, is_checked=True)
    return open_store(asked.settings, client, is_checked=True)


def _run(
    loop: Loop, dispatcher: Dispatcher, stop: threading.Event, reload: threading.Event
) -> Exit:
    thread = threading.Thread(target=dispatcher.run, args=(stop,), name="outbox")
    thread.start()
    try:
        loop.run(stop, reload)
    finally:
        stop.set()
        thread.join()
    return Exit.FINE


def _once(
    loop: Loop,
    store: StateStore,
    dispatcher: Dispatcher,
    stop: threading.Event,
    shown: _Shown,
) -> Exit:
    """Run one cycle, then deliver what can be delivered now."""
    version = loop.loading.load(store, loop.clock.now_ns())
    shown.loading(None, version)
    outcome = loop.cycle(version, stop)
    loop.note(version, outcome)
    shown.cycle(outcome)
    dead_before = _dead(store)
    _deliver(dispatcher, store, loop.clock, stop)
    if outcome.error is not None:
        raise outcome.error
    is_left = _tell_what_waits(store)
    if _dead(store) > dead_before or (is_left and dispatcher.needs_somebody):
        return Exit.CONFIGURATION  # what was refused, and why, is told
    return Exit.UNREACHABLE if outcome.failed or is_left else Exit.FINE


def _dead(store: StateStore) -> int:
    return sum(counts.dead for counts in store.counts().values())


def _tell_what_waits(store: StateStore) -> bool:
    """Say what could not be delivered now, and why; return whether that is to be tried again."""
    waiting = {name: counts for name, counts in store.counts().items() if counts.waiting}
    for name, counts in waiting.items():
        alerts = "1 alert waits" if counts.waiting == 1 else f"{counts.waiting:,} alerts wait"
        if not counts.is_open:
            tell(visible(f"{name}: {alerts}; {NAMED_NO_MORE}"))
            continue
        why = counts.paused or next((e.reason for e in store.due(name, 2**62, 1)), "")
        reason = f": {why}" if why else ""
        tell(visible(f"{name}: {alerts} for a later run, or the service, to deliver{reason}"))
    return any(counts.is_open for counts in waiting.values())


def _deliver(
    dispatcher: Dispatcher, store: StateStore, clock: Clock, stop: threading.Event
) -> None:
    """Deliver until nothing is left that can be delivered now."""
    done = threading.Event()
    thread = threading.Thread(target=dispatcher.run, args=(done,), name="outbox")
    thread.start()
    try:
        while not stop.is_set() and _is_any_due(store, clock.now_ns()):
            clock.wait(_LOOK_SECONDS, stop)
    finally:
        done.set()
        thread.join()


def _is_any_due(store: StateStore, now_ns: int) -> bool:
    return any(
        store.due(sink, now_ns, 1)
        for sink, counts in store.counts().items()
        if counts.waiting and counts.is_open and not counts.paused
    )


#: What a dry run calls the sink that it shows alerts of.
_SHOWN = "dry run"


class _Shown:
    """Tells people, or with --json programs, what the service does."""

    def __init__(self, asked: Serving, store: StateStore, clock: Clock) -> None:
        self._asked = asked
        self._store = store
        self._clock = clock
        self._last_error = ""
        self._last_events = 0

    def project(self, project: Project) -> None:
        print_findings(project.findings, project.settings.root)

    def finding(self, finding: Diagnostic) -> None:
        print_findings([finding], self._asked.settings.root)

    def loading(self, error: Exception | None, version: Version | None) -> None:
        if error is None and version is not None:
            compiled = version.cycle.compiled
            rules = len(compiled.rules) + len(compiled.correlations)
            self._line(
                {"version": version.name, "rules": rules}, f"{rules:,} rules of {version.name}"
            )
        elif isinstance(error, ConfigurationError):
            print_findings(error.diagnostics, error.root or self._asked.settings.root)
            tell("the rules of before stay at work")
        else:
            tell(f"the rules cannot be loaded: {visible(str(error))}; those of before stay at work")

    def cycle(self, outcome: CycleOutcome) -> None:
        events, error = outcome.events, outcome.message
        matches, alerts = outcome.matches, outcome.alerts
        figures = {
            "cycle": render_time(outcome.began_ns),
            "events": events,
            "matches": matches,
            "alerts": alerts,
            "failed": len(outcome.failed),
            "error": error,
            "ways": dict(Counter(done.way for done in outcome.slices if done.events)),
        }
        # Where events are read by time, the last ones are read again and again: no news.
        is_new = matches or alerts or events not in (0, self._last_events)
        if is_new or error != self._last_error or self._asked.as_json:
            failed = f"; failed: {visible(error)}" if error else ""
            text = f"{events:,} events, {matches:,} matches, {alerts:,} alerts{failed}"
            self._line(figures, f"{shown_time(outcome.began_ns)}  {text}")
        print_findings([*outcome.aside, *outcome.undecided], self._asked.settings.root)
        for loss in outcome.lost:
            text = loss_text(loss)
            self._line({"lost": loss.target, "reason": loss.reason}, f"never read: {text}")
        self._last_error, self._last_events = error, events
        if self._asked.dry_run:
            self._alerts()

    def _alerts(self) -> None:
        """Show the alerts that a dry run would have sent."""
        for entry in self._store.due(_SHOWN, 2**62, 1_000_000):
            alert = entry.alert
            row = AlertRow(alert.severity, alert.date_ns, alert.title, len(alert.events))
            if not self._asked.as_json:
                for line in row.lines():
                    say(line)
            self._store.delivered(entry, self._clock.now_ns())

    def _line(self, figures: Mapping[str, object], text: str) -> None:
        if self._asked.as_json:
            say(json.dumps(figures))
        else:
            tell(text)


def _couriers(asked: Serving, clock: Clock) -> Mapping[str, Courier]:
    opened = open_couriers(asked.requests, clock)
    for name in opened.held_back:
        tell(f"{visible(name)}: nothing is sent without --live, and no alert is kept for it")
    return opened.by_sink


@contextmanager
def _signals(stop: threading.Event, reload: threading.Event) -> Iterator[None]:
    """Let signals set events meanwhile."""

    def handler(event: threading.Event) -> Callable[[int, FrameType | None], None]:
        return lambda _number, _frame: event.set()

    wanted = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    earlier = {number: signal.signal(number, handler(event)) for number, event in wanted.items()}
    try:
        yield
    finally:
        for number, before in earlier.items():
            signal.signal(number, before)


@contextmanager
def _state_folder(asked: Serving) -> Iterator[Path]:
    """Give the folder of the state, ours alone meanwhile; a dry run works on a copy.

    Raises:
        StorageError: another service works with it, or it cannot be used.
    """
    folder = asked.settings.state
    if asked.dry_run:
        with tempfile.TemporaryDirectory(prefix="sigma2hive-") as name:
            file = folder / DEFAULT_STATE.name
            if file.exists():
                with closing(SqliteStore(file)) as store:
                    store.back_up(Path(name) / DEFAULT_STATE.name)
            yield Path(name)
        return
    try:
        make_private_folder(folder)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror or error}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StorageError(
                f"{folder}: another service works with this state; end it first, or name another "
                "folder under state in sigma2hive.yml"
            ) from None
        yield folder
    finally:
        os.close(lock)
