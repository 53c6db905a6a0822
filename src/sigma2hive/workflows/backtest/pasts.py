"""What a back-test looks at: event files at once, or the history of Elasticsearch slice by slice.

Takes settings and where to look; lets sides look. A slice that could not be searched, for a reason
that passes, is an error: it will be looked at again. A rule that can never be searched is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from pathlib import Path
from typing import Protocol

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.records import dataclass
from sigma2hive.runner.cores import Sharing, shared_reading
from sigma2hive.runner.inputs import source_options
from sigma2hive.runner.own import own_patterns
from sigma2hive.runner.querying import Search, Window
from sigma2hive.workflows.backtest.journal import Resumption
from sigma2hive.workflows.backtest.sides import Side
from sigma2hive.workflows.project import Project

#: A history is searched in so many slices, unless said otherwise: a search costs the same however
#: short its window is.
SLICES = 10
_LEAST_SLICE_NS = 3_600 * 1_000_000_000


Settle = Callable[[], None]


@dataclass(slots=True)
class Found:
    """What was met while looking: findings, and why rules could not be searched, by their id.

    `parts` are those that there are, `finished` those that were looked at, `resumed` of them those
    that an earlier back-test had finished.
    """

    findings: Diagnostics = field(default_factory=Diagnostics)
    unsearched: dict[str, str] = field(default_factory=dict)
    parts: int = 0
    finished: int = 0
    resumed: int = 0

    def tell(self, finding: Diagnostic) -> None:
        """Keep a finding; one that every slice gives is kept once."""
        if finding not in self.findings.found[-100:]:
            self.findings.found.append(finding)


class Past(Protocol):
    """Some past, in parts that have no event in common."""

    @property
    def exhaustive(self) -> bool:
        """Whether searches bring what the rules' filters take away."""
        ...

    def parts(self) -> Sequence[Window | None]:
        """Return the parts in their order."""
        ...

    def show(
        self, part: Window | None, /, sides: Sequence[Side], found: Found, settle: Settle
    ) -> None:
        """Let all sides look at a part; `settle` is called whenever all have looked at the same.

        Raises:
            ServerError: it cannot be looked at now.
        """
        ...


@dataclass(frozen=True, slots=True)
class FilePast:
    """The events of files and folders, read once for all sides, and as `sharing` says."""

    paths: Sequence[Path]
    project: Project
    sharing: Sharing = field(default_factory=Sharing)
    progress: Callable[[int], None] = lambda _: None
    exhaustive: bool = False

    def parts(self) -> Sequence[Window | None]:
        """Return the one part that there is."""
        return (None,)

    def show(self, _: Window | None, sides: Sequence[Side], found: Found, settle: Settle) -> None:
        """Read all files."""
        options = source_options(self.project.settings, self.project.profile)
        matchers = [side.matcher for side in sides]
        with shared_reading(self.paths, options, matchers, self.sharing) as entries:
            for entry in entries:
                if isinstance(entry, Diagnostic):
                    found.findings.found.append(entry)
                    continue
                for position, side in enumerate(sides):
                    side.look(entry[position] if isinstance(entry, tuple) else entry)
                settle()
                self.progress(sides[0].part.events)


@dataclass(frozen=True, slots=True)
class HistoryPast:
    """A window of Elasticsearch, each side's rules searched slice by slice.

    With `slice_ns` 0 the window's length decides. Without `resumption` nothing is kept on disk.
    """

    client: ElasticsearchClient
    window: Window
    slice_ns: int = 0
    resumption: Resumption | None = None
    progress: Callable[[int], None] = lambda _: None
    exhaustive: bool = True

    def parts(self) -> Sequence[Window | None]:
        """Return the slices, the oldest first."""
        return slices_of(self.window, self.slice_ns or default_slice(self.window))

    def show(
        self, part: Window | None, sides: Sequence[Side], found: Found, settle: Settle
    ) -> None:
        """Search a slice for the rules of each side."""
        for side in sides:
            search = Search(
                self.client,
                side.compiled.rules,
                part or self.window,
                side.compiled.correlations,
                exhaustive=True,
                without_index=side.project.profile.without_index(),
                own=own_patterns(side.project.settings),
            )
            for entry in search:
                if isinstance(entry, Diagnostic):
                    found.tell(entry)
                    continue
                side.look(entry)
                self.progress(side.part.events)
            for rule_id, error in search.failures.items():
                if error.passes:
                    raise error
                found.unsearched[rule_id] = error.message
        settle()


def slices_of(window: Window, slice_ns: int) -> list[Window]:
    """Return a window in slices of one length; the last may be shorter."""
    starts = range(window.start_ns, window.end_ns, slice_ns)
    return [Window(start, min(start + slice_ns, window.end_ns)) for start in starts]


def default_slice(window: Window) -> int:
    """Return how long a slice is where nobody says: a tenth of the window, at least an hour."""
    return max(_LEAST_SLICE_NS, -(-(window.end_ns - window.start_ns) // SLICES))
