"""Lines of NDJSON put together for the scanner, as many as make a batch.

Takes chunks of bytes; gives blocks of whole lines that were scanned, and in their place those lines
that are longer than an event may be. Every line of a file is read in this way or none, so that
equal lines are read alike that nothing but their order tells apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sigma2hive.sources.batches import MAX_BYTES, MAX_EVENTS
from sigma2hive.sources.opening import DAMAGE
from sigma2hive.sources.records import LineScanner, Records

#: A first block, of which nobody knows how long its lines are.
_FIRST_BYTES = 1024 * 1024


class Scanned(NamedTuple):
    """Lines that were scanned; None stands for one that is too long.

    `is_ended`: the file has the ending of the last of them, too.
    """

    records: Records | None
    is_ended: bool = True

    def __len__(self) -> int:
        """How many lines there are."""
        return 1 if self.records is None else len(self.records)


class Scanning:
    """One pass over the chunks of a file, of which no event has more than `max_bytes`."""

    def __init__(self, scanner: LineScanner, chunks: Iterable[bytes], max_bytes: int) -> None:
        self._scanner = scanner
        self._chunks = iter(chunks)
        self._longest = max_bytes + 1  # with CR
        self._kept = b""
        self._wanted = _FIRST_BYTES
        self._damage: BaseException | None = None
        self._is_over = False

    def blocks(self) -> Iterator[Scanned]:
        """Yield all lines.

        Raises:
            EOFError, zlib.error, OSError: what the chunks raise, after the lines before it.
            MemoryError: there is not enough.
        """
        while True:
            self._gather()
            if end := self._kept.rfind(b"\n") + 1:
                records = self._scanner.scan(self._kept, end)
                taken = records.scan.end
                self._kept = self._kept[taken:]
                self._wanted = min(MAX_BYTES, (taken // len(records) + 1) * MAX_EVENTS)
                yield Scanned(records)
            elif len(self._kept) > self._longest:
                self._skip_line()
                if self._damage is None:
                    yield Scanned(None)
            elif not self._is_over:
                self._wanted = self._longest + 1
            else:
                break
        if self._damage is not None:
            raise self._damage
        if self._kept:
            text = self._kept + b"\n"
            yield Scanned(self._scanner.scan(text, len(text)), is_ended=False)

    def _gather(self) -> None:
        """Take as many chunks as are wanted, or there are."""
        kept = [self._kept]
        size = len(self._kept)
        while size < self._wanted and (chunk := self._next()):
            kept.append(chunk)
            size += len(chunk)
        self._kept = b"".join(kept)

    def _skip_line(self) -> None:
        """Drop what there is of a line, and the rest of it."""
        self._kept = b""
        while chunk := self._next():
            if end := chunk.find(b"\n") + 1:
                self._kept = chunk[end:]
                return

    def _next(self) -> bytes | None:
        """Return the next chunk; None where there are no more, or what comes is damaged."""
        if self._is_over:
            return None
        try:
            chunk = next(filter(None, self._chunks), None)
        except DAMAGE as error:
            # What came before it is read first.
            self._damage, chunk = error, None
        self._is_over = chunk is None
        return chunk
