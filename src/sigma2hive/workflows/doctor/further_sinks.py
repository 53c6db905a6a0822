"""Checks of the sinks beside TheHive: webhooks, and indices of alerts.

Takes a `Subject`, and a client where Elasticsearch is to be asked; gives findings. Sends nothing to
a webhook: whether it takes an alert shows with the first one.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.sinks import SinkRequest, check_sink
from sigma2hive.workflows.doctor.findings import (
    Finding,
    Subject,
    of_configuration_error,
    ok,
    problem,
)
from sigma2hive.workflows.doctor.transport import look_at_address

#: What an index of alerts needs (sinks/elasticsearch); without the first it has to be there.
_NEEDED = ("create_index", "index", "read")


def shown_sink(request: SinkRequest) -> str:
    """Return a sink as it may be shown: what follows a webhook's host may be a secret."""
    if request.kind != "webhook":
        return request.spec
    try:
        parts = urlsplit(request.target)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "webhook"
    return f"webhook:{parts.scheme}://{host}{port}/…"


def look_at_webhooks(subject: Subject) -> Iterator[Finding]:
    """Say whether the addresses can be used, and whether anything is sent there."""
    for request in _of_kind(subject, "webhook"):
        try:
            check_sink(request)
        except ConfigurationError as error:
            yield from of_configuration_error(error)
            continue
        parts = urlsplit(request.target)  # which has no user or password in it
        server = f"{parts.scheme}://{parts.netloc}"
        is_live = request.webhook.live
        how = "webhook.live is true, so runs send there" if is_live else "only --live sends there"
        yield ok(f"{server}: {how}")
        yield from look_at_address(server, request.webhook.ca_file, "the sink webhook")


def look_at_alert_indices(subject: Subject, client: ElasticsearchClient) -> Iterator[Finding]:
    """Say which privileges are missing on the indices that alerts are written to."""
    for request in _of_kind(subject, "elasticsearch"):
        try:
            check_sink(request)
        except ConfigurationError as error:
            yield from of_configuration_error(error)
            continue
        yield _of_index(request.target, client)


def _of_index(index: str, client: ElasticsearchClient) -> Finding:
    found = client.privileges((), _NEEDED, (index,))
    if found is None:
        return ok(f"alerts go to the index {index}; security is off: nothing is missing")
    missing = [name for name in _NEEDED if name not in found.indices.get(index, ())]
    if not missing:
        return ok(f"'{found.user}' may write alerts to the index {index}")
    return problem(
        f"'{found.user}' lacks {', '.join(missing)} on {index}, where alerts are to go",
        "grant these index privileges; without create_index the index has to be there already",
    )


def _of_kind(subject: Subject, kind: str) -> list[SinkRequest]:
    return [request for request in subject.sinks if request.kind == kind]
