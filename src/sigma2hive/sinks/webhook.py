"""The sink `webhook`: each alert is one POST of its JSON line, to whoever asked for it.

Takes alerts; sends them only where that was asked for (`live`). A receiver tells a repeat by two
headers: `Sigma2hive-Alert`, which names the alert for ever, and `Idempotency-Key`, which is another
one once the alert has grown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import quote

from sigma2hive.clients.errors import AuthenticationError, PrivilegeError, ServerError
from sigma2hive.clients.renewing import Renewing
from sigma2hive.clients.webhook import AUTHORIZATION, WebhookClient, checked_url, open_client
from sigma2hive.clock import Clock, WallClock
from sigma2hive.model.alerts import Alert
from sigma2hive.sinks.courier import (
    Courier,
    Delivered,
    Interrupted,
    Verdict,
    verdict_of,
)
from sigma2hive.sinks.direct import DirectSink, HeldBack
from sigma2hive.sinks.interface import Sink, SinkRequest
from sigma2hive.sinks.lines import render_line
from sigma2hive.sinks.steady import SteadyPace, StoppedError


def open_webhook(request: SinkRequest) -> Sink:
    """Open the sink for one run.

    Raises:
        ConfigurationError: address, certificates or secret cannot be used.
    """
    parts = checked_url(request.target, request.place)
    if not request.webhook.live:
        return HeldBack(request.spec, f"{parts.scheme}://{parts.netloc}")
    return DirectSink(request.spec, WebhookCourier(request, WallClock()))


def check_webhook(request: SinkRequest) -> None:
    """Find out, without asking the receiver anything, whether the sink could be opened.

    Raises:
        ConfigurationError: it could not.
    """
    checked_url(request.target, request.place)
    if request.webhook.live:
        open_client(request.target, request.webhook, request.place).close()


def webhook_courier(request: SinkRequest, clock: Clock) -> Courier:
    """Return how a service delivers to the receiver.

    Raises:
        ConfigurationError: address, certificates or secret cannot be used.
    """
    return WebhookCourier(request, clock)


class WebhookCourier:
    """Posts alerts at a bounded rate, with a secret that may be replaced meanwhile."""

    def __init__(
        self, request: SinkRequest, clock: Clock, environment: Mapping[str, str] | None = None
    ) -> None:
        settings = request.webhook
        self.workers = settings.concurrency
        self._pace = SteadyPace(settings.requests_per_second, clock)
        self._clients = Renewing(
            (AUTHORIZATION,),
            lambda: open_client(request.target, settings, request.place, environment),
            environment,
        )

    def deliver(self, alert: Alert, *, was_delivered: bool) -> Verdict:  # noqa: ARG002
        """Post the alert, once more at once where the secret has been replaced."""
        client = self._clients.current()
        try:
            try:
                self._post(client, alert)
            except (AuthenticationError, PrivilegeError):
                renewed = self._clients.renewed(client)
                if renewed is None:
                    raise
                self._post(renewed, alert)
        except StoppedError:
            return Interrupted()
        except ServerError as error:
            return verdict_of(error)
        return Delivered()

    def stop(self) -> None:
        """Send nothing more, and wait for nothing more."""
        self._pace.stop()

    def close(self) -> None:
        """Close all connections."""
        self._clients.close()

    def _post(self, client: WebhookClient, alert: Alert) -> None:
        body = render_line(alert).encode("ascii")
        headers = {
            "Sigma2hive-Alert": ";".join(quote(part, safe="") for part in alert.identity),
            "Idempotency-Key": hashlib.sha256(body).hexdigest(),
        }
        self._pace.call(lambda _: client.post(body, headers, f"alert {alert.source_ref}"))
