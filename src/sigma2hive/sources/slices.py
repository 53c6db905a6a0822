"""Large files of lines in slices, each read by itself: the lines that begin in a range of bytes.

Takes a file; gives its slices, where it is read line by line at all, and the lines of a slice. All
slices together are the file: each line, the last one too, is in one of them and whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from sigma2hive.records import dataclass
from sigma2hive.sources.interface import EventFile
from sigma2hive.sources.ndjson import UTF8_MARK, is_of_lines, start_of
from sigma2hive.sources.opening import CHUNK_BYTES, chunks_of, is_packed


@dataclass(frozen=True, slots=True)
class Slice:
    """The lines of a file that begin at byte `start` or later, and before `end`.

    `end` is None in a file's last slice, and `start` in its first is after the UTF-8 mark.
    """

    file: EventFile
    start: int
    end: int | None
    is_first: bool = False


def slices_of(file: EventFile, slice_bytes: int) -> list[Slice]:
    """Return the slices of a file; none where it has to be read as a whole."""
    if file.kind != "ndjson":
        return []
    try:
        size = file.path.stat().st_size
        if size <= slice_bytes:
            return []
        with file.path.open("rb") as stream:
            start = start_of(chunks_of(stream))
    except OSError:
        return []  # whoever reads it will say why it cannot be read
    text = start.removeprefix(UTF8_MARK)
    if is_packed(start) or not is_of_lines(text):
        return []
    ends: list[int | None] = [*range(slice_bytes, size, slice_bytes), None]
    first = Slice(file, len(start) - len(text), ends[0], is_first=True)
    return [first, *(Slice(file, (at + 1) * slice_bytes, end) for at, end in enumerate(ends[1:]))]


def chunks_in(part: Slice) -> Iterator[bytes]:
    """Yield the lines of a slice, in chunks of any length.

    Raises:
        OSError: the file cannot be opened, or not be read to the slice's end.
    """
    with part.file.path.open("rb") as stream:
        if part.is_first:
            stream.seek(part.start)
        elif not _go_to_line(stream, part):
            return
        if part.end is None:
            yield from chunks_of(stream)
        else:
            yield from _up_to_line(stream, part.end)


def _go_to_line(stream: IO[bytes], part: Slice) -> bool:
    """Go to where the first line begins; False where none does."""
    # What ends just before the slice does not run into it.
    position = stream.seek(part.start - 1)
    while part.end is None or position < part.end - 1:
        chunk = stream.readline(CHUNK_BYTES)
        if not chunk:
            return False
        position += len(chunk)
        if chunk.endswith(b"\n"):
            return part.end is None or position < part.end
    return False


def _up_to_line(stream: IO[bytes], end: int) -> Iterator[bytes]:
    """Yield what is left up to `end`, and the rest of the line that goes on there."""
    chunk, left = b"\n", end - stream.tell()
    while left > 0:
        chunk = stream.read(min(CHUNK_BYTES, left))
        if not chunk:
            return
        left -= len(chunk)
        yield chunk
    while chunk and not chunk.endswith(b"\n"):
        chunk = stream.readline(CHUNK_BYTES)
        yield chunk
