"""A repository made ready: settings, profile, mappings and compiled rules together.

Takes where to look and what a command line asks for; gives a `Project`. What is wrong with
settings, profile or mappings ends it, since every alert would suffer; what is wrong with a rule
leaves that rule out. What was made of the same files before is taken as it was stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from sigma2hive.clock import today
from sigma2hive.compiler import Exceptions
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.engine import Program
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled, DetectionRepository
from sigma2hive.records import dataclass
from sigma2hive.repository import rule_files
from sigma2hive.settings import Settings, load_settings
from sigma2hive.workflows.cores import Later, at_once
from sigma2hive.workflows.made import AlsoOf, Asked, LookOf, Made, Wanted
from sigma2hive.workflows.store import Store, StoredRules, without_collection


@dataclass(frozen=True, slots=True)
class ProjectOptions:
    """What a command line asks for beyond the settings; None and () ask for nothing.

    `start` is the folder to look for sigma2hive.yml from, `settings_file` one to take instead.
    `also` are rules beside those that `rules` or the settings name. `with_repository` asks for what
    was read, not only for what a run needs of it. `allow_approximate` lets targets write what they
    count otherwise, as their own settings may.
    """

    start: Path
    settings_file: Path | None = None
    rules: tuple[Path, ...] = ()
    profile: str | None = None
    also: tuple[Path, ...] = ()
    with_repository: bool = False
    allow_approximate: bool = False

    def rule_paths(self, settings: Settings) -> tuple[Path, ...]:
        """Return where the rules are; beside `also` a default folder may be absent."""
        paths = self.rules or settings.rules
        if self.also and not self.rules and not settings.is_written("rules"):
            paths = tuple(path for path in paths if path.exists())
        return (*paths, *self.also)


@dataclass(frozen=True, slots=True)
class Project:
    """Everything that a run needs of the repository.

    `program` is that of the compiled rules, for the engine; None where it was not wanted.
    `findings` are warnings, and what is wrong with rules; `left_out` are the places of the rules
    that cannot be used, `exceptions` the filters that end. `paths` are where the rules are,
    `repository` what was read there, where it was asked for. `store` keeps things for the next
    start, `ahead` is what was made of rules besides, `looked` what was seen in files.
    """

    settings: Settings
    profile: Profile
    mappings: Mappings
    compiled: Compiled
    program: Program | None
    findings: Diagnostics
    left_out: tuple[Location, ...]
    exceptions: Exceptions = field(default_factory=Exceptions)
    repository: DetectionRepository = field(default_factory=DetectionRepository)
    paths: tuple[Path, ...] = ()
    store: Store | None = None
    ahead: Mapping[bytes, Any] = field(default_factory=dict)
    looked: Mapping[Path, Any] = field(default_factory=dict)

    @property
    def rule_files(self) -> Sequence[Path]:
        """The files that hold, or should hold, rules."""
        found = self.store.found if self.store else rule_files(self.paths, self.settings.root)
        return found.files

    @property
    def rule_keys(self) -> tuple[bytes, ...]:
        """What stands for each compiled rule, and for all that it was made of."""
        rules = self.compiled.rules
        if not isinstance(rules, StoredRules):
            raise TypeError("nobody knows what these rules were made of")
        return rules.said_keys()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project, and when its loading began."""

    project: Project
    began_ns: int


def load_project(
    options: ProjectOptions,
    also: AlsoOf | None = None,
    look: LookOf | None = None,
    saving: Later = at_once,
) -> Project:
    """Return the repository, ready to run.

    With `also`, nobody runs anything: it is what else to make of rules while many are compiled, as
    `look` is what to look for in files. `saving` does what keeps all of it for the next start.

    Raises:
        ConfigurationError: settings, profile or mappings cannot be used.
    """
    problems = Diagnostics()
    settings = load_settings(options.start, options.settings_file, problems)
    if options.allow_approximate:
        settings = _approximating(settings)
    wanted = Wanted(
        rules=options.rule_paths(settings),
        profile=options.profile or settings.profile,
        profile_place=settings.place_of("profile")
        if options.profile is None
        else Location("--profile"),
    )
    store = Store.of(settings, wanted)
    asked = Asked(options.with_repository, also is None, also, look, saving)
    made = _made(settings, wanted, problems, store, asked)
    return Project(
        settings=settings,
        profile=made.profile,
        mappings=made.mappings,
        compiled=made.compiled,
        program=made.program,
        findings=made.findings,
        left_out=made.left_out,
        exceptions=made.exceptions,
        repository=made.repository or DetectionRepository(),
        paths=wanted.rules,
        store=store,
        ahead=made.ahead,
        looked=made.looked,
    )


def _approximating(settings: Settings) -> Settings:
    kibana_rules = replace(settings.kibana.rules, allow_approximate=True)
    return replace(
        settings,
        kibana=replace(settings.kibana, rules=kibana_rules),
        elastalert=replace(settings.elastalert, allow_approximate=True),
    )


def _made(
    settings: Settings, wanted: Wanted, problems: Diagnostics, store: Store | None, asked: Asked
) -> Made:
    # With findings about the settings, these are told where they are made.
    if store is not None and not problems.found and not asked.with_repository:
        stored = store.load(with_program=asked.with_program)
        if stored is not None and not stored.exceptions.are_outdated(today()):
            return stored
    # Here, since it imports pySigma, which alone takes longer than to load what is stored.
    from sigma2hive.workflows.making import make  # noqa: PLC0415

    with without_collection():
        return make(settings, wanted, problems, store, asked=asked)
