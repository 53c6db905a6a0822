"""Which files the tests depend on, and which of them have changed.

Takes a project and its tests; gives the tests that a change is about. Files are looked at by time
and size, every half second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import field, replace
from pathlib import Path

from sigma2hive.model.rule_tests import RuleTest
from sigma2hive.records import dataclass
from sigma2hive.workflows.project import Project

EVERY_SECONDS = 0.5

#: Path → (modified at, bytes).
_State = dict[Path, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Watched:
    """The files of a run. `about` maps a file to the ids of the rules that are tested with it."""

    folders: tuple[Path, ...]
    others: tuple[Path, ...]
    about: dict[Path, frozenset[str]]
    state: _State = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project, tests: Sequence[RuleTest]) -> Watched:
        """Return what a run of these tests depends on, as it is now."""
        settings = project.settings
        found: dict[Path, set[str]] = {}
        for info in project.repository.alerting:
            found.setdefault(_real(settings.root / info.location.path), set()).add(info.id)
        for test in tests:
            files = [settings.root / test.location.path]
            files += [sample.path for sample in test.samples if sample.path is not None]
            for file in files:
                found.setdefault(_real(file), set()).add(test.rule_id)
        others = [settings.mappings]
        others += [path for path in (settings.file, settings.placeholders) if path is not None]
        about = {path: frozenset(ids) for path, ids in found.items()}
        watched = cls(tuple(project.paths), tuple(others), about)
        watched.state.update(watched.look())
        return watched

    def look(self) -> _State:
        """Return the state of all files, new ones among them."""
        return dict(_state_of({*self.folders, *self.others, *self.about}))

    def changed(self) -> frozenset[Path]:
        """Return the files that are other than at the last look, new or gone."""
        now = self.look()
        paths = now.keys() | self.state.keys()
        return frozenset(path for path in paths if now.get(path) != self.state.get(path))

    def as_it_is_now(self) -> Watched:
        """Return the same files, looked at anew."""
        return replace(self, state=self.look())

    def wait(self) -> frozenset[Path]:
        """Return the files that have changed, once there are any."""
        while not (found := self.changed()):
            time.sleep(EVERY_SECONDS)
        return found

    def rules_of(self, changed: Collection[Path], project: Project) -> frozenset[str] | None:
        """Return the ids of the rules that a change is about; None where it may be about all.

        With a rule come the correlations that count it.
        """
        found: set[str] = set()
        for path in changed:
            if path not in self.about:
                return None
            found |= self.about[path]
        for entry in project.compiled.correlations:
            if found & {*entry.rules, *entry.leaves}:
                found.add(entry.info.id)
        return frozenset(found)


def _state_of(paths: Collection[Path]) -> Iterator[tuple[Path, tuple[int, int]]]:
    for path in paths:
        files = [path]
        if path.is_dir():
            files = [Path(where, name) for where, _, names in os.walk(path) for name in names]
        for file in files:
            try:
                status = file.stat()
            except OSError:
                continue
            yield _real(file), (status.st_mtime_ns, status.st_size)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
