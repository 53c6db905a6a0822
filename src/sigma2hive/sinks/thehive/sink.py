"""The sink `thehive`: threads that deliver alerts, and what a run is told at the end.

Takes alerts; sends them only where that was asked for (`live`). What it holds in memory is bounded
but for one outcome an alert.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from sigma2hive.clients.thehive import TheHiveClient, check_address, open_client
from sigma2hive.clock import Clock
from sigma2hive.model.alerts import Alert
from sigma2hive.settings import TheHiveSettings
from sigma2hive.sinks.courier import Courier
from sigma2hive.sinks.direct import HeldBack
from sigma2hive.sinks.interface import Closing, Sink, SinkRequest
from sigma2hive.sinks.outcomes import Outcome
from sigma2hive.sinks.thehive.delivery import Courier as Delivering
from sigma2hive.sinks.thehive.pacing import Pace
from sigma2hive.sinks.thehive.queueing import AlertQueue
from sigma2hive.sinks.thehive.service import TheHiveCourier
from sigma2hive.sinks.thehive.tally import Tally

#: Alerts that wait for each thread; their raw logs are in memory meanwhile.
_WAITING_A_THREAD = 4


def open_thehive(request: SinkRequest) -> Sink:
    """Open the sink for the organisation that is asked for.

    Raises:
        ConfigurationError: the settings or the API key cannot be used.
    """
    settings = _settings_of(request)
    if not settings.live:
        check_address(settings)
        whose = settings.organisation
        where = f"TheHive at {settings.url}" + (f", organisation {whose}" if whose else "")
        return HeldBack(request.spec, where)
    return TheHiveSink(request.spec, settings)


def check_thehive(request: SinkRequest) -> None:
    """Find out, without asking TheHive anything, whether the sink could be opened.

    Raises:
        ConfigurationError: it could not.
    """
    settings = _settings_of(request)
    check_address(settings)
    if settings.live:
        open_client(settings).close()


def thehive_courier(request: SinkRequest, clock: Clock) -> Courier:
    """Return how a service delivers to the organisation that is asked for.

    Raises:
        ConfigurationError: the settings or the API key cannot be used.
    """
    return TheHiveCourier(_settings_of(request), clock)


def _settings_of(request: SinkRequest) -> TheHiveSettings:
    settings = request.thehive
    return replace(settings, organisation=request.target) if request.target else settings


class TheHiveSink:
    """Delivers alerts in several threads."""

    def __init__(self, name: str, settings: TheHiveSettings) -> None:
        self.name = name
        number = settings.concurrency
        self._client: TheHiveClient = open_client(settings, connections=number)
        self._pace = Pace(settings.requests_per_second, settings.patience_seconds)
        self._courier = Delivering(self._client, self._pace, settings.attachment_bytes)
        self._queue = AlertQueue(number * _WAITING_A_THREAD)
        self._tally = Tally(name)
        self._threads = [
            threading.Thread(target=self._work, name=f"{name} {n}", daemon=True)
            for n in range(number)
        ]
        for thread in self._threads:
            thread.start()

    def push(self, alert: Alert) -> Outcome:
        """Let the alert wait for a thread; once nothing more is sent, say so."""
        if self._pace.has_stopped:
            self._tally.count_unsent(alert)
        else:
            self._queue.put(alert)
        return Outcome.PENDING

    def close(self) -> Closing:
        """Wait for what is under way, and tell what became of everything."""
        self._queue.close()
        for thread in self._threads:
            thread.join()
        self._client.close()
        return self._tally.closing()

    def discard(self) -> None:
        """Send nothing more; what is under way may still arrive."""
        self._pace.stop()
        self._queue.close()

    def _work(self) -> None:
        while (alert := self._queue.take()) is not None:
            try:
                self._tally.count(alert, self._courier.deliver(alert))
            except Exception as error:  # told at the end; the thread goes on
                self._tally.count_broken(alert, error)
            finally:
                self._queue.done(alert)
