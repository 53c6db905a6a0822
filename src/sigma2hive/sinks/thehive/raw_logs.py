"""Which raw logs have to be attached to an alert, and as which files.

Takes events, the description, and the files that are there; gives files. Byte for byte: a log is
there if the description shows exactly it, or a file holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from sigma2hive.model.events import Event
from sigma2hive.records import dataclass

_PREFIX = "raw-logs-"
_LINE = b"\n"


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file to attach; its name is made of what is in it."""

    name: str
    content: bytes
    events: tuple[Event, ...]


def not_shown(events: Iterable[Event], description: str) -> list[Event]:
    """Return the events whose raw logs the description does not show whole."""
    return [event for event in events if not _is_shown(event.raw, description)]


def not_held(events: Iterable[Event], files: Iterable[bytes]) -> list[Event]:
    """Return the events whose raw logs are in none of the files."""
    contents = list(files)
    lines = {line for content in contents for line in content.split(_LINE)}
    return [
        event
        for event in events
        if event.raw not in lines
        and not (_LINE in event.raw and any(event.raw in content for content in contents))
    ]


def files_of(events: Sequence[Event], limit_bytes: int) -> Iterator[RawFile]:
    """Yield files of at most `limit_bytes`; one log alone may be larger."""
    held: list[Event] = []
    size = 0
    for event in events:
        if held and size + len(event.raw) + 1 > limit_bytes:
            yield _file(held)
            held, size = [], 0
        held.append(event)
        size += len(event.raw) + 1
    if held:
        yield _file(held)


def is_ours(name: str) -> bool:
    """Return whether a file of that name holds raw logs."""
    return name.startswith(_PREFIX)


def _file(events: Sequence[Event]) -> RawFile:
    content = b"".join(event.raw + _LINE for event in events)
    ending = "ndjson" if all(event.raw[:1] == b"{" for event in events) else "log"
    name = f"{_PREFIX}{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
    return RawFile(name, content, tuple(events))


def _is_shown(raw: bytes, description: str) -> bool:
    try:
        return raw.decode("utf-8") in description
    except UnicodeDecodeError:
        return False
