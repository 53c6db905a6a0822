"""What a target is: it writes a compiled rule in the form that something else reads.

A target takes one `CompiledRule`, walks its condition tree and looks at nothing else. What another
program runs must say the rule exactly or be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.rules import CompiledRule


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that a target writes; `name` has no folder and comes from nothing but ids."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a target cannot say a rule: findings with the part and the reason."""

    findings: tuple[Diagnostic, ...]


class Target(Protocol):
    """A target, under its name in `TARGETS`; `suffix` is its files' with the dot."""

    name: str
    suffix: str

    def emit(self, rule: CompiledRule) -> Artefact | Refusal:
        """Return the rule's artefact, or why there is none."""
        ...
