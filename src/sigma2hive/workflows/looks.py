"""How files look from outside, so that one that has not changed need not be read again.

Takes what the system says of a file; gives its look. One that looks as it did is the same, unless
it changed within the tick of the clock in which it was looked at.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

#: Times of a file's content and of its inode, which nobody can set; its size and number.
Look = tuple[int, int, int, int]

#: A file that changes within so long after it was looked at may look the same: clocks tick.
_TICK_NS = 50_000_000
_SECOND_NS = 1_000_000_000


def look_of(status: os.stat_result) -> Look:
    """Return how a file looks."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def looks_in(folder: Path) -> Mapping[str, Look]:
    """Return how everything in a folder looks, by its name; nothing where there is no such folder.

    Raises:
        OSError: it cannot be read.
    """
    looks: dict[str, Look] = {}
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another process has removed it meanwhile
                looks[entry.name] = look_of(entry.stat(follow_symlinks=False))
    return looks


class Seen(NamedTuple):
    """A folder as it was seen: `inside` is how everything in it looked.

    `itself` is how the folder looked before that, None where there was none, not before `at_ns`.
    """

    itself: Look | None
    at_ns: int
    inside: Mapping[str, Look]


def seen_of(folder: Path) -> Seen:
    """Return a folder as it is seen now.

    Raises:
        OSError: it cannot be read.
    """
    at_ns = time.time_ns()
    return Seen(_itself(folder), at_ns, looks_in(folder))


def inside_still(folder: Path, seen: Seen) -> Mapping[str, Look] | None:
    """Return what was seen inside; None where something came, went or was replaced since.

    Raises:
        OSError: the folder cannot be looked at.
    """
    is_same = seen.itself == _itself(folder)
    is_told = seen.itself is None or is_settled(seen.itself, seen.at_ns)
    return seen.inside if is_same and is_told else None


def _itself(folder: Path) -> Look | None:
    try:
        return look_of(folder.stat())
    except FileNotFoundError:
        return None


def is_settled(look: Look, at_ns: int) -> bool:
    """Whether a file would look otherwise if it had changed at a time or later."""
    modified, changed = look[:2]
    # Some disks count whole seconds.
    tick = _TICK_NS if changed % _SECOND_NS else 2 * _SECOND_NS
    return max(modified, changed) + tick < at_ns
