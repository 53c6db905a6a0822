"""What a source is: something that gives events, and findings for what it had to put aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Protocol

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import TIME_FIELD, Event
from sigma2hive.records import dataclass
from sigma2hive.sources.batches import EventRows


class EventSource(Protocol):
    """Gives its events in the order it has them, each once, in bounded memory; alone or in batches.

    A `Diagnostic` among them is an event or a file that was put aside, with the reason; it is
    never an exception, so that one bad event does not hide the next.
    """

    def __iter__(self) -> Iterator[Event | EventRows | Diagnostic]:
        """Iterate from the start."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an event is put aside before it costs more.

    `max_bytes` counts the event as it came, `max_fields` its values (each of an array), `max_depth`
    the objects and arrays inside each other; so many as a fast reader tells apart for nothing.
    """

    max_bytes: int = 1024 * 1024
    max_fields: int = 10_000
    max_depth: int = 254


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to read.

    `flavour` says in which fields raw Windows events are wanted: "winlogbeat", "elastic-agent",
    "flat" for Sigma's own on one level, "none" for as they are, or None where nobody says, which
    puts them aside. Paths are shown relative to `root` where they lie in it. Of `time_fields` the
    first that holds a usable time says when an event of JSON happened. In `own`, files and folders,
    is what we write ourselves: no event is read there.
    """

    flavour: str | None = "winlogbeat"
    root: Path = Path()
    limits: Limits = field(default_factory=Limits)
    time_fields: tuple[str, ...] = (TIME_FIELD,)
    own: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class EventFile:
    """A file to read: `display` is its path as a person sees it, `kind` a key of SOURCES."""

    path: Path
    display: str
    kind: str


class PutAsideError(Exception):
    """One event cannot be used; caught where its place is known, and made a Diagnostic there.

    `offset` is where in the event's text, in characters from 0.
    """

    def __init__(self, code: str, message: str, hint: str, offset: int = 0) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.offset = code, message, hint, offset
