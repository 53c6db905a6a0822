"""Alerts as lines of JSON in a file, or on standard output.

A file is written beside its name and takes its place when the sink is closed, so that nobody reads
half of it; it then holds this run's alerts, each sourceRef once. On a stream (standard output, a
pipe, a device) a line goes out at once, and an alert that grew goes out again: the last line of a
sourceRef holds. Memory holds one number pair for each alert, whatever the size of its events.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from sigma2hive.diagnostics import SinkError
from sigma2hive.model.alerts import Alert
from sigma2hive.sinks.interface import Outcome, Sink
from sigma2hive.sinks.joining import join_alerts
from sigma2hive.sinks.lines import parse_alert, render_line

STANDARD_OUTPUT = "-"


def open_jsonl(target: str, root: Path) -> Sink:
    """Open `target` ("-" or a path from `root`).

    Raises:
        SinkError: it cannot be written.
    """
    name = f"jsonl:{target}"
    if target == STANDARD_OUTPUT:
        return StreamSink(name, sys.stdout)
    path = root / target
    with _translated(name):
        if path.exists() and not path.is_file() and not path.is_dir():
            # A pipe or a device: renaming a file over it would destroy it.
            return StreamSink(name, path.open("w", encoding="ascii"))
        return FileSink(name, path)


class _Spool:
    """Rendered lines in a temporary file, of which the last one of each alert counts."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self._places: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._has_outdated = False

    def push(self, alert: Alert) -> tuple[Outcome, bytes]:
        """Return what became of the alert, and its line."""
        identity = (alert.type, alert.source, alert.source_ref)
        place = self._places.get(identity)
        if place is None:
            line = _line(alert)
            self._append(identity, line)
            return Outcome.STORED, line
        stored = self._read(place)
        line = _line(join_alerts(parse_alert(stored.decode("ascii")), alert))
        if line == stored:
            return Outcome.ALREADY_THERE, line
        self._has_outdated = True
        self._append(identity, line)
        return Outcome.UPDATED, line

    def write_current(self, target: IO[bytes]) -> None:
        """Write the last line of each alert, in the order in which they first came."""
        if not self._has_outdated:
            self.stream.seek(0)
            shutil.copyfileobj(self.stream, target)
            return
        for place in self._places.values():
            target.write(self._read(place))

    def _append(self, identity: tuple[str, str, str], line: bytes) -> None:
        offset = self.stream.seek(0, os.SEEK_END)
        self.stream.write(line)
        self._places[identity] = (offset, len(line))

    def _read(self, place: tuple[int, int]) -> bytes:
        offset, length = place
        self.stream.seek(offset)
        return self.stream.read(length)


class FileSink:
    """A file that appears whole when the sink is closed."""

    def __init__(self, name: str, path: Path) -> None:
        if path.is_dir():
            raise SinkError(f"{name}: is a folder; name a file in it")
        self.name = name
        # A symbolic link keeps pointing where it points; what it points at is replaced.
        self._path = path.resolve()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder, so that a folder that cannot be written is found out at once.
        self._spool = _Spool(tempfile.TemporaryFile(dir=self._path.parent))  # noqa: SIM115
        self._is_open = True

    def push(self, alert: Alert) -> Outcome:
        """Keep the alert for `close`.

        Raises:
            SinkError: the disk refuses it.
        """
        with _translated(self.name):
            outcome, _ = self._spool.push(alert)
            return outcome

    def close(self) -> None:
        """Put the finished file in its place; closing twice is no mistake.

        Raises:
            SinkError: it cannot be written; the file that was there before is untouched.
        """
        if not self._is_open:
            return
        try:
            with _translated(self.name), _replacing(self._path) as target:
                self._spool.write_current(target)
        finally:
            self.discard()

    def discard(self) -> None:
        """Leave the file that was there before as it was."""
        self._is_open = False
        with suppress(OSError):
            self._spool.stream.close()


class StreamSink:
    """A stream that takes each line at once."""

    def __init__(self, name: str, stream: IO[str]) -> None:
        self.name = name
        self._stream = stream
        self._spool = _Spool(tempfile.TemporaryFile())  # noqa: SIM115

    def push(self, alert: Alert) -> Outcome:
        """Write the alert's line, unless the stream has had the very same.

        Raises:
            SinkError: the other end is gone or refuses.
        """
        with _translated(self.name):
            outcome, line = self._spool.push(alert)
            if outcome is not Outcome.ALREADY_THERE:
                self._stream.write(line.decode("ascii"))
                self._stream.flush()
            return outcome

    def close(self) -> None:
        """Let the stream go; standard output stays open for others."""
        self._spool.stream.close()
        if self._stream is not sys.stdout:
            with _translated(self.name):
                self._stream.close()

    def discard(self) -> None:
        """Let the stream go; what was written stays."""
        with suppress(SinkError):
            self.close()


def _line(alert: Alert) -> bytes:
    return render_line(alert).encode("ascii") + b"\n"


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes the place of `path` once it is whole and on the disk."""
    # Only within one folder is a rename one step.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise SinkError(f"{name}: {problem.strerror or problem}") from problem
