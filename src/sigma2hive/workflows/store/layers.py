"""The layers of one start that makes something: what was kept, what is new, and keeping both.

Takes a store, or none; gives what `load_repository` and `compile_all` ask for every file and rule,
and the program of the rules. Imports what reads rules, so a start that finds all made stays away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from sigma2hive.compiler import Compiling
from sigma2hive.engine import Program
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled
from sigma2hive.repository import rule_files
from sigma2hive.workflows.cores import can_be_shared
from sigma2hive.workflows.made import Look, Made
from sigma2hive.workflows.store import Kept, Store
from sigma2hive.workflows.store.ahead import Also, Besides, Reading, made_ahead
from sigma2hive.workflows.store.compiling import KeptOutcomes, Layer
from sigma2hive.workflows.store.reading import ReadFiles
from sigma2hive.workflows.store.stored_rules import StoredRules

T = TypeVar("T")

#: Fewer files one process reads sooner than several.
_MANY_FILES = 150


class Layers:
    """What is known of the rule files and rules of one start."""

    def __init__(
        self,
        store: Store | None,
        root: Path,
        placeholders: Mapping[str, tuple[str, ...]],
        profile: Profile,
        paths: Sequence[Path],
    ) -> None:
        self._store = store
        #: The rule files that lie in `paths`.
        self.found = store.found if store else rule_files(paths, root)
        kept = store.kept() if store else Kept()
        keys = store.keys if store else None
        pairs = zip(self.found.paths, (keys and keys.rules) or (), strict=False)
        known = {file: key for file, key in pairs if file is not None and key is not None}
        self.files = _or_else(
            lambda: ReadFiles(kept.read, root, placeholders, known),
            lambda: ReadFiles((), root, placeholders, known),
        )
        compiling, key = Compiling(profile), keys.profile if keys else b""
        self._reading = Reading(root, placeholders, profile, key)

        def outcomes_of(layer: Layer, pieces: Sequence[memoryview]) -> KeptOutcomes:
            return KeptOutcomes(layer, pieces, self.files, compiling, key)

        self._kept = kept
        self.outcomes = _or_else(
            lambda: outcomes_of(kept.layer or Layer(), kept.rules),
            lambda: outcomes_of(Layer(), ()),
        )

    def make_ahead(self, also: Also | None, look: Look | None) -> Besides:
        """Read and compile what nothing is kept of on all cores, where that is worth it.

        Returns what `also` makes of each rule and `look` of each file, as far as it was worth it.
        """
        files = self.files.unknown(self.found.files)
        if len(files) < _MANY_FILES or not can_be_shared():
            return Besides()
        how = replace(self._reading, also=also, look=look)
        return made_ahead(files, how, self.files, self.outcomes)

    def program_of(self, compiled: Compiled, *, is_wanted: bool) -> tuple[Program | None, Layer]:
        """Return the program of the rules that were compiled, and what is to be kept of them.

        Where nobody wants one, that of an earlier start is brought up to date, as that is quick.
        """
        rules = compiled.rules
        if not isinstance(rules, StoredRules):
            raise TypeError("the rules were not compiled by these layers")
        if not is_wanted and not self._kept.has_program:
            return None, self.outcomes.layer_of(rules)
        known = _or_else(lambda: self._kept.program, lambda: None)
        return self.outcomes.program_of(rules, known)

    def save(self, made: Made, layer: Layer, *, is_whole: bool) -> None:
        """Keep all of it; `is_whole` where a start may take `made` as it is."""
        if self._store is None:
            return
        if self.files.seen:
            self._store.save_keys(self.files.seen)
        if self.files.is_changed:
            self._store.save_read(self.files.pieces())
        self._store.save_made(made, layer, self.files.keys if is_whole else None)

    def let_go(self) -> None:
        """Remember nothing of what was kept: all that was needed of it is taken over."""
        if self._store is not None:
            self._store.folder.let_go()


def _or_else(make: Callable[[], T], otherwise: Callable[[], T]) -> T:
    """Make something of what is stored; be that as damaged as it will."""
    try:
        return make()
    except Exception:
        return otherwise()
