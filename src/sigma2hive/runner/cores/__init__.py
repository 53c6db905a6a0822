"""Event files decided on all cores, with what one process would have found, in its order.

Takes files and matchers; gives decided batches and findings. Processes only read and decide: what
counts, correlates, raises and delivers is the parent's, unchanged.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.processes import Processes, usable_cores
from sigma2hive.records import dataclass
from sigma2hive.runner.cores.units import is_worth_sharing, units_of
from sigma2hive.runner.matching import DecidedRows, Matcher
from sigma2hive.sources import (
    EventRows,
    SourceOptions,
    few_collections,
    find_event_files,
    read_batches,
)


@dataclass(frozen=True, slots=True)
class Sharing:
    """How reading is shared: by at most so many processes, None for as many as there are cores.

    What is smaller than `least_bytes` one process reads; large files are cut into slices of
    `slice_bytes`, more than a handful.
    """

    processes: int | None = None
    least_bytes: int = 32 * 1024 * 1024
    slice_bytes: int = 16 * 1024 * 1024


#: What a pass takes: a batch to decide, or one that each matcher decided already.
Entry = EventRows | Diagnostic | tuple[DecidedRows, ...]


@contextmanager
def shared_reading(
    paths: Sequence[Path], options: SourceOptions, matchers: Sequence[Matcher], sharing: Sharing
) -> Iterator[Iterator[Entry]]:
    """Give the events of files and folders, decided where several processes read them.

    They are forked here, so call it before anything has threads, locks or connections; they end
    with the block.
    """
    count = usable_cores() if sharing.processes is None else sharing.processes
    if count < 2 or not hasattr(os, "fork") or threading.active_count() > 1:
        yield read_batches(paths, options)
        return
    # Looked for at once: what is written meanwhile, alerts perhaps, is none of them.
    found = list(find_event_files(paths, options.root, options.own))
    if not is_worth_sharing(found, sharing.least_bytes):
        yield read_batches(paths, options)
        return
    # Where one process does, nothing of this is needed.
    from sigma2hive.runner.cores.deciding import decide_unit  # noqa: PLC0415
    from sigma2hive.runner.cores.joining import Joining  # noqa: PLC0415
    from sigma2hive.runner.cores.units import name_of  # noqa: PLC0415

    decide = partial(decide_unit, matchers=matchers, options=options)
    processes = Processes(count, decide, name_of)
    try:
        joining = Joining(options)
        units = joining.wanted(units_of(found, sharing.slice_bytes))
        with few_collections():
            yield joining.join(processes.results(units))
    finally:
        processes.close()
