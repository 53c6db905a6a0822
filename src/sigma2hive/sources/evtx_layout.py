"""How an .evtx file is laid out: a header, then chunks that each say which records they hold.

Takes an open file; gives how much of it is there, and an estimate of what damage cost. Reads no
record.

Source: https://github.com/libyal/libevtx, Windows XML Event Log (EVTX) format
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import IO

from sigma2hive.records import dataclass
from sigma2hive.sources.files import EVTX_MAGIC

HEADER_BYTES = 4096
CHUNK_BYTES = 65536
_CHUNK_MAGIC = b"ElfChnk\0"
_CHUNK_HEADER_BYTES = 512
_NEXT_RECORD_AT, _CHUNK_COUNT_AT = 24, 42
#: A record has a header of 24 bytes and its size once more at the end.
_MAX_RECORDS = (CHUNK_BYTES - _CHUNK_HEADER_BYTES) // 28


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a file is there; `missing` says what is not, "" when all is.

    `chunks` is how many there should be, `next_record` the id after the last record's: what the
    file's header says, which a machine that stopped while writing may have left behind.
    """

    size: int
    missing: str
    chunks: int
    next_record: int

    @property
    def has_whole_chunks(self) -> bool:
        """Whether it ends with a chunk, be it the last one or not."""
        return (self.size - HEADER_BYTES) % CHUNK_BYTES == 0


def extent_of(stream: IO[bytes]) -> Extent | str:
    """Return the file's extent, or why it is no event log."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    header = stream.read(128)
    if not size:
        return "the file is empty: not even the header of an event log is there"
    if not header.startswith(EVTX_MAGIC[: len(header)]):
        return "the file is no Windows event log, whatever its name says"
    if size < HEADER_BYTES:
        return f"the file is cut off inside its header, after {size:,} bytes"
    (next_record,) = struct.unpack_from("<Q", header, _NEXT_RECORD_AT)
    (expected,) = struct.unpack_from("<H", header, _CHUNK_COUNT_AT)
    whole, rest = divmod(size - HEADER_BYTES, CHUNK_BYTES)
    missing = ""
    if rest:
        of = f" of {expected}" if expected > whole else ""
        missing = f"the file is cut off inside chunk {whole + 1}{of}"
    elif whole < expected:
        missing = f"the file is cut off: {whole} of {expected} chunks are there"
    return Extent(size, missing, max(expected, whole + bool(rest)), next_record)


@dataclass(frozen=True, slots=True)
class _ChunkRange:
    """Which records a chunk says it holds: how many, and their ids, which may have gaps."""

    records: int
    first_id: int
    last_id: int


def count_lost(stream: IO[bytes], extent: Extent, read: int) -> int:
    """Return about how many records a damaged file has lost, at least 1, when `read` were read.

    Chunks that can still say what they held are believed; what the others held is what is missing
    between the ids of those and the file's own next id, where that can be, else one record each.
    """
    ranges = list(_chunk_ranges(stream, extent))
    lost = max(0, sum(chunk.records for chunk in ranges) - read)
    if silent := extent.chunks - len(ranges):
        first = min((chunk.first_id for chunk in ranges), default=1)
        told = sum(chunk.last_id - chunk.first_id + 1 for chunk in ranges)
        untold = extent.next_record - first - told
        lost += untold if silent <= untold <= silent * _MAX_RECORDS else silent
    return max(1, lost)


def _chunk_ranges(stream: IO[bytes], extent: Extent) -> Iterator[_ChunkRange]:
    for at in range(HEADER_BYTES, extent.size, CHUNK_BYTES):
        stream.seek(at)
        header = stream.read(40)
        if len(header) < 40 or not header.startswith(_CHUNK_MAGIC):
            continue
        first, last, first_id, last_id = struct.unpack_from("<QQQQ", header, 8)
        if first <= last < first + _MAX_RECORDS and first_id <= last_id:
            yield _ChunkRange(last - first + 1, first_id, last_id)
