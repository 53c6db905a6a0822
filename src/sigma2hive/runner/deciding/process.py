"""The second process: reads slices that it is asked for, decides them, and keeps nothing.

Takes the file number of a pipe; what to work with comes through it, then slices, whose decided
batches go back. It ends with the process that started it, however that ends.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import threading
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import field
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.rules import Compiled
from sigma2hive.records import dataclass
from sigma2hive.runner.deciding.messages import (
    Answer,
    Broken,
    Ended,
    Failed,
    Forget,
    Page,
    Read,
    Ready,
    Work,
)
from sigma2hive.runner.deciding.slices import decided_in
from sigma2hive.runner.matching import DecidedRows, Matcher
from sigma2hive.runner.reading import ElasticsearchReader
from sigma2hive.runner.reading.interface import Slice
from sigma2hive.sources import few_collections

#: What comes of a slice: pages and findings, and at last how it ended.
Part = Page | Diagnostic | Ended | Failed | Broken
#: What is under way when nobody is left to tell has so long to let go of Elasticsearch.
_LAST_SECONDS = 5.0


def main() -> None:
    """Serve whoever started this process."""
    code = 1
    connection = Connection(int(sys.argv[1]))
    try:
        with few_collections():
            code = _serve(connection, connection.recv_bytes())
    finally:
        # Without a word, and without waiting for threads that wait for a server: a pipe that breaks
        # is the other's end, and of all else it sees that this process is gone.
        os._exit(code)


def _serve(connection: Connection, work: bytes) -> int:
    """Answer until nothing is asked for any more; return the exit code."""
    try:
        deciding = _Deciding.of(pickle.loads(work))  # noqa: S301  # our own process wrote it
    except Exception as error:
        _send(connection, (0, Broken(_words(error))))
        return 1
    gc.freeze()  # the rules stay
    asked = _Asked(connection)
    threading.Thread(target=asked.listen, name="asked", daemon=True).start()
    try:
        _send(connection, (0, Ready()))
        while (wanted := asked.slices.get()) is not None:
            # A slice that is left early lets go of Elasticsearch at once.
            with closing(deciding.answers(wanted.part)) as answers:
                for answer in answers:
                    if wanted.number <= asked.forgotten:
                        break
                    _send(connection, (wanted.number, answer))
    finally:
        asked.is_over.set()
    return 0


@dataclass(slots=True)
class _Asked:
    """What is asked for, taken from the pipe by a thread; None after the last `slices`."""

    connection: Connection
    slices: SimpleQueue[Read | None] = field(default_factory=SimpleQueue)
    #: Of slices up to this number nothing is wanted any more.
    forgotten: float = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Take what is asked for; where nobody is left who asks, end this process."""
        with suppress(EOFError, OSError):
            while True:
                message = pickle.loads(self.connection.recv_bytes())  # noqa: S301  # as above
                if isinstance(message, Forget):
                    self.forgotten = message.number
                else:
                    self.slices.put(message)
        self.forgotten = float("inf")
        self.slices.put(None)
        self.is_over.wait(_LAST_SECONDS)
        os._exit(0)


@dataclass(frozen=True, slots=True)
class _Deciding:
    """Rules, ready to decide what a reader reads."""

    reader: ElasticsearchReader
    matcher: Matcher

    @staticmethod
    def of(work: Work) -> _Deciding:
        client = open_client(work.elasticsearch)
        targets = tuple(work.computed)
        reader = ElasticsearchReader(client, targets, work.service, work.computed, work.excluded)
        # Hits are positions of rules: which rules these are, only the other process needs to know.
        return _Deciding(reader, Matcher(Compiled(), exhaustive=True, program=work.program))

    def answers(self, part: Slice) -> Generator[Part, None, None]:
        """Yield what comes of a slice, and at last how it ended."""
        try:
            for entry in decided_in(self.reader, self.matcher, part):
                yield entry if isinstance(entry, Diagnostic) else _page(entry)
        except ServerError as error:
            yield Failed(error)
        except Exception as error:
            yield Broken(_words(error))
        else:
            yield Ended()


def _page(rows: DecidedRows) -> Page:
    met = dict.fromkeys(row for row, _ in rows.decided.hits)
    return Page(rows.decided, {row: rows.event(row) for row in met})


def _send(connection: Connection, answer: Answer | Any) -> None:
    connection.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
