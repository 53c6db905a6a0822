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

from sigma2hive.diagnostics import Diagnostics, Location, SinkError
from sigma2hive.model.alerts import Alert, Identity
from sigma2hive.runner.state import DEFAULT_STATE, EpisodeStore, check_state
from sigma2hive.settings import Settings
from sigma2hive.sinks import Outcome, Sink, SinkRequest, check_sink, open_sink


@dataclass(slots=True)
class Delivered:
    """What became of the alerts of a run, each identity counted once.

    `failed` are sinks that could not take everything, by name, with the reason. `findings` name
    what was left out of alerts. `would_send_to` has, by sink, the server that got nothing because
    sending was not asked for; `sent` is how many alerts servers got, None where none was to.
    """

    outcomes: dict[str, dict[Identity, Outcome]] = field(default_factory=dict)
    failed: dict[str, SinkError] = field(default_factory=dict)
    findings: Diagnostics = field(default_factory=Diagnostics)
    would_send_to: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    _seen: set[Identity] = field(default_factory=set)

    def push(self, alert: Alert, sinks: Sequence[Sink]) -> None:
        """Give the alert to every sink that has not failed yet.

        Raises:
            SinkError: there is none left that takes alerts.
        """
        self._seen.add(alert.identity)
        for sink in sinks:
            outcome = Outcome.NOT_DELIVERED
            if sink.name not in self.failed:
                try:
                    outcome = sink.push(alert)
                except SinkError as error:
                    self.failed[sink.name] = error
                    if len(self.failed) == len(sinks):
                        raise
            self._note(sink.name, alert.identity, outcome)

    def close(self, sink: Sink) -> None:
        """Finish a sink, and take in what it tells; one that has failed is left alone."""
        if sink.name in self.failed:
            return
        try:
            closing = sink.close()
        except SinkError as error:
            self.failed[sink.name] = error
            return
        for identity, outcome in closing.outcomes.items():
            self._note(sink.name, identity, outcome)
        if closing.failure is not None:
            self.failed[sink.name] = closing.failure
        self.findings.found.extend(closing.findings)
        if closing.would_send_to:
            self.would_send_to[sink.name] = closing.would_send_to
        if closing.sent is not None:
            self.sent = closing.sent + (self.sent or 0)

    def _note(self, sink: str, identity: Identity, outcome: Outcome) -> None:
        outcomes = self.outcomes.setdefault(sink, {})
        outcomes[identity] = outcome.joined(outcomes.get(identity))

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
        return [
            _request(settings, spec, folder, Location("--sink")) for spec in dict.fromkeys(specs)
        ]
    written = dict(zip(reversed(settings.sinks), reversed(range(len(settings.sinks))), strict=True))
    return [
        _request(settings, spec, settings.root, settings.place_of("sinks", written[spec]))
        for spec in dict.fromkeys(settings.sinks)
    ]


def _request(settings: Settings, spec: str, folder: Path, place: Location) -> SinkRequest:
    servers = settings.thehive, settings.webhook, settings.elasticsearch
    return SinkRequest(spec, folder, settings.state, place, *servers)


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
            delivered.close(sink)
