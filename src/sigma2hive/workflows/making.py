"""A repository read and compiled: what `project` gives where not all of it is stored.

Takes settings and what a command line asks for; gives `Made`, and keeps it for the next start. What
an earlier start read and compiled of a rule is taken over; the rest is slow next to everything else
that a start does, since it meets pySigma and every condition.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from sigma2hive.alerts import KnownFields, check_custom, check_kibana, check_mappings
from sigma2hive.clock import today
from sigma2hive.compiler import compile_all, without_ended
from sigma2hive.diagnostics import ConfigurationError, Diagnostics, nearest
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
from sigma2hive.settings import Settings
from sigma2hive.workflows.made import Asked, Made, Wanted
from sigma2hive.workflows.store import Store
from sigma2hive.workflows.store.layers import Layers


def make(
    settings: Settings,
    wanted: Wanted,
    problems: Diagnostics,
    store: Store | None = None,
    *,
    asked: Asked,
) -> Made:
    """Read everything that `wanted` names; `problems` are findings about the settings so far.

    What is in the `store` is taken over, and what is made goes there.

    Raises:
        ConfigurationError: settings, profile or mappings cannot be used.
    """
    told = bool(problems.found)
    _refuse_missing(settings, problems)
    own_profiles = settings.mappings / SCHEMAS_FOLDER
    profile = load_profile(wanted.profile, own_profiles, problems, wanted.profile_place)
    mappings = load_mappings(settings.mappings, problems)
    report_unread_files(settings.mappings, [settings.placeholders or Path()], problems)
    placeholders = load_placeholders(settings.placeholders, settings.root, problems)
    check_mappings(mappings, problems)
    check_kibana(settings, problems)
    problems.show_from(settings.root)
    if problems.errors or profile is None:
        raise ConfigurationError(problems, settings.root)
    layers = Layers(store, settings.root, placeholders, profile, wanted.rules)
    also = asked.also(settings, profile, mappings) if asked.also else None
    look = asked.look(profile) if asked.look else None
    besides = layers.make_ahead(also, look)
    repository = load_repository(
        layers.found, settings.root, placeholders, problems, layers.files.read
    )
    repository = _with_valid_attributes(repository, mappings, problems)
    repository, exceptions = without_ended(repository, today(), problems)
    compiled = compile_all(repository, profile, problems, layers.outcomes)
    _check_maintenance(mappings, repository, problems)
    _check_fields(repository, compiled, profile, mappings, problems)
    problems.show_from(settings.root)
    program, layer = layers.program_of(compiled, is_wanted=asked.with_program)
    made = Made(
        profile=profile,
        mappings=mappings,
        compiled=compiled,
        program=program,
        findings=problems,
        left_out=(*repository.skipped, *compiled.left_out),
        exceptions=exceptions,
    )
    asked.saving(partial(layers.save, made, layer, is_whole=not told))
    layers.let_go()
    whole = layers.files.with_whole_rules(repository) if asked.with_repository else None
    return replace(made, repository=whole, ahead=besides.also, looked=besides.looked)


def _check_fields(
    repository: DetectionRepository,
    compiled: Compiled,
    profile: Profile,
    mappings: Mappings,
    problems: Diagnostics,
) -> None:
    """Report the fields that alerts ask for and that no event is known to have."""
    rules = compiled.by_id()
    heads = {rule.info.id: rule for rule in repository.rules if rule.info.id in rules}

    def known(ids: Iterable[str], more: Iterable[str]) -> KnownFields:
        logsources = dict.fromkeys(heads[rule_id].logsource for rule_id in ids)
        places = (
            place(logsource)
            for logsource in logsources
            for place in (profile.place, profile.alert_place)
        )
        at = tuple(place for place in places if place is not None)
        return KnownFields(at, frozenset(more))

    for rule_id, head in heads.items():
        if head.info.custom:  # without, it asks for nothing
            known([rule_id], rules[rule_id].fields).check_rule(head.info, mappings, problems)
    for correlation in compiled.correlations:
        own = (name for name, _ in (*correlation.group_by, *correlation.values))
        fields = (name for rule_id in correlation.leaves for name in rules[rule_id].fields)
        entry = known(correlation.leaves, (*own, *fields))
        entry.check_rule(correlation.info, mappings, problems)
    if heads:
        known(heads, ()).check_mappings(mappings, problems)


def _check_maintenance(
    mappings: Mappings, repository: DetectionRepository, problems: Diagnostics
) -> None:
    """Report rules that maintenance windows name and that are not there: nothing would be quiet."""
    infos = [entry.info for entry in repository.rules]
    infos += [entry.info for entry in repository.correlations]
    known = {name for info in infos for name in (info.id.lower(), info.name) if name}
    for window in mappings.maintenance:
        for name in window.rules:
            if name not in known and name.lower() not in known:
                message = f"a maintenance window names the rule '{name}', which is not there"
                hint = nearest(name, sorted(known), "write the rule's id or name")
                problems.warning("S2H405", window.location, message, hint)


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
        info.id: info.location
        for info in infos
        if info.custom and not check_custom(info, problems, data_types)
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
