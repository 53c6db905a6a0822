"""TheHive as a service delivers to it: steadily, with a key that may be replaced meanwhile.

Takes one alert at a time; gives a `Verdict`. What an alert's delivery is, `delivery` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sigma2hive.clients.errors import AuthenticationError, MissingError, PrivilegeError
from sigma2hive.clients.renewing import Renewing
from sigma2hive.clients.thehive import API_KEY, TheHiveClient, open_client
from sigma2hive.clock import Clock
from sigma2hive.model.alerts import Alert
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.records import dataclass
from sigma2hive.settings import TheHiveSettings
from sigma2hive.sinks.courier import Delivered, Interrupted, Paused, Verdict, verdict_of
from sigma2hive.sinks.outcomes import Outcome
from sigma2hive.sinks.steady import SteadyPace, StoppedError
from sigma2hive.sinks.thehive.completion import Delivery
from sigma2hive.sinks.thehive.delivery import Courier

#: What is to be known of an alert that an analyst deleted.
GONE = "deleted in TheHive; it is not made again"
#: Parts that TheHive does not know are tried again after so long: somebody may have added them.
_REFUSED_FOR_NS = 15 * 60 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class _Using:
    """A client, and what is known of the TheHive behind it since a time."""

    client: TheHiveClient
    courier: Courier
    since_ns: int


class TheHiveCourier:
    """Delivers over a few connections, at a bounded rate."""

    def __init__(
        self, settings: TheHiveSettings, clock: Clock, environment: Mapping[str, str] | None = None
    ) -> None:
        """Open a client; nothing is asked yet.

        Raises:
            ConfigurationError: the settings or the API key cannot be used.
        """
        self.workers = settings.service_concurrency
        self._settings = settings
        self._clock = clock
        self._pace = SteadyPace(settings.service_requests_per_second, clock)
        self._clients = Renewing(
            (API_KEY,),
            lambda: open_client(settings, environment, connections=self.workers),
            environment,
        )
        self._using = self._begin(self._clients.current())

    def deliver(self, alert: Alert, *, was_delivered: bool) -> Verdict:
        """Deliver the alert, once more at once where the API key has been replaced."""
        client = self._clients.current()
        delivery = self._deliver(client, alert, was_delivered)
        if isinstance(delivery.error, AuthenticationError):
            renewed = self._clients.renewed(client)
            if renewed is not None:
                delivery = self._deliver(renewed, alert, was_delivered)
        return self._verdict(delivery)

    def stop(self) -> None:
        """Send nothing more, and wait for nothing more."""
        self._pace.stop()

    def close(self) -> None:
        """Close all connections."""
        self._clients.close()

    def _deliver(self, client: TheHiveClient, alert: Alert, was_delivered: bool) -> Delivery:
        courier = self._courier_of(client)
        delivery = courier.deliver(alert, was_delivered=was_delivered)
        was_there = delivery.outcome is not Outcome.NOT_DELIVERED
        if was_there and isinstance(delivery.error, MissingError):
            # Deleted while it was being completed, as a second look tells.
            return courier.deliver(alert, was_delivered=True)
        return delivery

    def _courier_of(self, client: TheHiveClient) -> Courier:
        using = self._using
        is_old = self._clock.now_ns() - using.since_ns >= _REFUSED_FOR_NS
        if using.client is not client or is_old:
            using = self._using = self._begin(client)
        return using.courier

    def _begin(self, client: TheHiveClient) -> _Using:
        courier = Courier(client, self._pace, self._settings.attachment_bytes)
        return _Using(client, courier, self._clock.now_ns())

    def _verdict(self, delivery: Delivery) -> Verdict:
        error, is_there = delivery.error, delivery.outcome is not Outcome.NOT_DELIVERED
        if delivery.is_gone:
            return Delivered(GONE, Outcome.ALREADY_THERE)
        if error is None or (is_there and isinstance(error, PrivilegeError)):
            return Delivered(_told(delivery), delivery.outcome)
        if isinstance(error, StoppedError):
            return Interrupted()
        verdict = verdict_of(error)
        if isinstance(verdict, Paused) and self._clients.trouble:
            return replace(verdict, reason=f"{verdict.reason}; {self._clients.trouble}")
        return verdict


def _told(delivery: Delivery) -> str:
    parts = dict.fromkeys(f"{part} ({reason})" for part, reason in delivery.left_out)
    return f"left out: {', '.join(parts)}" if parts else ""
