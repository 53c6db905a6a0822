"""What the disk refuses, told as a finding.

Takes the place that a command writes; gives a `with` in which a failure of the system becomes ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location


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
            Location(Path(error.filename or place).as_posix()),
            f"cannot be read or written: {error.strerror or error}",
            f"check the permissions and the room on the disk, or name another {kind} with {option}",
        )
        raise ConfigurationError(problem) from error
