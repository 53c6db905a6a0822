"""The way `stream`: every event is fetched once, and all rules are decided here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.canonical import JsonValue
from sigma2hive.runner.finding.costs import STREAM
from sigma2hive.runner.finding.interface import Batch
from sigma2hive.runner.matching import Matcher
from sigma2hive.runner.reading.interface import Reader, Slice


class Stream:
    """Reads slices whole."""

    def __init__(self, reader: Reader, matcher: Matcher) -> None:
        self._reader = reader
        self.matcher = matcher

    def find(self, part: Slice) -> Iterator[Batch | Diagnostic]:
        """Yield a batch a page; see `Finder`."""
        for entry in self._reader.read(part):
            if isinstance(entry, Diagnostic):
                yield entry
            else:
                yield Batch(len(entry), list(self.matcher.hits_of(entry)), STREAM)

    def standing(self) -> Mapping[str, JsonValue]:
        """Return nothing: there is nothing to choose."""
        return {}
