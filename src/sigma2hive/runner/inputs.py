"""What a run looks at: the events of files, or the hits of a search.

Takes settings and what is asked for; gives an `Input`. Nothing is read before it is iterated.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.clients.errors import ServerError
from sigma2hive.compiler import Compiled
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.model.profiles import Profile
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.matching import Candidate
from sigma2hive.runner.querying import Search, Window
from sigma2hive.runner.state import EpisodeStore
from sigma2hive.settings import Settings
from sigma2hive.sources import EventRows, Limits, SourceOptions, read_batches


@dataclass(frozen=True, slots=True)
class Input:
    """What a pass looks at.

    Once `found` was iterated, `unsearched` has the rules that could not be searched whole, by id,
    and `passed_over` the index patterns that still have no index, as the snapshot says.
    """

    found: Iterable[Event | EventRows | Candidate | Diagnostic]
    unsearched: Mapping[str, ServerError] = field(default_factory=dict)
    passed_over: Collection[str] = ()

    def remember(self, episodes: EpisodeStore | None) -> None:
        """Look for further events of these episodes too, where otherwise not all are read."""
        if isinstance(self.found, Search):
            self.found.episodes = episodes


def read_files(paths: Sequence[Path], settings: Settings, profile: Profile) -> Input:
    """Return the events of files and folders."""
    limits = settings.limits
    options = SourceOptions(
        flavour=profile.windows_events,
        root=settings.root,
        limits=Limits(limits.max_event_bytes, limits.max_event_fields),
    )
    return Input(read_batches(paths, options))


@contextmanager
def search_back(
    span: timedelta, settings: Settings, compiled: Compiled, profile: Profile
) -> Iterator[Input]:
    """Give what a search for each rule finds in the last `span` of Elasticsearch.

    Raises:
        ServerError: the cluster cannot be asked at all.
    """
    end_ns = time.time_ns()
    window = Window(end_ns - int(span.total_seconds()) * NANOSECONDS, end_ns)
    with open_client(settings.elasticsearch) as client:
        search = Search(
            client,
            compiled.rules,
            window,
            compiled.correlations,
            without_index=profile.without_index(),
        )
        yield Input(search, search.failures, search.passed_over)
