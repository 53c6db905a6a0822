"""What the disk refuses, told as a finding.

Takes the place that a command writes; gives a `with` in which a failure of the system becomes ours.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location

#: What folders begin with in which files are written until they are whole.
_ASIDE = ".sigma2hive-"


@contextmanager
def telling_of_disk(place: Path, kind: str, option: str = "--output") -> Iterator[None]:
    """Make of what the system refuses below `place`, a "file" or a "folder", a finding.

    `option` is how the command line names it.

    Raises:
        ConfigurationError: it cannot be read or written (S2H109).
    """
    try:
        yield
    except OSError as error:
        problem = Diagnostics()
        problem.error(
            "S2H109",
            Location(_asked_for(error, place, kind).as_posix()),
            f"cannot be read or written: {error.strerror or error}",
            f"check the permissions and the room on the disk, or name another {kind} with {option}",
        )
        raise ConfigurationError(problem) from error


def _asked_for(error: OSError, place: Path, kind: str) -> Path:
    """Return what was refused, or, where that is a place that nobody asked for, what was wanted."""
    refused = Path(error.filename or place)
    # What is written beside others, to take their names when it is whole.
    is_ours = any(part.startswith(_ASIDE) for part in refused.parts[len(place.parts) :])
    return place if kind == "file" or is_ours else refused


def write_report(path: Path, text: str, mark: str, option: str) -> None:
    """Write a report whole, over an earlier one of its kind, which starts with `mark`, or nothing.

    Raises:
        ConfigurationError: it cannot be written, or what stands there is no such report (S2H109).
    """
    with telling_of_disk(path, "file", option):
        if path.is_symlink() or path.exists():
            _refuse_foreign(path, mark, option)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=_ASIDE) as folder:
            written = Path(folder, path.name)
            written.write_text(text, encoding="utf-8")
            written.replace(path)


def _refuse_foreign(path: Path, mark: str, option: str) -> None:
    # A pipe would keep us waiting, and neither it nor a device may be replaced.
    start = b""
    if path.is_file():
        with path.open("rb") as stream:
            start = stream.read(len(mark.encode("utf-8")))
    if not path.is_file() or (start and start != mark.encode("utf-8")):
        problem = Diagnostics()
        message = "the file is no report of ours, so it is not replaced"
        problem.error("S2H109", Location(path.as_posix()), message, f"name another with {option}")
        raise ConfigurationError(problem)
