"""What a sink is: a place that takes alerts, each at most once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Protocol

from sigma2hive.clock import Clock
from sigma2hive.diagnostics import Diagnostic, Location, SinkError
from sigma2hive.model.alerts import Alert, Identity
from sigma2hive.records import dataclass
from sigma2hive.settings import ElasticsearchSettings, TheHiveSettings, WebhookSettings
from sigma2hive.sinks.courier import Courier
from sigma2hive.sinks.outcomes import Outcome
from sigma2hive.storage import STATE_FOLDER


@dataclass(frozen=True, slots=True)
class Closing:
    """What a sink tells at its end.

    `outcomes` are of alerts that `push` answered PENDING for; `failure` says why some were not
    delivered; `findings` name what was left out of others. `sent` is how many a server got, None
    where there is none; `would_send_to` names the server that gets alerts once that is asked for.
    """

    outcomes: Mapping[Identity, Outcome] = field(default_factory=dict)
    failure: SinkError | None = None
    findings: tuple[Diagnostic, ...] = ()
    sent: int | None = None
    would_send_to: str = ""


class Sink(Protocol):
    """A place for alerts. An alert's identity is (type, source, source_ref).

    Pushing an alert again is no mistake: new events and observables are joined to what is there.
    After an error, `discard` instead of `close` leaves nothing half-written.
    """

    @property
    def name(self) -> str:
        """The sink as a person asked for it: "inbox", "jsonl:alerts.jsonl"."""

    def push(self, alert: Alert) -> Outcome:
        """Take one alert; PENDING where only `close` can say what became of it.

        Raises:
            SinkError: it cannot be written.
        """

    def close(self) -> Closing:
        """Finish: what was pushed is there once this returns, or the result says why not.

        Raises:
            SinkError: it cannot be written.
        """

    def discard(self) -> None:
        """Let go without finishing; never raises. What a sink has already promised stays."""


@dataclass(frozen=True, slots=True)
class SinkRequest:
    """A sink as someone asked for it: `spec` is "inbox", "inbox:FILE", "jsonl:FILE", "jsonl:-",
    "thehive", "thehive:ORGANISATION", "webhook:URL" or "elasticsearch:INDEX".

    Relative paths are seen from `folder`; a sink without a target keeps its files in `state`, also
    seen from there. `place` is where the spec was written. `thehive`, `webhook` and `elasticsearch`
    say where servers are, and how they are asked; without their `live` nothing is sent.
    """

    spec: str
    folder: Path
    state: Path = STATE_FOLDER
    place: Location = field(default=Location("--sink"), compare=False)
    thehive: TheHiveSettings = field(default_factory=TheHiveSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    elasticsearch: ElasticsearchSettings = field(default_factory=ElasticsearchSettings)

    @property
    def kind(self) -> str:
        """The name of the sink, a key of `SINKS`."""
        return self.spec.partition(":")[0]

    @property
    def target(self) -> str:
        """The text after the colon, "" where there is none."""
        return self.spec.partition(":")[2]


@dataclass(frozen=True, slots=True)
class SinkKind:
    """What `SINKS` says of one kind of sink.

    `open` and `check` raise SinkError where it cannot be written; `check` changes nothing, so that
    a dry run can ask. `courier` is how a service delivers to it. `target` is what may stand after
    the colon. Where a request is not to be `is_live`, `open` gives a sink that sends nothing.
    """

    open: Callable[[SinkRequest], Sink]
    check: Callable[[SinkRequest], None]
    courier: Callable[[SinkRequest, Clock], Courier]
    target: str = "FILE"
    needs_target: bool = False
    is_live: Callable[[SinkRequest], bool] = lambda _: True
