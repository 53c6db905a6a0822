"""Documents at which this program itself fails: found by halving their slice, and put aside.

Takes a slice that failed so, and what works on a part of it; what is left has been worked on
afterwards, each part stored by itself, but for these documents. The ledger has them, so that they
are not tried again with the next one that is found; nothing else decides whether they are looked at
again: a slice is read whole first, and a version that does not fail finds them where a sweep, or a
rule that was away, comes to them once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.service import Interval, Searched, SearchStatus, Step
from sigma2hive.records import dataclass
from sigma2hive.runner.reading.interface import Document, Reader, Slice
from sigma2hive.runner.service.coverage import last_of_each
from sigma2hive.runner.service.outcomes import BrokenError
from sigma2hive.runner.store.interface import StateStore

CODE = "S2H509"
#: What the ledger knows such a document by.
_ASIDE = "aside:"
#: Parts of a slice that are tried in one cycle: others wait meanwhile. What is found is remembered,
#: so that the next cycle goes on from there.
_MOST_TRIES = 200


@dataclass(frozen=True, slots=True)
class Halving:
    """Works on what is left of slices; `attempt` works on a part, and stores what came of it."""

    reader: Reader
    store: StateStore
    attempt: Callable[[Slice], None]
    now_ns: int

    def work(self, part: Slice, error: BrokenError) -> Iterator[Diagnostic]:
        """Work on all of a slice that failed with an error, and tell of what is put aside.

        Raises:
            BrokenError: no document is why, or there are more than one cycle can find.
            ServerError: not all of it could be looked at.
        """
        self.attempt(self.reader.only(part, ()))  # where this fails, no document is to blame
        known = {entry.target for entry in put_aside_in(self.store.ledger())}
        every = self.reader.documents(part)
        left = [document for document in every if _name(document) not in known]
        parts = [left] if len(left) < len(every) else _halves(left)
        for _ in range(_MOST_TRIES):
            if not parts:
                return
            some = parts.pop()
            try:
                self.attempt(self.reader.only(part, some))
            except BrokenError as failed:
                if len(some) > 1:
                    parts += _halves(some)
                else:
                    yield self._put_aside(part, some[0], failed)
        if parts:
            raise error

    def _put_aside(self, part: Slice, document: Document, failed: BrokenError) -> Diagnostic:
        entry = Searched(
            unit=_ASIDE + _name(document),
            target=_name(document),
            interval=Interval(part.interval.start_ns, self.now_ns),
            status=SearchStatus.TRUNCATED,
            reason=f"{CODE}: {failed.why}",
            patterns=part.targets,
        )
        self.store.commit(Step(searched=(entry,)))
        return Diagnostic(
            CODE,
            Severity.ERROR,
            Location(_name(document)),
            f"sigma2hive itself fails at this document: {failed.why}",
            "no rule has looked at it, and all others go on: look at it yourself, and report this "
            "as a mistake of sigma2hive's",
        )


def _halves(documents: Sequence[Document]) -> list[Sequence[Document]]:
    """Return both halves, the first one last: parts are taken from the end."""
    middle = (len(documents) + 1) // 2
    return [half for half in (documents[middle:], documents[:middle]) if half]


def put_aside_in(ledger: Iterable[Searched]) -> Iterator[Searched]:
    """Yield what the ledger says of documents that were put aside, each once, the last one last."""
    yield from last_of_each(ledger, _ASIDE)


def _name(document: Document) -> str:
    return f"{document.index}/{document.id}"
