"""Where events come from. Adding a kind of file is a module and a line in `SOURCES`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import cast

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.events import Event
from sigma2hive.sources.batches import EventRows, batch_of, in_batches
from sigma2hive.sources.collecting import collect_seldom, few_collections
from sigma2hive.sources.documents import LineEvents, Piece, event_of
from sigma2hive.sources.evtx import EvtxSources
from sigma2hive.sources.files import find_event_files
from sigma2hive.sources.findings import MAX_NAMED_FINDINGS, FewFindings
from sigma2hive.sources.hits import elasticsearch_event_key
from sigma2hive.sources.interface import (
    EventFile,
    EventSource,
    Limits,
    PutAsideError,
    SourceOptions,
)
from sigma2hive.sources.ndjson import (
    MAX_BAD_START,
    NdjsonSources,
    Reading,
    damaged,
    giving_up,
    reason_of,
)
from sigma2hive.sources.opening import DAMAGE
from sigma2hive.sources.ordinals import Ordinals
from sigma2hive.sources.parsing import parse_object
from sigma2hive.sources.slices import Slice, chunks_in, slices_of

#: Kind of file → what reads some of them, one after the other; it names few findings of each.
SOURCES: Mapping[str, Callable[[Iterable[EventFile], SourceOptions], EventSource]] = {
    "ndjson": NdjsonSources,
    "evtx": EvtxSources,
}


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


def read_found(
    found: Iterable[EventFile | Diagnostic], options: SourceOptions
) -> Iterator[Event | EventRows | Diagnostic]:
    """Yield what is in files that `find_event_files` found, and its findings among them."""
    for kind, entries in groupby(found, _kind_of):
        if kind is None:
            yield from cast("Iterator[Diagnostic]", entries)
        else:
            yield from SOURCES[kind](cast("Iterator[EventFile]", entries), options)


def _read(
    paths: Sequence[Path], options: SourceOptions
) -> Iterator[Event | EventRows | Diagnostic]:
    return read_found(find_event_files(paths, options.root, options.own), options)


def _kind_of(entry: EventFile | Diagnostic) -> str | None:
    return entry.kind if isinstance(entry, EventFile) else None


__all__ = [
    "DAMAGE",
    "MAX_BAD_START",
    "MAX_NAMED_FINDINGS",
    "SOURCES",
    "EventFile",
    "EventRows",
    "EventSource",
    "FewFindings",
    "Limits",
    "LineEvents",
    "Ordinals",
    "Piece",
    "Reading",
    "Slice",
    "SourceOptions",
    "batch_of",
    "chunks_in",
    "collect_seldom",
    "damaged",
    "elasticsearch_event_key",
    "few_collections",
    "find_event_files",
    "giving_up",
    "in_batches",
    "read_batches",
    "read_event",
    "read_events",
    "read_found",
    "reason_of",
    "slices_of",
]
