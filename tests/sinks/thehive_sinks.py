"""The sink `thehive` for tests: what it is opened with, and what a push of alerts comes to."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.model.alerts import Alert
from sigma2hive.settings import TheHiveSettings
from sigma2hive.sinks import Closing, Outcome, SinkRequest, open_sink
from tests.clients.thehive_clients import API_KEY
from tests.doubles.running import TheHive


@dataclass
class Sender:
    """Sends alerts to a TheHive, each time as a run of its own."""

    thehive: TheHive
    patch: pytest.MonkeyPatch
    settings: dict[str, Any] = field(
        default_factory=lambda: {"patience_seconds": 5, "timeout_seconds": 5}
    )

    def send(self, *alerts: Alert, spec: str = "thehive", key: str = "", **more: Any) -> Closing:
        """Return what the sink tells at its end."""
        given = {"url": self.thehive.url, "live": True, **self.settings, **more}
        self.patch.setenv(API_KEY, key or self.thehive.key)
        sink = open_sink(SinkRequest(spec, Path(), thehive=TheHiveSettings(**given)))
        for alert in alerts:
            assert sink.push(alert) is Outcome.PENDING
        return sink.close()

    def stored(self) -> dict[str, Any]:
        """Return the one alert that TheHive has."""
        (alert,) = self.thehive.alerts()
        return alert


def outcomes(closing: Closing) -> list[str]:
    """Return what became of the alerts, sorted."""
    return sorted(outcome.value for outcome in closing.outcomes.values())
