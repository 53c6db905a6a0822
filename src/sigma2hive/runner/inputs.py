"""What a run looks at: the events of files; `searching` has the hits of a search.

Takes settings and what is asked for; gives an `Input`. Nothing is read before it is iterated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Protocol

from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.model.profiles import Profile
from sigma2hive.records import dataclass
from sigma2hive.runner.cores import Sharing, shared_reading
from sigma2hive.runner.matching import Candidate, DecidedRows, Matcher
from sigma2hive.runner.own import own_paths
from sigma2hive.runner.state import EpisodeStore
from sigma2hive.settings import Settings
from sigma2hive.sources import EventRows, Limits, SourceOptions


class Remembering(Protocol):
    """A search that looks for further events of the episodes it is told of."""

    episodes: EpisodeStore | None


@dataclass(frozen=True, slots=True)
class Input:
    """What a pass looks at.

    Once `found` was iterated, `unsearched` has the rules that could not be searched whole, by id,
    and `passed_over` the index patterns that still have no index, as the snapshot says.
    """

    found: Iterable[Event | EventRows | DecidedRows | Candidate | Diagnostic]
    unsearched: Mapping[str, ServerError] = field(default_factory=dict)
    passed_over: Collection[str] = ()
    search: Remembering | None = None

    def remember(self, episodes: EpisodeStore | None) -> None:
        """Look for further events of these episodes too, where otherwise not all are read."""
        if self.search is not None:
            self.search.episodes = episodes


@contextmanager
def share_files(
    paths: Sequence[Path], options: SourceOptions, matcher: Matcher, sharing: Sharing
) -> Iterator[Input]:
    """Give the events of files and folders, decided by several processes where there is much.

    They are forked here: call it before anything has threads, locks or connections.
    """
    with shared_reading(paths, options, [matcher], sharing) as found:
        yield Input(entry[0] if isinstance(entry, tuple) else entry for entry in found)


def source_options(settings: Settings, profile: Profile, own: Sequence[Path] = ()) -> SourceOptions:
    """Return how files are read; `own` are files of ours that the settings do not name."""
    limits = settings.limits
    return SourceOptions(
        flavour=profile.windows_events,
        root=settings.root,
        limits=Limits(limits.max_event_bytes, limits.max_event_fields),
        time_fields=profile.time_fields,
        own=(*own_paths(settings), *own),
    )
