"""Windows event logs: .evtx files.

Takes a file; gives every record that can be read, in the fields that are wanted, and one finding
for all that cannot. Reads chunk by chunk, and never raises what the parser raises.

Source: https://github.com/libyal/libevtx, Windows XML Event Log (EVTX) format
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, NamedTuple

from evtx import PyEvtxParser

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.events import Event
from sigma2hive.model.times import parse_time_ns
from sigma2hive.sources.batches import EventRows
from sigma2hive.sources.documents import LineEvents, Piece, is_windows_event, windows_event_of
from sigma2hive.sources.evtx_layout import (
    CHUNK_BYTES,
    HEADER_BYTES,
    Extent,
    count_lost,
    extent_of,
)
from sigma2hive.sources.files import cannot_open
from sigma2hive.sources.interface import EventFile, PutAsideError, SourceOptions
from sigma2hive.sources.lines import PlainReader
from sigma2hive.sources.ordinals import Ordinals
from sigma2hive.sources.parsing import parse_object


class EvtxSource:
    """The records of one .evtx file."""

    def __init__(self, file: EventFile, options: SourceOptions) -> None:
        self._file = file
        self._options = options

    def __iter__(self) -> Iterator[EventRows | Diagnostic]:
        """Yield the records in the order of the file, and findings for what is none."""
        place = Location(self._file.display)
        try:
            with self._file.path.open("rb") as stream:
                extent = extent_of(stream)
                if isinstance(extent, str):
                    yield _damaged(place, extent)
                else:
                    yield from self._records(stream, extent)
        except OSError as error:
            yield cannot_open(place, error)

    def _records(self, stream: IO[bytes], extent: Extent) -> Iterator[EventRows | Diagnostic]:
        read = last = problems = 0
        problem = ""
        ordinals = Ordinals()
        maker = LineEvents(f"{self._file.display}#", self._options, ordinals)
        plain_record = PlainReader(self._options).record_of
        rows = EventRows()
        for entry in _entries(_WholeChunks(stream, extent)):
            if isinstance(entry, str):
                problem, problems = entry, problems + 1
                continue
            read, last = read + 1, entry.number
            raw = entry.data.encode("utf-8", "surrogatepass")
            document = plain_record(raw)
            if document is not None:
                rows.add_lines((document,), (raw,), last, maker)
            else:
                event = self._event_of(raw, entry, ordinals)
                if isinstance(event, Diagnostic):
                    yield event
                    continue
                rows.add(event)
            if rows.is_full:
                yield rows
                rows = EventRows()
        if len(rows):
            yield rows
        if extent.missing:
            problem, problems = extent.missing, problems + 1
        if problem:
            more = f" (and {problems - 1:,} more like this)" if problems > 1 else ""
            lost = count_lost(stream, extent, read)
            about = f"about {lost:,} records lost" if lost > 1 else "at least 1 record lost"
            so_far = f"{read:,} read, the last is #{last}" if read else "none read"
            message = f"{problem}{more}; {about}, {so_far}"
            yield _damaged(Location(self._file.display), message, lost)

    def _event_of(self, raw: bytes, record: _Record, ordinals: Ordinals) -> Event | Diagnostic:
        time_ns = parse_time_ns(record.timestamp.removesuffix(" UTC"))
        piece = Piece(raw, f"{self._file.display}#{record.number}", time_ns)
        try:
            document = parse_object(raw, self._options.limits)
            if not is_windows_event(document):
                raise PutAsideError(
                    "S2H501",
                    "the record has no Event.System",
                    "nothing to mend: its provider wrote it so",
                )
            return windows_event_of(document, piece, self._options, ordinals)
        except PutAsideError as reason:
            place = Location(piece.origin)
            return Diagnostic(reason.code, Severity.ERROR, place, reason.message, reason.hint)


class _Record(NamedTuple):
    """A record as the parser gives it: number and time of its header, and its JSON."""

    number: int
    timestamp: str
    data: str


class _WholeChunks(io.RawIOBase):
    """A file that ends with a chunk: what a cut-off one lacks reads as zeros.

    The parser passes over an incomplete chunk, and the records in it, without a word.
    """

    def __init__(self, stream: IO[bytes], extent: Extent) -> None:
        super().__init__()
        self._stream = stream
        self._actual = extent.size
        self._size = extent.size + (HEADER_BYTES - extent.size) % CHUNK_BYTES
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._position + size, self._size)
        wanted = max(0, end - self._position)
        self._stream.seek(self._position)
        data = self._stream.read(min(wanted, max(0, self._actual - self._position)))
        data += b"\0" * (wanted - len(data))
        self._position += len(data)
        return data


def _entries(image: _WholeChunks) -> Iterator[_Record | str]:
    """Yield the records that can be read, and in words what cannot."""
    try:
        # One thread: it reads in order, and no more than a chunk ahead.
        parser = PyEvtxParser(image, number_of_threads=1, indent=False)
        records = parser.records_json()
    except (RuntimeError, OSError) as error:
        yield _in_words(error)
        return
    while True:
        try:
            record = next(records)
        except StopIteration:
            return
        except (RuntimeError, OSError) as error:
            yield _in_words(error)
        except BaseException as error:
            # A panic of the Rust side is no Exception, and its class has no public name.
            if type(error).__name__ != "PanicException":
                raise
            yield "the parser broke down"
            return
        else:
            if record is not None:
                yield _Record(record["event_record_id"], record["timestamp"], record["data"])


def _in_words(error: Exception) -> str:
    """Keep what a person can use of the parser's message: which record or chunk it was."""
    return str(error).partition(":")[0].replace("Failed to parse", "cannot read")


def _damaged(place: Location, message: str, lost: int = 1) -> Diagnostic:
    hint = "copy the file again, or export the log anew"
    return Diagnostic("S2H504", Severity.ERROR, place, message, hint, count=lost)
