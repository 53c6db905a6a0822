"""One alert into an index: created under its sourceRef, or joined with what is there.

Takes an alert and a client; gives a `Verdict`. Whatever happens, sending it again is safe: a
document is only made where there is none, and only changed where it is as it was read.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.elasticsearch.connection import API_KEY, PASSWORD, open_client
from sigma2hive.clients.errors import (
    AlreadyThereError,
    AuthenticationError,
    MissingError,
    PrivilegeError,
    RequestRefusedError,
    ServerError,
)
from sigma2hive.clients.renewing import Renewing
from sigma2hive.clock import Clock
from sigma2hive.model.alerts import Alert
from sigma2hive.settings import ElasticsearchSettings
from sigma2hive.sinks.courier import (
    Delivered,
    Interrupted,
    Paused,
    Postponed,
    Refused,
    Verdict,
    verdict_of,
)
from sigma2hive.sinks.elasticsearch.documents import (
    MAPPING,
    document_of,
    has_all_logs,
    is_alike,
    stored_alert,
)
from sigma2hive.sinks.joining import join_alerts
from sigma2hive.sinks.outcomes import Outcome
from sigma2hive.sinks.steady import SteadyPace, StoppedError

GONE = "deleted from the index; it is not made again"
_WITHOUT_LOGS = "raw logs left out: there are too many for one document"
_WORKERS = 2
_REQUESTS_PER_SECOND = 50


class IndexCourier:
    """Delivers into `index` of one cluster, with credentials that may be replaced meanwhile."""

    def __init__(
        self,
        index: str,
        settings: ElasticsearchSettings,
        clock: Clock,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Open a client; nothing is asked yet.

        Raises:
            ConfigurationError: the settings or the credentials cannot be used.
        """
        self.workers = _WORKERS
        self._index = index
        self._pace = SteadyPace(_REQUESTS_PER_SECOND, clock)
        self._clients: Renewing[ElasticsearchClient] = Renewing(
            (API_KEY, PASSWORD), lambda: open_client(settings, environment), environment
        )
        self._lock = threading.Lock()
        self._is_made = False

    def deliver(self, alert: Alert, *, was_delivered: bool) -> Verdict:
        """Deliver the alert, once more at once where the credentials have been replaced."""
        client = self._clients.current()
        try:
            try:
                return self._deliver(client, alert, was_delivered)
            except (AuthenticationError, PrivilegeError):
                renewed = self._clients.renewed(client)
                if renewed is None:
                    raise
                return self._deliver(renewed, alert, was_delivered)
        except StoppedError:
            return Interrupted()
        except AlreadyThereError as error:
            return Postponed(str(error))  # somebody else was faster; then it is read again
        except ServerError as error:
            return verdict_of(error)

    def stop(self) -> None:
        """Send nothing more, and wait for nothing more."""
        self._pace.stop()

    def close(self) -> None:
        """Close all connections."""
        self._clients.close()

    def _deliver(
        self, client: ElasticsearchClient, alert: Alert, was_delivered: bool
    ) -> Delivered | Refused | Paused:
        if (paused := self._make_index(client)) is not None:
            return paused
        told = "" if has_all_logs(alert) else _WITHOUT_LOGS
        if not was_delivered:
            try:
                self._put(client, alert, document_of(alert), "_create")
            except AlreadyThereError:
                pass
            else:
                return Delivered(told)
        return self._join(client, alert, told)

    def _join(self, client: ElasticsearchClient, alert: Alert, told: str) -> Delivered | Refused:
        doing = f"reading alert {alert.source_ref}"
        try:
            found = self._send(client, doing, f"GET {self._path(alert, '_doc')}")
        except MissingError:
            return Delivered(GONE, Outcome.ALREADY_THERE)
        stored = stored_alert(found.get("_source", {}))
        if stored is None:
            return Refused(
                f"{self._index} holds a document {alert.source_ref} that is not sigma2hive's"
            )
        joined = join_alerts(stored, alert)
        if is_alike(joined, found["_source"]):
            return Delivered(told, Outcome.ALREADY_THERE)
        seen = f"?if_seq_no={found['_seq_no']}&if_primary_term={found['_primary_term']}"
        self._put(client, joined, document_of(joined, found["_source"]), f"_doc{seen}")
        return Delivered(told, Outcome.UPDATED)

    def _put(
        self, client: ElasticsearchClient, alert: Alert, document: Mapping[str, Any], how: str
    ) -> None:
        how, mark, parameters = how.partition("?")
        path = self._path(alert, how) + mark + parameters
        self._send(client, f"storing alert {alert.source_ref}", f"PUT {path}", document)

    def _make_index(self, client: ElasticsearchClient) -> Paused | None:
        """Make the index, where it is not there; one that somebody else made stays as it is."""
        with self._lock:
            if self._is_made:
                return None
            doing = f"making the index {self._index}"
            try:
                self._send(client, doing, f"PUT /{quote(self._index)}", {"mappings": MAPPING})
            except RequestRefusedError as error:
                if "already exists" not in error.reason:
                    return Paused(str(error), passes=False)  # no alert is at fault
            except PrivilegeError:
                pass  # may be there; if not, the first document tells
            self._is_made = True
            return None

    def _path(self, alert: Alert, how: str) -> str:
        return f"/{quote(self._index)}/{how}/{quote(alert.source_ref, safe='')}"

    def _send(
        self, client: ElasticsearchClient, doing: str, to: str, body: object = None
    ) -> Mapping[str, Any]:
        return self._pace.call(lambda _: client.send(doing, to, body))
