"""Event files opened as streams of bytes, gzip or not.

Takes a path; gives chunks of bytes. What is packed is told by its first bytes, not by its name, and
never unpacked further than the chunk that is asked for.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

CHUNK_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"

#: What a damaged or cut-off gzip file raises while it is read.
DAMAGE = (EOFError, zlib.error, OSError)


def is_packed(start: bytes) -> bool:
    """Whether a file that starts so is gzip."""
    return start.startswith(_GZIP_MAGIC)


@contextmanager
def open_stream(path: Path) -> Iterator[IO[bytes]]:
    """Open the file, unpacked where it is gzip.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as raw:
        stream = io.BufferedReader(raw, CHUNK_BYTES)
        if is_packed(stream.peek(len(_GZIP_MAGIC))):
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield unpacked  # type: ignore[misc]
        else:
            yield stream


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what is in the stream, as it comes.

    Raises:
        EOFError, zlib.error, OSError: a member of `DAMAGE`, after what could be read before it.
    """
    # read1, since read would throw away what it has when the rest turns out to be damaged.
    read = getattr(stream, "read1", stream.read)
    while chunk := read(CHUNK_BYTES):
        yield chunk
