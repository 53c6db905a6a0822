"""The way `stream`: every event is fetched once, and all rules are decided here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.canonical import JsonValue
from sigma2hive.runner.deciding import Decider, decided_in
from sigma2hive.runner.finding.costs import STREAM
from sigma2hive.runner.finding.interface import Batch
from sigma2hive.runner.matching import DecidedRows, Matcher
from sigma2hive.runner.reading.interface import Reader, Slice


class Stream:
    """Reads slices whole; a `decider` does that beside this process, whenever it can."""

    def __init__(self, reader: Reader, matcher: Matcher, decider: Decider | None = None) -> None:
        self._reader = reader
        self.matcher = matcher
        self._decider = decider

    def ahead(self, parts: Sequence[Slice]) -> None:
        """Let what comes be read already."""
        if self._decider is not None:
            self._decider.ahead(parts)

    def find(self, part: Slice) -> Iterator[Batch | Diagnostic]:
        """Yield a batch a page; see `Finder`."""
        for entry in self._decided(part):
            if isinstance(entry, Diagnostic):
                yield entry
            else:
                yield Batch(len(entry), list(self.matcher.hits_of(entry)), STREAM)
                yield from self.matcher.take_findings()

    def _decided(self, part: Slice) -> Iterator[DecidedRows | Diagnostic]:
        if self._decider is not None and self._decider.takes(part):
            return self._decider.decided(part)
        return decided_in(self._reader, self.matcher, part)

    def standing(self) -> Mapping[str, JsonValue]:
        """Return nothing: there is nothing to choose."""
        return {}
