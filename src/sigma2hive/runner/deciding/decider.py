"""This side of the second process: starts it, asks it for slices, and starts it again.

Takes what it is to work with, then slices; gives what it decided. Where it is not there (yet), or
was ended, whoever asks does the work itself: it saves time, and nothing depends on it.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Pipe
from threading import Thread

from sigma2hive.diagnostics import Diagnostic, Sigma2hiveError
from sigma2hive.processes import how_it_ended
from sigma2hive.runner.deciding.messages import (
    Answer,
    Broken,
    Ended,
    Failed,
    Forget,
    Page,
    Read,
    Work,
)
from sigma2hive.runner.matching import DecidedRows
from sigma2hive.runner.reading.interface import Slice

_MODULE = "sigma2hive.runner.deciding.process"
#: It starts in less than a second; a slice that waited longer for that is decided here.
_START_SECONDS = 3.0
#: How long it may take to end by itself, letting go of Elasticsearch.
_END_SECONDS = 6.0
#: How often it is looked whether it was stopped, while nothing comes; twice in a row is for good.
_LOOK_SECONDS = 5.0
#: The pause before it is started again doubles with each time it was ended in a row, up to this.
_LONGEST_PAUSE_SECONDS = 600.0
#: Whoever sends these to all processes of a terminal or a unit of systemd means this process.
_OURS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class RepeatError(Sigma2hiveError):
    """The second process was ended within a slice: what came of it does not count.

    It can be looked at again at once.
    """


class Decider:
    """Reads and decides slices in a second process. Not for several threads.

    `tell` gets a line where that was ended from outside, or failed.
    """

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self._tell = tell
        self._work = b""
        self._running: _Running | None = None
        self._number = 0
        #: What was asked for and not looked at yet, in that order.
        self._coming: deque[Read] = deque()
        #: The slice that it could not do.
        self._refused: Slice | None = None
        self._ended_in_a_row = 0
        self._start_at = 0.0

    def start(self) -> None:
        """Start the process already, before it is known what it is to work with."""
        if self._running is None and sys.executable:
            try:
                self._running = _Running()
            except OSError as error:  # no memory, no more processes
                self._not_started(error.strerror or str(error))

    def use(self, work: Work) -> None:
        """Work with these rules from now on."""
        if self._work:
            self.close()
        self._work = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
        self._ended_in_a_row, self._start_at = 0, 0.0
        self.start()
        self._give()

    def close(self) -> None:
        """End the process, in good order where it can."""
        running, self._running = self._running, None
        self._coming.clear()
        if running is not None:
            running.end()

    def takes(self, part: Slice) -> bool:
        """Whether it can be asked for a slice now; what it failed at is not asked for again."""
        return not self._is_refused(part) and self._is_ready()

    def ahead(self, parts: Sequence[Slice]) -> None:
        """Let it begin with slices that will be looked at, in this order; be there for more."""
        self._see_that_it_is_there()
        if parts and self._is_ready():
            with suppress(OSError):  # told when they are looked at
                for part in parts:
                    if not self._is_refused(part):
                        self._ask(part)

    def decided(self, part: Slice) -> Iterator[DecidedRows | Diagnostic]:
        """Yield what was decided of a slice, as `decided_in`.

        Raises:
            ServerError: not all of it came; nothing that was yielded counts.
            RepeatError: it was ended meanwhile; nothing that was yielded counts.
        """
        try:
            yield from self._answers(self._asked(part), part)
        except (EOFError, OSError):
            raise self._lost(part) from None

    def _is_refused(self, part: Slice) -> bool:
        """Whether it is the slice that it failed at, planned again perhaps, or a part of it."""
        refused = self._refused
        return refused is not None and (part.unit, part.position) == (
            refused.unit,
            refused.position,
        )

    def _answers(self, number: int, part: Slice) -> Iterator[DecidedRows | Diagnostic]:
        is_over = False
        try:
            while not is_over:
                came, answer = self._receive()
                if came != number:  # of a slice that was forgotten
                    continue
                is_over = not isinstance(answer, Page | Diagnostic)
                if isinstance(answer, Page):
                    yield DecidedRows(answer.decided, answer.events.__getitem__)
                elif isinstance(answer, Diagnostic):
                    yield answer
                elif isinstance(answer, Failed):
                    raise answer.error
                elif isinstance(answer, Broken):
                    raise self._broken(part, answer)
                elif isinstance(answer, Ended):
                    self._ended_in_a_row = 0
        finally:
            if not is_over:
                self._forget(number)

    def _asked(self, part: Slice) -> int:
        """Return the number of a slice, asked for now where that was not done before."""
        while self._coming and self._coming[0].part is not part:
            self._forget(self._coming.popleft().number)
        self._ask(part)
        return self._coming.popleft().number

    def _ask(self, part: Slice) -> None:
        if any(asked.part is part for asked in self._coming):
            return
        self._number += 1
        asked = Read(self._number, part)
        self._send(asked)
        self._coming.append(asked)

    def _forget(self, number: int) -> None:
        with suppress(OSError):  # then it is gone, and has nothing to forget
            self._send(Forget(number))

    def _send(self, message: Read | Forget) -> None:
        if self._running is not None:
            self._running.connection.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def _receive(self) -> Answer:
        if self._running is None:
            raise EOFError
        data = self._running.received()
        answer: Answer = pickle.loads(data)  # noqa: S301  # our own process wrote it
        return answer

    def _is_ready(self) -> bool:
        self._see_that_it_is_there()
        return self._running is not None and self._running.is_ready()

    def _see_that_it_is_there(self) -> None:
        if self._running is not None and self._running.is_gone():
            how = self._gone()
            self._tell(f"the process that reads and decides was {how}; it is started again")
        if self._running is None:
            self._start_again()

    def _start_again(self) -> None:
        if self._work and time.monotonic() >= self._start_at:
            self.start()
            self._give()

    def _give(self) -> None:
        if self._running is not None:
            try:
                self._running.give(self._work)
            except RuntimeError as error:  # no more threads
                self.close()
                self._not_started(str(error))

    def _not_started(self, why: str) -> None:
        self._pause()
        self._tell(f"no second process can be started: {why}")

    def _pause(self) -> None:
        self._ended_in_a_row += 1
        pause = min(2.0**self._ended_in_a_row, _LONGEST_PAUSE_SECONDS)
        self._start_at = time.monotonic() + pause

    def _gone(self) -> str:
        """Take note that the process is gone, and return how it ended."""
        running, self._running = self._running, None
        self._coming.clear()
        self._pause()
        return "ended" if running is None else running.end()

    def _lost(self, part: Slice) -> RepeatError:
        self._refused = part
        return self._told(part, f"the process that read it was {self._gone()}")

    def _broken(self, part: Slice, answer: Broken) -> RepeatError:
        self._refused = part
        return self._told(part, f"the process that read it failed: {answer.reason}")

    def _told(self, part: Slice, what: str) -> RepeatError:
        error = RepeatError(f"looking at {part.index}: {what}; it is looked at again")
        self._tell(str(error))
        return error


class _Running:
    """A process at work, or about to be."""

    def __init__(self) -> None:
        """Start one.

        Raises:
            OSError: there can be no more processes.
        """
        self.connection, theirs = Pipe()
        # A folder that somebody else may write to is no place to import from: -P.
        command = [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno())]
        try:
            with theirs, _held_back(_OURS):
                self._process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                )
        except BaseException:
            self.connection.close()
            raise
        self._why_not = ""
        self._patience_seconds = _START_SECONDS
        self._starting: Thread | None = None

    def give(self, work: bytes) -> None:
        """Give it its work, and let a thread wait until it can be asked.

        Raises:
            RuntimeError: there can be no more threads.
        """
        starting = Thread(target=self._prepare, args=(work,), daemon=True)
        starting.start()
        self._starting = starting

    def _prepare(self, work: bytes) -> None:
        """Wait for its word; where it is gone, the next call sees that."""
        with suppress(EOFError, OSError):
            self.connection.send_bytes(work)
            _, answer = pickle.loads(self.connection.recv_bytes())  # noqa: S301  # our own process
            self._why_not = answer.reason if isinstance(answer, Broken) else ""

    def is_ready(self) -> bool:
        """Whether it can be asked; the first to ask waits for a moment."""
        if self._starting is None:
            return False
        patience_seconds, self._patience_seconds = self._patience_seconds, 0.0
        self._starting.join(patience_seconds)
        return not self._starting.is_alive()

    def received(self) -> bytes:
        """Return what comes next; a process that somebody has stopped is not waited for.

        Raises:
            EOFError, OSError: it is gone.
        """
        was_stopped = False
        while not self.connection.poll(_LOOK_SECONDS):
            is_stopped = self._is_stopped()
            if is_stopped and was_stopped:
                self._why_not = "it was stopped, and did not go on"
                self._process.kill()
            was_stopped = is_stopped
        return self.connection.recv_bytes()

    def _is_stopped(self) -> bool:
        # Where a system has no such call, whoever stops it has to let it go on.
        ask = getattr(os, "waitid", None)
        if ask is None:
            return False
        with suppress(ChildProcessError):
            options = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
            return ask(os.P_PID, self._process.pid, options) is not None
        return False

    def is_gone(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def end(self) -> str:
        """Let it end, and return how it did."""
        if self._starting is None or self._starting.is_alive():
            self._process.kill()  # it has nothing to let go of
        if self._starting is not None:
            self._starting.join()
        self.connection.close()
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        how = how_it_ended(code)
        return f"{how}: {self._why_not}" if self._why_not else how


@contextmanager
def _held_back(signals: set[signal.Signals]) -> Iterator[None]:
    """Keep signals from what is started meanwhile, for good."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
