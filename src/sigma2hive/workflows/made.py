"""What a repository becomes, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from sigma2hive.compiler import Exceptions
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.engine import Program
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled, CompiledRule, DetectionRepository, DetectionRule
from sigma2hive.records import dataclass
from sigma2hive.settings import Settings
from sigma2hive.workflows.cores import Later, at_once
from sigma2hive.yamlmarks import Document


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rules, for which profile; `profile_place` is where its name was given."""

    rules: tuple[Path, ...]
    profile: str
    profile_place: Location


#: What is to be made of each rule besides, of all that decides: on several cores while it is made.
AlsoOf = Callable[[Settings, Profile, Mappings], Callable[[CompiledRule], Any]]
#: The rules of a file, each with what it was compiled to where the profile has a place for it.
RulesOfFile = Sequence[tuple[DetectionRule, CompiledRule | None]]
#: What is to be looked for in the documents and rules of a file while these are at hand.
Look = Callable[[Sequence[Document], RulesOfFile], Any]
LookOf = Callable[[Profile], Look]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody needs of it: all that was read, the engine's program, something besides.

    `look` is for all that lies in files, `also` for each rule that could be compiled. `saving` does
    what keeps all of it for the next start.
    """

    with_repository: bool = False
    with_program: bool = True
    also: AlsoOf | None = None
    look: LookOf | None = None
    saving: Later = at_once


@dataclass(frozen=True, slots=True)
class Made:
    """All that can be known of a repository without events.

    `program` is that of the compiled rules, None where nobody wanted it. `findings` are warnings,
    and what is wrong with rules; `left_out` are the places of the rules that cannot be used,
    `exceptions` those filters that end: on another day something else may be made. `repository` is
    what was read, where that was asked for; it is not stored. `ahead` is what was made of rules
    besides, by what stands for each: of few or many, as it came; `looked` is what was
    seen in files, likewise.
    """

    profile: Profile
    mappings: Mappings
    compiled: Compiled
    program: Program | None
    findings: Diagnostics
    left_out: tuple[Location, ...]
    exceptions: Exceptions = field(default_factory=Exceptions)
    repository: DetectionRepository | None = None
    ahead: Mapping[bytes, Any] = field(default_factory=dict)
    looked: Mapping[Path, Any] = field(default_factory=dict)
