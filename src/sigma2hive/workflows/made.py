"""What a repository becomes, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sigma2hive.compiler import Exceptions
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.engine import Program
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled, DetectionRepository


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rules, for which profile; `profile_place` is where its name was given."""

    rules: tuple[Path, ...]
    profile: str
    profile_place: Location


@dataclass(frozen=True, slots=True)
class Made:
    """All that can be known of a repository without events.

    `program` is that of the compiled rules. `findings` are warnings, and what is wrong with rules;
    `left_out` are the places of the rules that cannot be used, `exceptions` those filters that end:
    on another day something else may be made. `repository` is what was read,
    where that was asked for; it is not stored.
    """

    profile: Profile
    mappings: Mappings
    compiled: Compiled
    program: Program
    findings: Diagnostics
    left_out: tuple[Location, ...]
    exceptions: Exceptions = field(default_factory=Exceptions)
    repository: DetectionRepository | None = None
