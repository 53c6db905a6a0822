"""JSON events from files: one a line, or the objects of an array, or pretty-printed ones.

Takes a file, gzip or not; gives its events. A line may be a document in the index's own fields, a
raw Windows event or an Elasticsearch search hit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, cast

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.events import Event
from sigma2hive.sources.batches import EventRows
from sigma2hive.sources.documents import WHOLE_RESPONSE, LineEvents, Piece, event_of
from sigma2hive.sources.files import EVTX_MAGIC, cannot_open
from sigma2hive.sources.findings import FewFindings
from sigma2hive.sources.interface import EventFile, PutAsideError, SourceOptions
from sigma2hive.sources.lines import PlainReader
from sigma2hive.sources.opening import DAMAGE, chunks_of, open_stream
from sigma2hive.sources.ordinals import Ordinals
from sigma2hive.sources.parsing import check_size, parse_object
from sigma2hive.sources.pieces import Block, Cut, cut_blocks, cut_objects
from sigma2hive.sources.records import Records, line_scanner
from sigma2hive.sources.scanning import Scanned, Scanning

#: When so much of the start of a file holds no event at all, it is no event file.
MAX_BAD_START = 1_000

#: How much of a file says what it is.
_HEAD_BYTES = 4096
#: The start of a search response, up to its hits; it may be far larger than any event.
_RESPONSE = re.compile(
    rb'\s*\{(?:[^{}\[]*"_shards"\s*:\s*\{[^{}\[]*\})?[^{}\[]*"hits"\s*:\s*\{[^\[]*?"hits"\s*:\s*\['
)
_XML = re.compile(rb"\s*<(?:\?xml|!doctype|html|events?\b)", re.IGNORECASE)
UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_STARTS = (b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{", b"[\0", b"\0[")


class NdjsonSources:
    """The events of some JSON files."""

    def __init__(self, files: Iterable[EventFile], options: SourceOptions) -> None:
        self._files = files
        self._options = options

    def __iter__(self) -> Iterator[Event | EventRows | Diagnostic]:
        """Yield the events in their order; findings beyond those that are named are counted."""
        for file in self._files:
            few = FewFindings()
            for entry in self._entries(file):
                if not isinstance(entry, Diagnostic) or few.is_named(entry):
                    yield entry
            yield from few.rest()

    def _entries(self, file: EventFile) -> Iterator[Event | EventRows | Diagnostic]:
        """Yield the events in the order of the file, and findings for what is none."""
        try:
            with open_stream(file.path) as stream:
                yield from Reading(file, self._options).read(chunks_of(stream))
        except OSError as error:
            yield cannot_open(Location(file.display), error)


class Reading:
    """One pass over one file, or over some of its lines: see `read_lines`."""

    def __init__(self, file: EventFile, options: SourceOptions, *, is_part: bool = False) -> None:
        self._display = file.display
        self._options = options
        self._is_part = is_part
        ordinals = self._ordinals = Ordinals()
        self._plain = PlainReader(options)
        self._scanner = line_scanner(options)
        self._maker = LineEvents(f"{file.display}:", options, ordinals)
        self._put_aside = 0
        #: How many events and lines were read so far, and the last line that is not blank.
        self.events = self.lines = self.last_line = 0

    def read(self, chunks: Iterator[bytes]) -> Iterator[Event | EventRows | Diagnostic]:
        """Yield everything up to the end of the file, or to where it is damaged."""
        try:
            start = start_of(chunks)
            start = start.removeprefix(UTF8_MARK)
            if another := _another_kind(start):
                yield self._finding(*another)
                return
            rest = chain((start,), chunks)
            if _is_spread_out(start):
                max_bytes = self._options.limits.max_bytes
                yield from self._events_of(cut_objects(rest, max_bytes))
            else:
                yield from self.read_lines(rest)
        except DAMAGE as error:
            yield damaged(self._display, reason_of(error), self.events, self.last_line)

    def _events_of(self, cuts: Iterable[Cut]) -> Iterator[Event | Diagnostic]:
        for cut in cuts:
            yield from self._read_cut(cut)
            if self._is_given_up():
                yield giving_up(self._display)
                return

    def _read_cut(self, cut: Cut) -> Iterator[Event | Diagnostic]:
        self.last_line = cut.line
        try:
            event = self._event_of(cut)
        except PutAsideError as reason:
            self._put_aside += 1
            yield self._finding(
                reason.code, reason.message, _hint(reason, cut), cut.place_of(reason.offset)
            )
        else:
            self.events += 1
            yield event

    def read_lines(self, chunks: Iterable[bytes]) -> Iterator[EventRows | Diagnostic]:
        """Yield batches of lines; one that is not plain is read with care.

        Raises:
            EOFError, zlib.error, OSError: what `chunks` raises, after what was read before it.
        """
        rows = EventRows()
        try:
            for first, block in self._blocks(chunks):
                self.lines = first + len(block) - 1
                for entry in self._read_block(block, first, rows):
                    yield entry
                    if self._is_given_up():
                        yield giving_up(self._display)
                        return
                if rows.is_full:
                    yield rows
                    rows = EventRows()
        except DAMAGE:
            if len(rows):
                yield rows
            raise
        if len(rows):
            yield rows

    def _blocks(self, chunks: Iterable[bytes]) -> Iterator[tuple[int, Block | Scanned]]:
        """Yield all lines in blocks, each with the number of its first line."""
        max_bytes = self._options.limits.max_bytes
        if self._scanner is None:
            for block in cut_blocks(chunks, max_bytes):
                yield block.first, block
            return
        first = 1
        for scanned in Scanning(self._scanner, chunks, max_bytes).blocks():
            yield first, scanned
            first += len(scanned)

    def _read_block(
        self, block: Block | Scanned, first: int, rows: EventRows
    ) -> Iterator[Diagnostic]:
        """Add the events of lines, and yield what is wrong with the others."""
        if isinstance(block, Block):
            return self._rows_of(block, rows)
        if block.records is None:
            return self._rows_of(Block(first, [None]), rows)
        return self._rows_of_scan(block.records, first, block.is_ended, rows)

    def _rows_of_scan(
        self, records: Records, first: int, is_ended: bool, rows: EventRows
    ) -> Iterator[Diagnostic]:
        scan = records.scan
        most = self._options.limits.max_bytes
        for part, is_plain in records.runs():
            number = first + part.start
            if is_plain:
                rows.add_scanned(records.lines, part, number, self._maker)
                self.events += len(part)
                self.last_line = number + len(part) - 1
            else:
                raws = map(scan.line, part)
                others = [raw + b"\n" if len(raw) <= most else None for raw in raws]
                is_last_ended = is_ended or part.stop < len(scan)
                yield from self._rows_of(Block(number, others, is_last_ended), rows)

    def _rows_of(self, block: Block, rows: EventRows) -> Iterator[Diagnostic]:
        """Add the events of a block, and yield what is wrong with the other lines."""
        documents = self._plain.documents_of(block.lines)
        start = 0
        if not all(documents):
            for position, document in enumerate(documents):
                if document is None:
                    self._add_plain(rows, block, documents, range(start, position))
                    start = position + 1
                    yield from self._read_line(rows, block.cut(position))
        self._add_plain(rows, block, documents, range(start, len(documents)))

    def _add_plain(
        self,
        rows: EventRows,
        block: Block,
        documents: Sequence[Mapping[str, Any] | None],
        positions: range,
    ) -> None:
        """Add plain lines that follow each other, none of them None."""
        if not positions:
            return
        part = slice(positions.start, positions.stop)
        there = cast("Sequence[Mapping[str, Any]]", documents[part])
        lines = cast("Sequence[bytes]", block.lines[part])
        number = block.first + positions.start
        rows.add_lines(there, lines, number, self._maker)
        self.events += len(positions)
        self.last_line = number + len(positions) - 1

    def _read_line(self, rows: EventRows, cut: Cut | None) -> Iterator[Diagnostic]:
        """Add the event of a line that is not plain, or yield what is wrong with it."""
        if cut is None:
            return
        for entry in self._read_cut(cut):
            if isinstance(entry, Event):
                rows.add_read(entry, cut.line, self._maker)
            else:
                yield entry

    def _is_given_up(self) -> bool:
        is_bad_start = not self.events and self._put_aside == MAX_BAD_START
        return is_bad_start and not self._is_part

    def _event_of(self, cut: Cut) -> Event:
        limits = self._options.limits
        if cut.is_oversized:
            check_size(limits.max_bytes + 1, limits)
        document = parse_object(cut.raw, limits)
        piece = Piece(cut.raw, f"{self._display}:{cut.line}")
        return event_of(document, piece, self._options, self._ordinals)

    def _finding(
        self, code: str, message: str, hint: str, place: tuple[int, int] = (0, 0)
    ) -> Diagnostic:
        location = Location(self._display, *place)
        return Diagnostic(code, Severity.ERROR, location, message, hint)


def damaged(display: str, reason: str, events: int, last_line: int) -> Diagnostic:
    """Return the finding about a file that could not be read to its end."""
    return Diagnostic(
        "S2H504",
        Severity.ERROR,
        Location(display),
        f"the file is damaged or cut off: {reason}; {events:,} events were read, up to line "
        f"{last_line:,}",
        "copy the file again from where it was made",
    )


def giving_up(display: str) -> Diagnostic:
    """Return the finding about a file that is no event file."""
    return Diagnostic(
        "S2H504",
        Severity.ERROR,
        Location(display),
        f"none of the first {MAX_BAD_START:,} lines is an event; the rest of the file was not read",
        "name only event files; a file of text is no NDJSON",
    )


def is_of_lines(start: bytes) -> bool:
    """Whether a file that starts so is read line by line; `start` is without the UTF-8 mark."""
    return _another_kind(start) is None and not _is_spread_out(start)


def start_of(chunks: Iterator[bytes]) -> bytes:
    """Return the first bytes, enough of them to tell how the file is written."""
    start = b""
    for chunk in chunks:
        start += chunk
        if b"\n" in start.lstrip() or len(start) > _HEAD_BYTES:
            break
    return start


def _another_kind(start: bytes) -> tuple[str, str, str] | None:
    """Return code, message and hint where the whole file is plainly something else."""
    if start.startswith(_UTF16_STARTS):
        hint = "convert it: iconv -f UTF-16 -t UTF-8, or in PowerShell -Encoding utf8"
        return "S2H106", "the file is UTF-16, not UTF-8", hint
    if start.startswith(EVTX_MAGIC):
        hint = "give it a name that ends in .evtx, and it is read"
        return "S2H501", "the file is a Windows event log, not JSON", hint
    if _XML.match(start):
        hint = "export Windows events as .evtx, others as one JSON object a line"
        return "S2H501", "the file is XML or HTML, not JSON", hint
    if _RESPONSE.match(start[:_HEAD_BYTES]):
        return "S2H501", *WHOLE_RESPONSE
    return None


def _is_spread_out(start: bytes) -> bool:
    """Whether it is JSON over several lines or one array, not one object a line."""
    text = start.lstrip()
    return text.startswith(b"[") or text.split(b"\n", 1)[0].rstrip() == b"{"


def _hint(reason: PutAsideError, cut: Cut) -> str:
    if cut.is_ended or reason.code != "S2H501":
        return reason.hint
    return "the file ends inside this event: it may still be being written, or be cut off"


def reason_of(error: BaseException) -> str:
    """Return in words why a file is damaged."""
    return getattr(error, "strerror", None) or str(error)
