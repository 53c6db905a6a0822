"""A slice read and decided: the same steps in whichever process."""

from __future__ import annotations

from collections.abc import Iterator

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.runner.matching import DecidedRows, Matcher
from sigma2hive.runner.reading.interface import Reader, Slice


def decided_in(reader: Reader, matcher: Matcher, part: Slice) -> Iterator[DecidedRows | Diagnostic]:
    """Yield a slice's batches as they are decided, and findings for documents that are no events.

    Raises:
        ServerError: not all of it came; nothing that was yielded counts.
    """
    for entry in reader.read(part):
        if isinstance(entry, Diagnostic):
            yield entry
        else:
            yield DecidedRows(matcher.decide(entry), entry.event)
