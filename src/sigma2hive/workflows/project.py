"""A repository made ready: settings, profile, mappings and compiled rules together.

Takes where to look and what a command line asks for; gives a `Project`. What is wrong with
settings, profile or mappings ends it, since every alert would suffer; what is wrong with a rule
leaves that rule out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sigma2hive.alerts import KnownFields, check_custom, check_kibana, check_mappings
from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled, DetectionRepository
from sigma2hive.repository import (
    SCHEMAS_FOLDER,
    load_mappings,
    load_placeholders,
    load_repository,
    report_unread_files,
    shown_path,
)
from sigma2hive.schema import load_profile
from sigma2hive.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class ProjectOptions:
    """What a command line asks for beyond the settings; None and () ask for nothing.

    `start` is the folder to look for sigma2hive.yml from, `settings_file` one to take instead.
    `also` are rules beside those that `rules` or the settings name.
    """

    start: Path
    settings_file: Path | None = None
    rules: tuple[Path, ...] = ()
    profile: str | None = None
    also: tuple[Path, ...] = ()

    def rule_paths(self, settings: Settings) -> tuple[Path, ...]:
        """Return where the rules are; beside `also` a default folder may be absent."""
        paths = self.rules or settings.rules
        if self.also and not self.rules and not settings.is_written("rules"):
            paths = tuple(path for path in paths if path.exists())
        return (*paths, *self.also)


@dataclass(frozen=True, slots=True)
class Project:
    """Everything that a run needs of the repository.

    `repository` is what was read at `paths`, `compiled` what of it has a place in the profile.
    `findings` are warnings, and what is wrong with rules; `left_out` are the places of the rules
    that cannot be used.
    """

    settings: Settings
    profile: Profile
    mappings: Mappings
    compiled: Compiled
    findings: Diagnostics
    left_out: tuple[Location, ...]
    repository: DetectionRepository = field(default_factory=DetectionRepository)
    paths: tuple[Path, ...] = ()


def load_project(options: ProjectOptions) -> Project:
    """Return the repository, ready to run.

    Raises:
        ConfigurationError: settings, profile or mappings cannot be used.
    """
    problems = Diagnostics()
    settings = load_settings(options.start, options.settings_file, problems)
    _refuse_missing(settings, problems)
    own_profiles = settings.mappings / SCHEMAS_FOLDER
    wanted = options.profile or settings.profile
    profile = load_profile(wanted, own_profiles, problems, _profile_place(options, settings))
    mappings = load_mappings(settings.mappings, problems)
    report_unread_files(settings.mappings, [settings.placeholders or Path()], problems)
    placeholders = load_placeholders(settings.placeholders, settings.root, problems)
    check_mappings(mappings, problems)
    check_kibana(settings, problems)
    problems.show_from(settings.root)
    if problems.errors or profile is None:
        raise ConfigurationError(problems, settings.root)
    paths = options.rule_paths(settings)
    repository = load_repository(paths, settings.root, placeholders, problems)
    repository = _with_valid_attributes(repository, mappings, problems)
    compiled = compile_all(repository, profile, problems)
    _check_fields(compiled, profile, mappings, problems)
    problems.show_from(settings.root)
    left_out = (*repository.skipped, *compiled.left_out)
    return Project(
        settings, profile, mappings, compiled, problems, left_out, repository, tuple(paths)
    )


def _check_fields(
    compiled: Compiled, profile: Profile, mappings: Mappings, problems: Diagnostics
) -> None:
    """Report the fields that alerts ask for and that no event is known to have."""
    rules = {rule.info.id: rule for rule in compiled.rules}

    def known(ids: Iterable[str], more: Iterable[str]) -> KnownFields:
        logsources = dict.fromkeys(rules[rule_id].logsource for rule_id in ids)
        places = (profile.place(logsource) for logsource in logsources)
        at = tuple(place for place in places if place is not None)
        return KnownFields(at, frozenset(more))

    for rule in compiled.rules:
        known([rule.info.id], rule.fields).check_rule(rule.info, mappings, problems)
    for correlation in compiled.correlations:
        own = (name for name, _ in (*correlation.group_by, *correlation.values))
        fields = (name for rule_id in correlation.leaves for name in rules[rule_id].fields)
        entry = known(correlation.leaves, (*own, *fields))
        entry.check_rule(correlation.info, mappings, problems)
    if rules:
        known(rules, ()).check_mappings(mappings, problems)


def _profile_place(options: ProjectOptions, settings: Settings) -> Location:
    """Where the profile's name was given."""
    if options.profile is not None:
        return Location("--profile")
    return settings.place_of("profile")


def _refuse_missing(settings: Settings, problems: Diagnostics) -> None:
    """Refuse settings that name what is not there; a default may be absent."""
    for key, path in (("mappings", settings.mappings), ("placeholders", settings.placeholders)):
        if path is not None and settings.is_written(key) and not path.exists():
            message = f"{key}: there is no {shown_path(path, settings.root)}"
            hint = "check the path; it counts from the settings file's folder"
            problems.error("S2H108", settings.place_of(key), message, hint)


def _with_valid_attributes(
    repository: DetectionRepository, mappings: Mappings, problems: Diagnostics
) -> DetectionRepository:
    """Leave out rules whose own `sigma2hive` attribute is wrong: it decides what alerts say."""
    data_types = mappings.observables.data_types
    infos = [entry.info for entry in repository.rules]
    infos += [entry.info for entry in repository.correlations]
    wrong = {
        info.id: info.location for info in infos if not check_custom(info, problems, data_types)
    }
    return replace(
        repository,
        rules=tuple(entry for entry in repository.rules if entry.info.id not in wrong),
        correlations=tuple(
            entry for entry in repository.correlations if entry.info.id not in wrong
        ),
        skipped=(*repository.skipped, *wrong.values()),
        refused=(
            *repository.refused,
            *(entry.refused() for entry in repository.correlations if entry.info.id in wrong),
        ),
    )
