"""Where alerts go. Adding a sink is a module and a line in `SINKS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location, nearest
from sigma2hive.sinks.inbox import (
    DEFAULT_INBOX,
    AlertFilter,
    AlertSummary,
    Inbox,
    StoredAlert,
)
from sigma2hive.sinks.interface import Outcome, Sink
from sigma2hive.sinks.jsonl import open_jsonl


def _open_inbox(target: str, root: Path) -> Sink:
    return Inbox(root / (target or DEFAULT_INBOX), f"inbox:{target}" if target else "inbox")


#: Name → what opens it, given the text after the colon ("" where there is none) and the folder
#: that relative paths are seen from.
SINKS: Mapping[str, Callable[[str, Path], Sink]] = {
    "inbox": _open_inbox,
    "jsonl": open_jsonl,
}

#: Sinks that make no sense without a target.
_NEED_TARGET = frozenset({"jsonl"})


def open_sink(spec: str, root: Path) -> Sink:
    """Open the sink that `spec` names: inbox, inbox:FILE, jsonl:FILE or jsonl:- for stdout.

    Raises:
        ConfigurationError: there is no such sink, or its target is missing.
        SinkError: it cannot be written.
    """
    name, colon, target = spec.partition(":")
    if name not in SINKS:
        raise _refused(f"there is no sink '{name}'", nearest(name, SINKS))
    if not target and (colon or name in _NEED_TARGET):
        raise _refused(f"the sink '{name}' needs a target after the colon", f"write {name}:FILE")
    return SINKS[name](target, root)


def _refused(message: str, hint: str) -> ConfigurationError:
    diagnostics = Diagnostics()
    diagnostics.error("S2H402", Location("--sink"), message, hint)
    return ConfigurationError(diagnostics)


__all__ = [
    "DEFAULT_INBOX",
    "SINKS",
    "AlertFilter",
    "AlertSummary",
    "Inbox",
    "Outcome",
    "Sink",
    "StoredAlert",
    "open_sink",
]
