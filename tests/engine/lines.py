"""Columns of lines as they are read from a file, scanned where the native library is."""

from collections.abc import Iterable
from pathlib import Path

from sigma2hive.engine import Columns
from sigma2hive.sources import EventRows, Limits, Reading, SourceOptions
from sigma2hive.sources.interface import EventFile

STAMP = '"@timestamp":"2026-11-24T09:00:00Z"'


def columns_of_lines(objects: Iterable[bytes]) -> Columns:
    """Return the columns of JSON objects that stand alone; none may be bad."""
    lines = [
        b"{" + STAMP.encode() + (b"," if raw != b"{}" else b"") + raw[1:] + b"\n" for raw in objects
    ]
    file = EventFile(Path("a.ndjson"), "a.ndjson", "ndjson")
    reading = Reading(file, SourceOptions(limits=Limits(max_bytes=10**7)))
    (batch,) = reading.read_lines([b"".join(lines)])
    assert isinstance(batch, EventRows)
    assert len(batch) == len(lines)
    return Columns(batch.documents, batch.values_of, batch.raw_of, batch.scanned)
