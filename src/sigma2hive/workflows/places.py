"""Where artefacts go: a folder for one target, or one with a folder for each of several.

Takes names of targets and a folder; gives `Output`. In a folder of several a small file says which
targets it was written for, so that one that is asked for no more is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sigma2hive.compiler import TARGETS
from sigma2hive.compiler.targets import Target
from sigma2hive.records import dataclass
from sigma2hive.workflows.artefacts import remove_abandoned
from sigma2hive.workflows.writing import telling_of_disk, write_report

_NOTE = "sigma2hive-targets.json"
_MARK = '{"_sigma2hive": {"targets": ['


@dataclass(frozen=True, slots=True)
class Place:
    """A target, and the folder that its files are to be in."""

    target: Target
    folder: Path


@dataclass(frozen=True, slots=True)
class Output:
    """A folder, and where in it each target has its files."""

    folder: Path
    places: tuple[Place, ...]

    @classmethod
    def of(cls, names: Sequence[str], folder: Path, *, apart: bool) -> Output:
        """Return where targets go: the folder itself, or, `apart`, one in it for each."""
        targets = (TARGETS[name] for name in dict.fromkeys(names))
        return cls(
            folder,
            tuple(Place(one, folder / one.name if apart else folder) for one in targets),
        )

    @property
    def is_apart(self) -> bool:
        """Whether each target has a folder of its own."""
        return any(place.folder != self.folder for place in self.places)

    def dropped(self) -> tuple[Place, ...]:
        """Return where targets were that the folder was written for, and is no more.

        Raises:
            ConfigurationError: the folder cannot be read (S2H109).
        """
        names = {place.target.name for place in self.places}
        gone = [name for name in self._noted() if name in TARGETS and name not in names]
        return tuple(Place(TARGETS[name], self.folder / name) for name in gone)

    def note(self, places: Sequence[Place]) -> None:
        """Write down for which targets the folder is.

        Raises:
            ConfigurationError: it cannot be written, or something else has the name (S2H109).
        """
        names = [place.target.name for place in places]
        if not self.is_apart:
            return
        if self.folder.is_dir():
            with telling_of_disk(self.folder, "folder"):
                names_there = [path.name for path in self.folder.iterdir()]
                remove_abandoned(self.folder, names_there)
        if names == self._noted():
            return
        with telling_of_disk(self.folder, "folder"):
            self.folder.mkdir(parents=True, exist_ok=True)
        text = _MARK + ", ".join(map(json.dumps, names)) + "]}}\n"
        write_report(self.folder / _NOTE, text, _MARK, "--output")

    def _noted(self) -> list[str]:
        path = self.folder / _NOTE
        if not self.is_apart or not path.is_file():
            return []
        with telling_of_disk(self.folder, "folder"):
            text = path.read_text(encoding="utf-8", errors="replace")
        try:
            names = json.loads(text)["_sigma2hive"]["targets"] if text.startswith(_MARK) else []
        except (ValueError, LookupError, TypeError):
            return []  # somebody changed it: nothing is certain to have been ours
        return [name for name in names if isinstance(name, str)]
