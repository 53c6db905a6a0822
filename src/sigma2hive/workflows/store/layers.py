"""The layers of one start that makes something: what was kept, what is new, and keeping both.

Takes a store, or none; gives what `load_repository` and `compile_all` ask for every file and rule,
and the program of the rules. Imports what reads rules, so a start that finds all made stays away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sigma2hive.compiler import Compiling
from sigma2hive.engine import Program
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled
from sigma2hive.workflows.made import Made
from sigma2hive.workflows.store import Kept, Store
from sigma2hive.workflows.store.compiling import KeptOutcomes, Layer
from sigma2hive.workflows.store.reading import ReadFiles
from sigma2hive.workflows.store.stored_rules import StoredRules

T = TypeVar("T")


class Layers:
    """What is known of the rule files and rules of one start."""

    def __init__(
        self,
        store: Store | None,
        root: Path,
        placeholders: Mapping[str, tuple[str, ...]],
        profile: Profile,
    ) -> None:
        self._store = store
        kept = store.kept() if store else Kept()
        self.files = _or_else(
            lambda: ReadFiles(kept.read, root, placeholders),
            lambda: ReadFiles((), root, placeholders),
        )
        compiling, key = Compiling(profile), store.keys.profile if store else b""

        def outcomes_of(layer: Layer, pieces: Sequence[memoryview]) -> KeptOutcomes:
            return KeptOutcomes(layer, pieces, self.files, compiling, key)

        self._program, self.outcomes = _or_else(
            lambda: (kept.program, outcomes_of(kept.layer or Layer(), kept.rules)),
            lambda: (None, outcomes_of(Layer(), ())),
        )

    def program_of(self, compiled: Compiled) -> tuple[Program, Layer]:
        """Return the program of the rules that were compiled, and what is to be kept of them."""
        rules = compiled.rules
        if not isinstance(rules, StoredRules):
            raise TypeError("the rules were not compiled by these layers")
        return self.outcomes.program_of(rules, self._program)

    def save(self, made: Made, layer: Layer, *, is_whole: bool) -> None:
        """Keep all of it; `is_whole` where a start may take `made` as it is."""
        if self._store is None:
            return
        if self.files.is_changed:
            self._store.save_read(self.files.pieces())
        self._store.save_made(made, layer, self.files.keys if is_whole else None)


def _or_else(make: Callable[[], T], otherwise: Callable[[], T]) -> T:
    """Make something of what is stored; be that as damaged as it will."""
    try:
        return make()
    except Exception:
        return otherwise()
