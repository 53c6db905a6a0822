"""Which files of a mappings folder are read, and a word about those that are not.

Takes the folder; gives findings. A misspelt name would otherwise be passed over in silence, and
every alert look as if nothing had been written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.repository.maintenance import MAINTENANCE_FILE
from sigma2hive.repository.mappings import ALERTS_FILE, OBSERVABLES_FILE

SCHEMAS_FOLDER = "schemas"
_FILES = (OBSERVABLES_FILE, ALERTS_FILE, MAINTENANCE_FILE)
_ENDINGS = (".yml", ".yaml")


def report_unread_files(
    folder: Path, read_elsewhere: Collection[Path], diagnostics: Diagnostics
) -> None:
    """Add a warning for each YAML file in `folder` and its schemas/ that no one reads.

    `read_elsewhere` are files that the settings name.
    """
    known = f"files that are read here: {', '.join(_FILES)}, and profiles in {SCHEMAS_FOLDER}/"
    for path in _children(folder):
        if path.name in (*_FILES, SCHEMAS_FOLDER) or path in read_elsewhere:
            continue
        if path.is_dir():
            near = get_close_matches(path.name.lower(), [SCHEMAS_FOLDER], 1)
            if near:
                _warn(path, "this folder is not read", f"did you mean '{near[0]}'?", diagnostics)
        elif path.suffix in _ENDINGS:
            # Without their endings, which make all names alike.
            near = get_close_matches(path.stem.lower(), [Path(name).stem for name in _FILES], 1)
            hint = f"did you mean '{near[0]}.yml'?" if near else known
            _warn(path, "this file is not read", hint, diagnostics)
    for path in _children(folder / SCHEMAS_FOLDER):
        if path.suffix == ".yaml":
            message = "this file is not read: profiles end in .yml"
            _warn(path, message, f"rename it to {path.stem}.yml", diagnostics)


def _children(folder: Path) -> Iterable[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return ()  # whoever reads it says why it cannot be read


def _warn(path: Path, message: str, hint: str, diagnostics: Diagnostics) -> None:
    diagnostics.warning("S2H405", Location(path.as_posix()), message, hint)
