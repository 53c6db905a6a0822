"""What to say where no event was of any rule's log source: perhaps they are another profile's.

Takes a project, and some of the events; gives a finding with the profiles whose events have what
these have, or none where the events are the profile's own, and just no rule's. Reads profiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from sigma2hive.compiler import gate_of
from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location, Severity
from sigma2hive.engine import prepare
from sigma2hive.model.profiles import Logsource, LogsourcePlace, Profile
from sigma2hive.model.values import Values
from sigma2hive.repository import SCHEMAS_FOLDER
from sigma2hive.runner.strangers import Strangers
from sigma2hive.schema import known_profiles, load_profile
from sigma2hive.workflows.project import Project

#: Where gates are asked for that no rule is behind.
_NOWHERE = Location("")


def findings_about(strangers: Strangers, project: Project) -> Iterator[Diagnostic]:
    """Yield a warning where all events are of no rule's log source, and not the profile's."""
    sources = {rule.logsource for rule in project.compiled.rules}
    if not strangers.are_all or not sources:
        return
    profile = project.profile
    if _fitting(strangers.sample, _places(profile, _sources_of(profile))):
        return  # the profile knows what they are
    is_set = project.settings.profile == profile.name
    place = project.settings.place_of("profile") if is_set else Location("--profile")
    which = "the event is of no"
    if strangers.events > 1:
        which = f"none of the {strangers.events:,} events is of a"
    yield Diagnostic(
        "S2H508",
        Severity.WARNING,
        place,
        f"{which} log source that a rule is for, as the profile {profile.name} has them: nothing "
        "could be found",
        _hint(_profiles_that_fit(strangers.sample, project, sources)),
    )


def _hint(names: Sequence[str]) -> str:
    if not names:
        return (
            "look whether --profile is the one of these events, and whether rules and events are "
            "of the same products"
        )
    return f"these events look like those of {' or '.join(names)}: try --profile {names[0]}"


def _profiles_that_fit(
    sample: Sequence[Values], project: Project, sources: Iterable[Logsource]
) -> list[str]:
    """Return the profiles, but the one in use, that most of the events are of.

    Of equals the one that the settings name comes first.
    """
    own = project.settings.mappings / SCHEMAS_FOLDER
    found: dict[str, int] = {}
    for name in known_profiles(own):
        profile = load_profile(name, own, Diagnostics())
        if profile is not None and name != project.profile.name:
            found[name] = _fitting(sample, _places(profile, sources))
    most = max(found.values(), default=0)
    names = [name for name, count in found.items() if count == most and count]
    return sorted(names, key=lambda name: name != project.settings.profile)


def _sources_of(profile: Profile) -> Iterator[Logsource]:
    """Yield the log sources that the rows of a profile name."""
    for row in profile.rows:
        each = (row.products, row.categories, row.services)
        for attributes in product(*(names or (None,) for names in each)):
            yield Logsource(*attributes)


def _places(profile: Profile, sources: Iterable[Logsource]) -> list[LogsourcePlace]:
    """Return where the log sources are told by what events have."""
    found = map(profile.place, sources)
    return [place for place in found if place is not None and place.any_of]


def _fitting(sample: Iterable[Values], places: Sequence[LogsourcePlace]) -> int:
    """Return how many of the events are of one of the log sources."""
    gates = {repr(place.any_of): gate_of(place.any_of, place, _NOWHERE) for place in places}
    decide = [prepare(gate) for gate in gates.values()]
    return sum(any(is_met(values) for is_met in decide) for values in sample)
