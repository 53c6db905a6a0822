"""Windows event logs: .evtx files.

Takes files; gives every record that can be read, in the fields that are wanted, and for each file
one finding for all that cannot. Reads chunk by chunk, and never raises what the parser raises.

Source: https://github.com/libyal/libevtx, Windows XML Event Log (EVTX) format
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from evtx import PyEvtxParser

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.events import Event
from sigma2hive.model.times import parse_time_ns
from sigma2hive.sources.batches import MAX_BYTES, MAX_EVENTS, EventRows
from sigma2hive.sources.documents import LineEvents, Piece, is_windows_event, windows_event_of
from sigma2hive.sources.evtx_layout import (
    CHUNK_BYTES,
    HEADER_BYTES,
    Extent,
    count_lost,
    extent_of,
)
from sigma2hive.sources.files import cannot_open
from sigma2hive.sources.findings import FewFindings
from sigma2hive.sources.interface import EventFile, PutAsideError, SourceOptions
from sigma2hive.sources.lines import PlainReader
from sigma2hive.sources.ordinals import Ordinals
from sigma2hive.sources.parsing import parse_object
from sigma2hive.sources.records import RecordScanner


class EvtxSources:
    """The records of .evtx files, in their order; those of several small ones make one batch."""

    def __init__(self, files: Iterable[EventFile], options: SourceOptions) -> None:
        self._files = files
        self._options = options

    def __iter__(self) -> Iterator[EventRows | Diagnostic]:
        """Yield the records, and findings for what is none."""
        reader = _RecordReader(self._options)
        for file in self._files:
            log = _Log(file, self._options)
            for entry in log.entries():
                if isinstance(entry, Diagnostic):
                    yield from log.named(entry)
                    continue
                if not reader.has_room_for(entry):
                    yield from reader.read()
                reader.add(log, entry)
            yield from reader.end(log)
        yield from reader.read()


class _Log:
    """One file, and what is known of its records."""

    def __init__(self, file: EventFile, options: SourceOptions) -> None:
        self._file = file
        self.display = file.display
        self.ordinals = Ordinals()
        self.maker = LineEvents(f"{file.display}#", options, self.ordinals)
        self.few = FewFindings()

    def named(self, finding: Diagnostic) -> Iterator[Diagnostic]:
        """Yield a finding if it is one of those that are named."""
        if self.few.is_named(finding):
            yield finding

    def entries(self) -> Iterator[_Records | Diagnostic]:
        """Yield the records that can be read, some at a time, and findings about the others."""
        place = Location(self.display)
        try:
            with self._file.path.open("rb") as stream:
                extent = extent_of(stream)
                if isinstance(extent, str):
                    yield _damaged(place, extent)
                else:
                    yield from self._records(stream, extent)
        except OSError as error:
            yield cannot_open(place, error)

    def _records(self, stream: IO[bytes], extent: Extent) -> Iterator[_Records | Diagnostic]:
        read = last = problems = 0
        problem = ""
        for entry in _entries(_image_of(self._file.path, stream, extent)):
            if isinstance(entry, str):
                problem, problems = entry, problems + 1
            else:
                read, last = read + len(entry.headers.numbers), entry.headers.numbers[-1]
                yield entry
        if extent.missing:
            problem, problems = extent.missing, problems + 1
        if problem:
            more = f" (and {problems - 1:,} more like this)" if problems > 1 else ""
            lost = count_lost(stream, extent, read)
            about = f"about {lost:,} records lost" if lost > 1 else "at least 1 record lost"
            so_far = f"{read:,} read, the last is #{last}" if read else "none read"
            message = f"{problem}{more}; {about}, {so_far}"
            yield _damaged(Location(self.display), message, lost)


class _RecordReader:
    """Makes batches of records: scanned lines, or read one by one where they are not plain."""

    def __init__(self, options: SourceOptions) -> None:
        self._options = options
        self._scanner = RecordScanner(options)
        self._plain_record = PlainReader(options).record_of
        self._start_anew()

    def _start_anew(self) -> None:
        self._added: list[tuple[_Log, _Headers]] = []
        self._ended: list[_Log] = []
        self._count = 0
        # It grows in place, and gives what was written without copying it.
        self._text = io.BytesIO()

    def has_room_for(self, records: _Records) -> bool:
        """Whether they make one batch with what was added."""
        is_within = self._count + len(records.headers.numbers) <= MAX_EVENTS
        return is_within and self._text.tell() + len(records.text) <= MAX_BYTES

    def add(self, log: _Log, records: _Records) -> None:
        """Add records of a file."""
        self._added.append((log, records.headers))
        self._count += len(records.headers.numbers)
        self._text.write(records.text)

    def end(self, log: _Log) -> Iterator[Diagnostic]:
        """Take that a file has no more records; yield what is left to say, here or with them."""
        if self._added:
            self._ended.append(log)
        else:
            yield from log.few.rest()

    def read(self) -> Iterator[EventRows | Diagnostic]:
        """Yield what was added, and start anew."""
        added, ended, count, text = self._added, self._ended, self._count, self._text.getvalue()
        self._start_anew()
        rows = EventRows()
        scanned = self._scanner.scan(text, count)
        is_plain = bytes(count) if scanned is None else bytes(scanned.is_plain)
        first = at = 0
        for log, headers in added:
            for run in headers.runs(is_plain[first : first + len(headers.numbers)]):
                if scanned is not None and is_plain[first + run.start]:
                    part = range(first + run.start, first + run.stop)
                    rows.add_scanned(scanned.lines, part, headers.numbers[run.start], log.maker)
                else:
                    yield from self._read_singly(log, headers.each(run, text, at), rows)
            first += len(headers.numbers)
            at += sum(headers.sizes)
        if len(rows):
            yield rows
        for log in ended:
            yield from log.few.rest()

    def _read_singly(
        self, log: _Log, records: Iterable[tuple[int, str, bytes]], rows: EventRows
    ) -> Iterator[Diagnostic]:
        for number, timestamp, raw in records:
            document = self._plain_record(raw)
            if document is not None:
                rows.add_lines((document,), (raw,), number, log.maker)
                continue
            time_ns = parse_time_ns(timestamp.removesuffix(" UTC"))
            piece = Piece(raw, f"{log.display}#{number}", time_ns)
            event = self._event_of(piece, log)
            if isinstance(event, Diagnostic):
                yield from log.named(event)
            else:
                rows.add(event)

    def _event_of(self, piece: Piece, log: _Log) -> Event | Diagnostic:
        try:
            document = parse_object(piece.raw, self._options.limits)
            if not is_windows_event(document):
                raise PutAsideError(
                    "S2H501",
                    "the record has no Event.System",
                    "nothing to mend: its provider wrote it so",
                )
            return windows_event_of(document, piece, self._options, log.ordinals)
        except PutAsideError as reason:
            place = Location(piece.origin)
            return Diagnostic(reason.code, Severity.ERROR, place, reason.message, reason.hint)


#: So many records of a file are taken over together.
_AT_ONCE = 128
_BROKEN_DOWN = "the parser broke down"
#: Records that are plain, or those that are not.
_ALIKE = re.compile(rb"\x00+|\x01+")


class _Headers(NamedTuple):
    """Number and time of some records of a file, and how long each is as a line with its end."""

    numbers: Sequence[int]
    timestamps: Sequence[str]
    sizes: Sequence[int]

    def runs(self, is_plain: bytes) -> Iterator[range]:
        """Yield records whose numbers follow each other, all of them plain or none."""
        for found in _ALIKE.finditer(is_plain):
            start, end = found.span()
            first = self.numbers[start]
            if self.numbers[start:end] == [*range(first, first + end - start)]:
                yield range(start, end)  # as nearly all are
                continue
            for place in range(start + 1, end):
                if self.numbers[place] != self.numbers[place - 1] + 1:
                    yield range(start, place)
                    start = place
            yield range(start, end)

    def each(self, run: range, text: bytes, at: int) -> Iterator[tuple[int, str, bytes]]:
        """Yield number, time and JSON of some of them, which begin there in a text."""
        start = at + sum(self.sizes[: run.start])
        for place in run:
            end = start + self.sizes[place]
            yield self.numbers[place], self.timestamps[place], text[start : end - 1]
            start = end


class _Records(NamedTuple):
    """Some records as the parser gives them: what their headers say, and JSON, a line each."""

    headers: _Headers
    text: bytes


def _records_of(found: Sequence[Mapping[str, Any]]) -> _Records:
    # Each by itself: one letter beyond ASCII makes a text of all twice as large, and slow. At once,
    # while they are in the processor's cache.
    lines = [record["data"].encode("utf-8", "surrogatepass") for record in found]
    headers = _Headers(
        [record["event_record_id"] for record in found],
        [record["timestamp"] for record in found],
        [len(line) + 1 for line in lines],
    )
    return _Records(headers, b"\n".join((*lines, b"")))


def _image_of(path: Path, stream: IO[bytes], extent: Extent) -> str | _WholeChunks:
    """Return what the parser reads: the file itself where that may be, a quarter faster."""
    name = str(path)
    # The parser takes no name that is not Unicode.
    is_told = name.isascii() or name == name.encode(errors="ignore").decode()
    return name if is_told and extent.has_whole_chunks else _WholeChunks(stream, extent)


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


def _entries(image: str | _WholeChunks) -> Iterator[_Records | str]:
    """Yield the records that can be read, some at a time, and in words what cannot."""
    try:
        # One thread: it reads in order, and no more than a chunk ahead.
        parser = PyEvtxParser(image, number_of_threads=1, indent=False)
        records = parser.records_json()
    except (RuntimeError, OSError) as error:
        yield _in_words(error)
        return
    while True:
        found: list[Mapping[str, Any]] = []
        taken, problem = 0, ""
        try:
            for taken, record in enumerate(islice(records, _AT_ONCE), start=1):  # noqa: B007
                if record is not None:
                    found.append(record)
        except (RuntimeError, OSError) as error:
            problem = _in_words(error)
        except BaseException as error:
            # A panic of the Rust side is no Exception, and its class has no public name.
            if type(error).__name__ != "PanicException":
                raise
            problem = _BROKEN_DOWN
        if found:
            yield _records_of(found)
        if problem:
            yield problem
        is_at_end = not problem and taken < _AT_ONCE
        if is_at_end or problem == _BROKEN_DOWN:
            return


def _in_words(error: Exception) -> str:
    """Keep what a person can use of the parser's message: which record or chunk it was."""
    return str(error).partition(":")[0].replace("Failed to parse", "cannot read")


def _damaged(place: Location, message: str, lost: int = 1) -> Diagnostic:
    hint = "copy the file again, or export the log anew"
    return Diagnostic("S2H504", Severity.ERROR, place, message, hint, count=lost)
