"""What a run writes to: sinks, and the state store that episodes are remembered in.

Takes requests for sinks and the state folder; opens all of them or none, pushes alerts to each and
keeps in a `Delivered` what became of them. One sink that fails keeps no alert from the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sigma2hive.diagnostics import SinkError
from sigma2hive.model.alerts import Alert
from sigma2hive.runner.state import DEFAULT_STATE, EpisodeStore, check_state
from sigma2hive.settings import Settings
from sigma2hive.sinks import Outcome, Sink, SinkRequest, check_sink, open_sink

#: An alert that comes twice in a run is one: the weightiest outcome is what became of it.
_WEIGHTS = {Outcome.ALREADY_THERE: 0, Outcome.UPDATED: 1, Outcome.STORED: 2}

_Identity = tuple[str, str, str]


@dataclass(slots=True)
class Delivered:
    """What became of the alerts of a run, each identity counted once.

    `failed` are sinks that could not take everything, by name, with the reason.
    """

    outcomes: dict[str, dict[_Identity, Outcome]] = field(default_factory=dict)
    failed: dict[str, SinkError] = field(default_factory=dict)
    _seen: set[_Identity] = field(default_factory=set)

    def push(self, alert: Alert, sinks: Sequence[Sink]) -> None:
        """Give the alert to every sink that has not failed yet.

        Raises:
            SinkError: there is none left that takes alerts.
        """
        identity = (alert.type, alert.source, alert.source_ref)
        self._seen.add(identity)
        for sink in sinks:
            if sink.name in self.failed:
                continue
            outcomes = self.outcomes.setdefault(sink.name, {})
            try:
                outcome = sink.push(alert)
            except SinkError as error:
                self.failed[sink.name] = error
                if len(self.failed) == len(sinks):
                    raise
            else:
                earlier = outcomes.get(identity, outcome)
                outcomes[identity] = max(earlier, outcome, key=lambda one: _WEIGHTS[one])

    @property
    def alerts(self) -> int:
        """How many alerts there were."""
        return len(self._seen)

    def counts(self) -> dict[str, Counter[Outcome]]:
        """Return how often each outcome came, for every sink that has taken alerts."""
        return {sink: Counter(outcomes.values()) for sink, outcomes in self.outcomes.items()}


def sink_requests(settings: Settings, specs: Sequence[str], folder: Path) -> list[SinkRequest]:
    """Return the sinks that `specs` ask for, seen from `folder`; without any, the settings'."""
    if specs:
        return [SinkRequest(spec, folder, settings.state) for spec in dict.fromkeys(specs)]
    written = dict(zip(reversed(settings.sinks), reversed(range(len(settings.sinks))), strict=True))
    return [
        SinkRequest(spec, settings.root, settings.state, settings.place_of("sinks", written[spec]))
        for spec in dict.fromkeys(settings.sinks)
    ]


def check_delivery(requests: Iterable[SinkRequest], state: Path) -> None:
    """Find out, without writing anything, whether all of it could be opened; `state` is a folder.

    Raises:
        ConfigurationError: there is no such sink.
        SinkError, StorageError: something cannot be written.
    """
    for request in requests:
        check_sink(request)
    check_state(state / DEFAULT_STATE.name)


@contextmanager
def open_delivery(
    requests: Sequence[SinkRequest], state: Path, delivered: Delivered
) -> Iterator[tuple[Sequence[Sink], EpisodeStore]]:
    """Open all sinks and the state store; at the end, finish what has not failed.

    A sink that cannot be finished is one of `delivered.failed`. After an error nothing is left
    half-written.

    Raises:
        ConfigurationError: there is no such sink.
        SinkError, StorageError: something cannot be opened; all is checked before any is made.
    """
    check_delivery(requests, state)
    with ExitStack() as stack:
        sinks: list[Sink] = []
        for request in requests:
            sink = open_sink(request)
            stack.callback(sink.discard)
            sinks.append(sink)
        yield sinks, stack.enter_context(EpisodeStore(state / DEFAULT_STATE.name))
        for sink in sinks:
            _finish(sink, delivered)


def _finish(sink: Sink, delivered: Delivered) -> None:
    if sink.name in delivered.failed:
        return
    try:
        sink.close()
    except SinkError as error:
        delivered.failed[sink.name] = error
