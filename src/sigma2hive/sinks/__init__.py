"""Where alerts go. Adding a sink is a module and a line in `SINKS`."""

from __future__ import annotations

from collections.abc import Mapping

from sigma2hive.clock import Clock
from sigma2hive.diagnostics import ConfigurationError, Diagnostics, nearest
from sigma2hive.sinks.courier import Courier
from sigma2hive.sinks.inbox import (
    DEFAULT_INBOX,
    MIN_START,
    AlertFilter,
    AlertSummary,
    AmbiguousError,
    Inbox,
    StoredAlert,
    check_inbox,
    inbox_courier,
    open_inbox,
)
from sigma2hive.sinks.interface import Closing, Sink, SinkKind, SinkRequest
from sigma2hive.sinks.jsonl import check_jsonl, jsonl_courier, open_jsonl
from sigma2hive.sinks.outcomes import Outcome

# What clients take long to import is imported where it is asked for.


def _open_thehive(request: SinkRequest) -> Sink:
    from sigma2hive.sinks.thehive import open_thehive  # noqa: PLC0415

    return open_thehive(request)


def _check_thehive(request: SinkRequest) -> None:
    from sigma2hive.sinks.thehive import check_thehive  # noqa: PLC0415

    check_thehive(request)


def _thehive_courier(request: SinkRequest, clock: Clock) -> Courier:
    from sigma2hive.sinks.thehive import thehive_courier  # noqa: PLC0415

    return thehive_courier(request, clock)


def _open_webhook(request: SinkRequest) -> Sink:
    from sigma2hive.sinks.webhook import open_webhook  # noqa: PLC0415

    return open_webhook(request)


def _check_webhook(request: SinkRequest) -> None:
    from sigma2hive.sinks.webhook import check_webhook  # noqa: PLC0415

    check_webhook(request)


def _webhook_courier(request: SinkRequest, clock: Clock) -> Courier:
    from sigma2hive.sinks.webhook import webhook_courier  # noqa: PLC0415

    return webhook_courier(request, clock)


def _open_elasticsearch(request: SinkRequest) -> Sink:
    from sigma2hive.sinks.elasticsearch import open_elasticsearch  # noqa: PLC0415

    return open_elasticsearch(request)


def _check_elasticsearch(request: SinkRequest) -> None:
    from sigma2hive.sinks.elasticsearch import check_elasticsearch  # noqa: PLC0415

    check_elasticsearch(request)


def _elasticsearch_courier(request: SinkRequest, clock: Clock) -> Courier:
    from sigma2hive.sinks.elasticsearch import elasticsearch_courier  # noqa: PLC0415

    return elasticsearch_courier(request, clock)


#: Name → what opens it, what tells whether it could be opened, and how a service delivers to it.
SINKS: Mapping[str, SinkKind] = {
    "inbox": SinkKind(open_inbox, check_inbox, inbox_courier),
    "jsonl": SinkKind(open_jsonl, check_jsonl, jsonl_courier, needs_target=True),
    "thehive": SinkKind(
        *(_open_thehive, _check_thehive, _thehive_courier),
        target="ORGANISATION",
        is_live=lambda request: request.thehive.live,
    ),
    "webhook": SinkKind(
        *(_open_webhook, _check_webhook, _webhook_courier),
        target="URL",
        needs_target=True,
        is_live=lambda request: request.webhook.live,
    ),
    "elasticsearch": SinkKind(
        *(_open_elasticsearch, _check_elasticsearch, _elasticsearch_courier),
        target="INDEX",
        needs_target=True,
    ),
}


def open_sink(request: SinkRequest) -> Sink:
    """Open the sink that is asked for.

    Raises:
        ConfigurationError: there is no such sink, or its target is missing.
        SinkError: it cannot be written.
    """
    return _kind_of(request).open(request)


def check_sink(request: SinkRequest) -> None:
    """Find out, without writing anything, whether the sink could be opened.

    Raises:
        ConfigurationError: there is no such sink, or its target is missing.
        SinkError: it cannot be written.
    """
    _kind_of(request).check(request)


def open_courier(request: SinkRequest, clock: Clock) -> Courier:
    """Return how a service delivers to the sink that is asked for.

    Raises:
        ConfigurationError: there is no such sink, or it cannot be opened with these settings.
        SinkError: it cannot be written.
    """
    return _kind_of(request).courier(request, clock)


def is_live(request: SinkRequest) -> bool:
    """Whether alerts are really sent to the sink: to servers of others only where asked for.

    Raises:
        ConfigurationError: there is no such sink, or its target is missing.
    """
    return _kind_of(request).is_live(request)


def _kind_of(request: SinkRequest) -> SinkKind:
    name, colon, target = request.spec.partition(":")
    if name not in SINKS:
        raise _refused(request, f"there is no sink '{name}'", nearest(name, SINKS))
    if not target and (colon or SINKS[name].needs_target):
        message = f"the sink '{name}' needs a target after the colon"
        raise _refused(request, message, f"write {name}:{SINKS[name].target}")
    return SINKS[name]


def _refused(request: SinkRequest, message: str, hint: str) -> ConfigurationError:
    diagnostics = Diagnostics()
    diagnostics.error("S2H402", request.place, message, hint)
    return ConfigurationError(diagnostics)


__all__ = [
    "DEFAULT_INBOX",
    "MIN_START",
    "SINKS",
    "AlertFilter",
    "AlertSummary",
    "AmbiguousError",
    "Closing",
    "Courier",
    "Inbox",
    "Outcome",
    "Sink",
    "SinkKind",
    "SinkRequest",
    "StoredAlert",
    "check_sink",
    "is_live",
    "open_courier",
    "open_sink",
]
