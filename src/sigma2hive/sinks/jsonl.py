"""Alerts as lines of JSON in a file, or on standard output.

A file holds each alert once and is only ever added to: an alert that it has is joined with the one
that comes. A file that holds anything but alert lines is left alone. The new file is written beside
the old one and takes its place when the sink is closed, so that nobody reads half of it. On a
stream (standard output, a pipe, a device) a line goes out at once, and an alert that grew goes out
again: the last line of a sourceRef holds. So it is with a file that a service adds to, until a run
writes it anew. Memory holds one number pair for each alert, whatever the size of its events.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from sigma2hive.clock import Clock
from sigma2hive.diagnostics import SinkError
from sigma2hive.model.alerts import Alert, Identity
from sigma2hive.sinks.courier import Courier
from sigma2hive.sinks.interface import Closing, Sink, SinkRequest
from sigma2hive.sinks.joining import join_alerts
from sigma2hive.sinks.lines import parse_alert, render_line
from sigma2hive.sinks.local import LocalCourier
from sigma2hive.sinks.outcomes import Outcome
from sigma2hive.storage import check_writable, make_private_folder

STANDARD_OUTPUT = "-"
_PIECE_BYTES = 64 * 1024


def open_jsonl(request: SinkRequest) -> Sink:
    """Open the target, "-" or a path.

    Raises:
        SinkError: it cannot be written, or is a file that holds something else.
    """
    if request.target == STANDARD_OUTPUT:
        return StreamSink(request.spec, _standard_output(request))
    path = request.folder / request.target
    with _translated(request.spec):
        if _is_stream(path):
            return StreamSink(request.spec, path.open("w", encoding="ascii"))
        return FileSink(request.spec, path)


def jsonl_courier(request: SinkRequest, _clock: Clock) -> Courier:
    """Return how a service delivers to the target: each alert is a line at its end.

    Raises:
        SinkError: it cannot be written, or is a file that holds something else.
    """
    check_jsonl(request)
    path = (request.folder / request.target).resolve()

    def put(alert: Alert) -> Outcome:
        with _translated(request.spec):
            if request.target == STANDARD_OUTPUT:
                _write_line(_standard_output(request), alert)
            elif _is_stream(path):
                with path.open("w", encoding="ascii") as stream:
                    _write_line(stream, alert)
            else:
                _add_line(path, alert)
        return Outcome.STORED

    return LocalCourier(put)


def _write_line(stream: IO[str], alert: Alert) -> None:
    stream.write(_line(alert).decode("ascii"))
    stream.flush()


def _add_line(path: Path, alert: Alert) -> None:
    """Add a line to the end of a file, and see it on the disk; half a line of a crash goes."""
    make_private_folder(path.parent)
    with _locked(path.parent):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as stream:
            size = _whole_size(stream)
            stream.truncate(size)
            stream.seek(size)
            try:
                stream.write(_line(alert))
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                with suppress(OSError):
                    stream.truncate(size)
                raise


def _whole_size(stream: IO[bytes]) -> int:
    """Return where the last whole line ends."""
    end = stream.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - _PIECE_BYTES)
        stream.seek(start)
        found = stream.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def check_jsonl(request: SinkRequest) -> None:
    """Find out, without writing anything, whether the target could be opened.

    Raises:
        SinkError: it could not.
    """
    if request.target == STANDARD_OUTPUT:
        _standard_output(request)
        return
    path = request.folder / request.target
    with _translated(request.spec):
        check_writable(path)
        if not _is_stream(path):
            _refuse_folder(request.spec, path)
            for _ in _alerts_in(request.spec, path):
                pass


def _standard_output(request: SinkRequest) -> IO[str]:
    # Python has none where the caller closed it.
    if sys.stdout is None:
        raise SinkError(f"{request.spec}: standard output is closed")
    return sys.stdout


def _is_stream(path: Path) -> bool:
    """Whether this is a pipe or a device: renaming a file over it would destroy it."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _refuse_folder(name: str, path: Path) -> None:
    if path.is_dir():
        raise SinkError(f"{name}: is a folder; name a file in it")


