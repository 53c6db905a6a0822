"""The profile file that a snapshot is kept in: read, and written anew but for what people wrote.

Takes a path and snapshots; gives the snapshots there, or puts others in their place. Only the key
`snapshot` is changed, everything else stays byte for byte. A file takes its name when it is whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.model.profiles import Profile
from sigma2hive.model.snapshots import Snapshot
from sigma2hive.records import dataclass
from sigma2hive.schema import parse_profile, render_snapshots
from sigma2hive.workflows.writing import telling_of_disk

_KEY = "snapshot:"
_NOTICE = "# What the cluster's indices have, written by `sigma2hive schema pull`.\n"


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A profile file as it is: `text` is "" where there is none yet."""

    path: Path
    text: str
    snapshots: tuple[Snapshot, ...]


def read_snapshot_file(path: Path) -> SnapshotFile:
    """Return the file, and the snapshots in it.

    Raises:
        ConfigurationError: it cannot be read, or is no profile.
    """
    problems = Diagnostics()
    with telling_of_disk(path, "file"):
        content = path.read_bytes() if path.exists() else None
    if content is None:
        return SnapshotFile(path, "", ())
    profile = parse_profile(path, content, problems)
    if profile is None:
        raise ConfigurationError(problems)
    return SnapshotFile(path, content.decode("utf-8-sig"), profile.snapshots)


def with_snapshots(file: SnapshotFile, profile: Profile, snapshots: Sequence[Snapshot]) -> str:
    """Return the file's text with these snapshots instead of its own.

    Where there is no file, one that extends `profile`.
    """
    rendered = render_snapshots(snapshots)
    if not file.text:
        title = f"{profile.title}, as the cluster has it"
        head = f"profile: {file.path.stem}\ntitle: {_quoted(title)}\nextends: [{profile.name}]\n"
        return head + _NOTICE + rendered
    lines = file.text.splitlines(keepends=True)
    start = next((n for n, line in enumerate(lines) if line.startswith(_KEY)), None)
    if start is None:
        end = "" if file.text.endswith("\n") else "\n"
        return file.text + end + _NOTICE + rendered
    end_of_block = start + 1
    while end_of_block < len(lines) and lines[end_of_block][:1] in (" ", "\n", "\r"):
        end_of_block += 1
    return "".join(lines[:start]) + rendered + "".join(lines[end_of_block:])


def _quoted(title: str) -> str:
    return "'" + title.replace("'", "''") + "'"


def write_snapshot_file(path: Path, text: str, snapshots: Sequence[Snapshot]) -> None:
    """Write the file with these snapshots in it, whole or not at all.

    Raises:
        ConfigurationError: it cannot be written, or its own text cannot hold them.
    """
    problems = Diagnostics()
    content = text.encode("utf-8")
    written = parse_profile(path, content, problems)
    if written is None:
        raise ConfigurationError(problems)
    if written.snapshots != tuple(sorted(snapshots, key=lambda entry: entry.pattern)):
        message = "the key `snapshot` cannot be replaced here, for it is not written as a block"
        problems.error("S2H405", Location(path.as_posix()), message, "remove the key `snapshot`")
        raise ConfigurationError(problems)
    with telling_of_disk(path, "file"):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside it: only there is renaming sure to stay on one disk.
        with tempfile.TemporaryDirectory(prefix=".sigma2hive-", dir=path.parent) as staging:
            ready = Path(staging) / path.name
            ready.write_bytes(content)
            ready.replace(path)
