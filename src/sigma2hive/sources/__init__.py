"""Where events come from. Adding a kind of file is a module and a line in `SOURCES`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.events import Event
from sigma2hive.sources.batches import EventRows, batch_of, in_batches
from sigma2hive.sources.collecting import few_collections
from sigma2hive.sources.documents import Piece, event_of
from sigma2hive.sources.evtx import EvtxSource
from sigma2hive.sources.files import find_event_files
from sigma2hive.sources.hits import elasticsearch_event_key
from sigma2hive.sources.interface import (
    EventFile,
    EventSource,
    Limits,
    PutAsideError,
    SourceOptions,
)
from sigma2hive.sources.ndjson import NdjsonSource
from sigma2hive.sources.ordinals import Ordinals
from sigma2hive.sources.parsing import parse_object

#: Kind of file → what reads it.
SOURCES: Mapping[str, Callable[[EventFile, SourceOptions], EventSource]] = {
    "ndjson": NdjsonSource,
    "evtx": EvtxSource,
}


#: Findings of one code in one file that are named each; further ones are counted.
MAX_NAMED_FINDINGS = 1_000


def read_batches(paths: Sequence[Path], options: SourceOptions) -> Iterator[EventRows | Diagnostic]:
    """Yield the events of all files and folders, and a finding for all that was put aside.

    Never raises for what is in a file; memory does not grow with its size, nor do the findings.
    """
    with few_collections():
        yield from in_batches(_read(paths, options))


def read_events(paths: Sequence[Path], options: SourceOptions) -> Iterator[Event | Diagnostic]:
    """Yield the same one by one."""
    for entry in _read(paths, options):
        if isinstance(entry, EventRows):
            yield from entry
        else:
            yield entry


def read_event(piece: Piece, options: SourceOptions) -> Event | Diagnostic:
    """Return the event of one JSON object, or the finding that puts it aside."""
    try:
        return event_of(parse_object(piece.raw, options.limits), piece, options, Ordinals())
    except PutAsideError as reason:
        place = Location(piece.origin)
        return Diagnostic(reason.code, Severity.ERROR, place, reason.message, reason.hint)


def _read(
    paths: Sequence[Path], options: SourceOptions
) -> Iterator[Event | EventRows | Diagnostic]:
    for found in find_event_files(paths, options.root, options.own):
        if isinstance(found, Diagnostic):
            yield found
        else:
            yield from _with_few_findings(SOURCES[found.kind](found, options))


def _with_few_findings(source: EventSource) -> Iterator[Event | EventRows | Diagnostic]:
    """Pass everything on, but count findings beyond `MAX_NAMED_FINDINGS` instead."""
    found: Counter[str] = Counter()
    unnamed: Counter[str] = Counter()
    last: dict[str, Diagnostic] = {}
    for entry in source:
        if isinstance(entry, Diagnostic):
            found[entry.code] += 1
            if found[entry.code] > MAX_NAMED_FINDINGS:
                last[entry.code] = entry
                unnamed[entry.code] += entry.count
                continue
        yield entry
    for code, entry in last.items():
        count = unnamed[code]
        message = f"{count:,} more like the {MAX_NAMED_FINDINGS:,} above; the last: {entry.message}"
        yield replace(entry, message=message, count=count)


__all__ = [
    "SOURCES",
    "EventFile",
    "EventRows",
    "EventSource",
    "Limits",
    "Piece",
    "SourceOptions",
    "batch_of",
    "elasticsearch_event_key",
    "find_event_files",
    "in_batches",
    "read_batches",
    "read_event",
    "read_events",
]