def _alerts_in(name: str, path: Path) -> Iterator[tuple[Identity, bytes]]:
    """Yield each line of a file that is ours, with the identity of its alert; none where absent.

    Raises:
        SinkError: a line is no alert.
    """
    if not path.exists():
        return
    with path.open("rb") as stream:
        # What is no alert line may be of any size: one character is enough to know most of it.
        if stream.read(1) not in (b"{", b""):
            raise _not_ours(name, 1)
        stream.seek(0)
        for number, line in enumerate(stream, 1):
            try:
                identity = parse_alert(line.decode("utf-8")).identity
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                raise _not_ours(name, number) from None
            yield identity, line


def _not_ours(name: str, number: int) -> SinkError:
    return SinkError(
        f"{name}: is left alone, since its line {number} is no alert of sigma2hive; "
        "name another file, or move this one away"
    )


class _Spool:
    """Rendered lines in a temporary file, of which the last one of each alert counts."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self._places: dict[Identity, tuple[int, int]] = {}
        self.has_changed = False

    def load(self, name: str, path: Path) -> None:
        """Take the lines of a file, where there is one; then nothing has changed.

        Raises:
            SinkError: a line is no alert.
        """
        for identity, line in _alerts_in(name, path):
            self._append(identity, line.rstrip(b"\n") + b"\n")
        self.has_changed = False

    def push(self, alert: Alert) -> tuple[Outcome, bytes]:
        """Return what became of the alert, and its line."""
        identity = alert.identity
        place = self._places.get(identity)
        if place is None:
            line = _line(alert)
            self._append(identity, line)
            return Outcome.STORED, line
        stored = self._read(place)
        line = _line(join_alerts(parse_alert(stored.decode("utf-8")), alert))
        if line == stored:
            return Outcome.ALREADY_THERE, line
        self._append(identity, line)
        return Outcome.UPDATED, line

    def current(self) -> Iterator[bytes]:
        """Yield the last line of each alert, in the order in which they first came."""
        for place in self._places.values():
            yield self._read(place)

    def _append(self, identity: Identity, line: bytes) -> None:
        offset = self.stream.seek(0, os.SEEK_END)
        self.stream.write(line)
        self._places[identity] = (offset, len(line))
        self.has_changed = True

    def _read(self, place: tuple[int, int]) -> bytes:
        offset, length = place
        self.stream.seek(offset)
        return self.stream.read(length)


class FileSink:
    """A file that is added to, whole, when the sink is closed."""

    def __init__(self, name: str, path: Path) -> None:
        _refuse_folder(name, path)
        self.name = name
        # A symbolic link keeps pointing where it points; what it points at is replaced.
        self._path = path.resolve()
        make_private_folder(self._path.parent)
        # Before reading, so that no change is missed.
        self._seen = _state_of(self._path)
        self._spool = self._loaded()
        self._is_open = True

    def push(self, alert: Alert) -> Outcome:
        """Keep the alert for `close`.

        Raises:
            SinkError: the disk refuses it.
        """
        with _translated(self.name):
            outcome, _ = self._spool.push(alert)
            return outcome

    def close(self) -> Closing:
        """Put the finished file in its place; closing twice is no mistake.

        Raises:
            SinkError: it cannot be written; the file that was there before is untouched.
        """
        if not self._is_open:
            return Closing()
        try:
            with _translated(self.name), _locked(self._path.parent):
                self._take_in_others()
                if self._spool.has_changed or not self._path.exists():
                    with _replacing(self._path) as target:
                        target.writelines(self._spool.current())
        finally:
            self.discard()
        return Closing()

    def discard(self) -> None:
        """Leave the file that was there before as it was."""
        self._is_open = False
        with suppress(OSError):
            self._spool.stream.close()

    def _loaded(self) -> _Spool:
        # In the same folder, so that a folder that cannot be written is found out at once.
        stream = tempfile.TemporaryFile(dir=self._path.parent)  # noqa: SIM115
        try:
            spool = _Spool(stream)
            spool.load(self.name, self._path)
        except BaseException:
            stream.close()
            raise
        return spool

    def _take_in_others(self) -> None:
        """Join what another run has put into the file since this one opened it."""
        if _state_of(self._path) == self._seen:
            return
        ours, self._spool = self._spool, self._loaded()
        for line in ours.current():
            self._spool.push(parse_alert(line.decode("utf-8")))
        ours.stream.close()


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is replaced or written; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one run at a time replace files in a folder; where locks do not work, all at once."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


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

    def close(self) -> Closing:
        """Let the stream go; standard output stays open for others."""
        self._spool.stream.close()
        if self._stream is not sys.stdout:
            with _translated(self.name):
                self._stream.close()
        return Closing()

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
