"""What comes next is fetched while what came last is looked at.

Takes an iterator that waits for a server; gives the same, its next step taken by a thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Entry = TypeVar("Entry")


@contextmanager
def one_ahead(entries: Iterator[Entry]) -> Iterator[Iterator[Entry]]:
    """Give an iterator over the same that has made one entry more than was asked for, never two.

    What `entries` raises is raised where its entry would have come. At the end, or where it is left
    early, no step of `entries` is under way any more.
    """
    with ThreadPoolExecutor(1, "read-ahead") as worker:
        yield _ahead(entries, worker)


def _ahead(entries: Iterator[Entry], worker: ThreadPoolExecutor) -> Iterator[Entry]:
    coming = worker.submit(next, entries, None)
    while (entry := coming.result()) is not None:
        coming = worker.submit(next, entries, None)
        yield entry
