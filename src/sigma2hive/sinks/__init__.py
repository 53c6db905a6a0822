"""Where alerts go. Adding a sink is a module and a line in `SINKS`."""

from __future__ import annotations

from collections.abc import Mapping

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, nearest
from sigma2hive.sinks.inbox import (
    DEFAULT_INBOX,
    MIN_START,
    AlertFilter,
    AlertSummary,
    AmbiguousError,
    Inbox,
    StoredAlert,
    check_inbox,
    open_inbox,
)
from sigma2hive.sinks.interface import Closing, Outcome, Sink, SinkKind, SinkRequest
from sigma2hive.sinks.jsonl import check_jsonl, open_jsonl


def _open_thehive(request: SinkRequest) -> Sink:
    # Here, since TheHive's client takes half a second to import.
    from sigma2hive.sinks.thehive import open_thehive  # noqa: PLC0415

    return open_thehive(request)


def _check_thehive(request: SinkRequest) -> None:
    from sigma2hive.sinks.thehive import check_thehive  # noqa: PLC0415

    check_thehive(request)


#: Name → what opens it, and what tells whether it could be opened.
SINKS: Mapping[str, SinkKind] = {
    "inbox": SinkKind(open_inbox, check_inbox),
    "jsonl": SinkKind(open_jsonl, check_jsonl, needs_target=True),
    "thehive": SinkKind(_open_thehive, _check_thehive, target="ORGANISATION"),
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
    "Inbox",
    "Outcome",
    "Sink",
    "SinkKind",
    "SinkRequest",
    "StoredAlert",
    "check_sink",
    "open_sink",
]
