"""What a run looks at: the events of files; `searching` has the hits of a search.

Takes settings and what is asked for; gives an `Input`. Nothing is read before it is iterated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.model.profiles import Profile
from sigma2hive.runner.matching import Candidate
from sigma2hive.runner.own import own_paths
from sigma2hive.runner.state import EpisodeStore
from sigma2hive.settings import Settings
from sigma2hive.sources import EventRows, Limits, SourceOptions, read_batches


class Remembering(Protocol):
    """A search that looks for further events of the episodes it is told of."""

    episodes: EpisodeStore | None


@dataclass(frozen=True, slots=True)
class Input:
    """What a pass looks at.

    Once `found` was iterated, `unsearched` has the rules that could not be searched whole, by id,
    and `passed_over` the index patterns that still have no index, as the snapshot says.
    """

    found: Iterable[Event | EventRows | Candidate | Diagnostic]
    unsearched: Mapping[str, ServerError] = field(default_factory=dict)
    passed_over: Collection[str] = ()
    search: Remembering | None = None

    def remember(self, episodes: EpisodeStore | None) -> None:
        """Look for further events of these episodes too, where otherwise not all are read."""
        if self.search is not None:
            self.search.episodes = episodes


def read_files(
    paths: Sequence[Path], settings: Settings, profile: Profile, own: Sequence[Path] = ()
) -> Input:
    """Return the events of files and folders, but not what is in files of ours; `own` are more."""
    limits = settings.limits
    options = SourceOptions(
        flavour=profile.windows_events,
        root=settings.root,
        limits=Limits(limits.max_event_bytes, limits.max_event_fields),
        time_fields=profile.time_fields,
        own=(*own_paths(settings), *own),
    )
    return Input(read_batches(paths, options))
