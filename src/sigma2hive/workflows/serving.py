"""The service put together: a repository's newest version, its reader, and where alerts go.

Takes what a command line asks for, a client and a store; gives versions for the loop to work with.
The settings are those of the start: a change of them takes effect with the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.errors import ServerError
from sigma2hive.clock import today
from sigma2hive.compiler import Exceptions
from sigma2hive.diagnostics import ConfigurationError, Diagnostic, Diagnostics, Location
from sigma2hive.engine import Program, compile_program
from sigma2hive.model.rules import Compiled
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.repository import Versions, commit_of, shown_path
from sigma2hive.runner.correlating.correlator import CorrelatingSettings, Correlator
from sigma2hive.runner.correlating.priming import past_in
from sigma2hive.runner.deciding import Decider, Work
from sigma2hive.runner.finding import WAYS, Means
from sigma2hive.runner.floods.judge import FloodJudge
from sigma2hive.runner.own import own_patterns
from sigma2hive.runner.raising import Raiser
from sigma2hive.runner.reading import ElasticsearchReader
from sigma2hive.runner.service.cycle import Cycle, matcher_of
from sigma2hive.runner.service.loop import Version
from sigma2hive.runner.service.missed import Missed, returned, take_in
from sigma2hive.runner.service.standing import ways_of
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.settings import Settings
from sigma2hive.storage import StorageError
from sigma2hive.workflows.project import Loaded, Project, ProjectOptions, load_project
from sigma2hive.workflows.unusable import Unusable
from sigma2hive.workflows.watching import Watched

#: Findings that say that a path which a person named is not there: half a repository is no version.
_NOT_THERE = "S2H108"
#: How coarse the clock of a file system is.
_CLOCK_NS = 2 * NANOSECONDS


@dataclass(slots=True)
class RepositoryLoading:
    """Loads the repository, again when its files have changed.

    `tell` is called with each version that was loaded, to show what is wrong with its rules, and
    `tell_finding` when that shows later. `first` is what was loaded already: it is used where
    nothing has changed since that began. A `decider` reads and decides beside this process; it is
    ended with the loading.
    """

    options: ProjectOptions
    settings: Settings
    client: ElasticsearchClient
    tell: Callable[[Project], None] = lambda _: None
    tell_finding: Callable[[Diagnostic], None] = lambda _: None
    first: Loaded | None = None
    decider: Decider | None = None
    _watched: Watched = field(init=False)
    _exceptions: Exceptions = field(default_factory=Exceptions, init=False)
    _tried_on: date | None = field(default=None, init=False)
    _open: ExitStack = field(default_factory=ExitStack, init=False)

    def __post_init__(self) -> None:
        asked = (self.settings.mappings, self.settings.placeholders, self.settings.file)
        paths = (*self.options.rule_paths(self.settings), *(path for path in asked if path))
        self._watched = Watched(paths)

    def has_changed(self) -> bool:
        """Whether the files are not those of the version that was loaded last, or the day is not.

        On another day an exception may have ended; what could not be loaded on that day is not
        tried again before a file changes.
        """
        day = today()
        is_another = day != self._tried_on and self._exceptions.are_outdated(day)
        return is_another or self._watched.has_changed()

    def load(self, store: StateStore, now_ns: int) -> Version:
        """Return the version of now, its rules known to the store.

        Raises:
            ConfigurationError: it cannot be used: a path is missing, or no rule can be used.
            ServerError, StorageError: the store cannot be asked; then it has changed still.
        """
        # Before it is read: what changes meanwhile is another version.
        self._watched.remember()
        self._tried_on = today()
        project = self._loaded_before() or load_project(self.options)
        _check(project)
        compiled = project.compiled
        first_start_ns = self.settings.service.first_start_seconds * NANOSECONDS
        unusable = Unusable.of(project.left_out, self.settings.root)
        try:
            records = take_in(store, compiled, now_ns, first_start_ns, unusable.why)
            ways = ways_of(store.notes())
        except (ServerError, StorageError):
            self._watched.forget()
            raise
        # From here on nothing fails: what the version before needs may go.
        self._exceptions = project.exceptions
        self._open.close()
        versions = self._open.enter_context(Versions(self.settings.root))
        raiser = Raiser(
            compiled, project.mappings, project.profile, self.settings.kibana, versions.of
        )
        raiser.judge = FloodJudge(store, raiser.maker, self.settings.floods)
        reader = self._reader(compiled)
        program = project.program or compile_program(compiled.rules)
        if self.decider is not None:
            self.decider.use(self._work_of(compiled, program))
        means = Means(
            reader,
            matcher_of(compiled, program),
            compiled.rules,
            self.tell_finding,
            ways,
            self.decider,
        )
        finder = WAYS[self.settings.service.way](means)
        cycle = Cycle(compiled, raiser, reader, store, records, finder)
        missed = tuple(
            Missed(name, Cycle(rules, raiser, self._reader(rules), store, records))
            for name, rules in returned(compiled, records).items()
        )
        correlator = Correlator(
            compiled,
            raiser,
            store,
            records,
            CorrelatingSettings(self.settings.service.watermark_seconds),
            search=past_in(self.client),
        )
        self.tell(project)
        name = commit_of(self.settings.root) or "no commit"
        left_out = tuple(map(str, project.left_out))
        return Version(name, cycle, correlator, missed, left_out)

    def _reader(self, compiled: Compiled) -> ElasticsearchReader:
        computed = _computed(compiled)
        own = own_patterns(self.settings)
        return ElasticsearchReader(
            self.client, tuple(computed), self.settings.service, computed, own
        )

    def _work_of(self, compiled: Compiled, program: Program) -> Work:
        settings = self.settings
        return Work(
            program,
            settings.elasticsearch,
            settings.service,
            _computed(compiled),
            own_patterns(settings),
        )

    def _loaded_before(self) -> Project | None:
        """Return what is loaded already, once, where no file is as young as that."""
        first, self.first = self.first, None
        if first is None or self._watched.newest_ns() >= first.began_ns - _CLOCK_NS:
            return None
        return first.project

    def close(self) -> None:
        """Let go of what the version at work needs."""
        self._open.close()
        if self.decider is not None:
            self.decider.close()


def _check(project: Project) -> None:
    errors = project.findings.errors
    if project.compiled.rules and not any(finding.code == _NOT_THERE for finding in errors):
        return
    diagnostics = Diagnostics(list(errors))
    if not project.compiled.rules:
        place = project.paths[0] if project.paths else project.settings.root
        diagnostics.error(
            _NOT_THERE,
            Location(shown_path(place, project.settings.root)),
            "there is no rule that can be used",
            "see what is wrong with them: sigma2hive test",
        )
    raise ConfigurationError(diagnostics, project.settings.root)


def _computed(compiled: Compiled) -> Mapping[str, set[str]]:
    """Return, by index pattern, the paths whose values only the index has and a rule asks for."""
    found: dict[str, set[str]] = {}
    for rule in compiled.rules:
        counted = (entry.fields_of(rule.info.id) for entry in compiled.correlations)
        fields = [
            *(each for candidates in rule.fields.values() for each in candidates),
            *(each for fields in counted for each in fields),
        ]
        paths = {path for each in fields for path in each.computed_paths}
        for pattern in rule.indices:
            found.setdefault(pattern, set()).update(paths)
    return found
