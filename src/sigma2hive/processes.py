"""Processes that work on units, and their results in the order of the units.

Takes what is to be done with a unit; gives the results as if one process had done all of them, one
after the other. Forked, so that what was made before is there at once, and once only in memory.
Nothing of a process outlives `close`, and one that ends by itself is an error.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe, wait
from typing import Generic, NoReturn, TypeVar

from sigma2hive.diagnostics import SourceError

#: So many units more than processes are begun before the first of them is through.
_AHEAD = 2
#: Bytes of results that wait for their turn; beyond that, only what is in turn is taken.
_MAX_WAITING_BYTES = 32 * 1024 * 1024

#: What a message is: a result, the last one of its unit, the end of a unit without any, a failure.
_RESULT, _LAST, _END, _BROKEN = b"R", b"L", b"E", b"B"

Unit = TypeVar("Unit")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


class _Work(Generic[Unit]):
    """A unit on its way: `waiting` are results, pickled."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.waiting: deque[bytes] = deque()
        self.is_done = False


class _Worker(Generic[Unit]):
    """A process, as its parent sees it; `work` is what it does just now."""

    def __init__(self, pid: int, connection: Connection) -> None:
        self.pid = pid
        self.connection = connection
        self.work: _Work[Unit] | None = None


class Processes(Generic[Unit, Result]):
    """So many processes that do `do` with each unit they are given."""

    def __init__(
        self, count: int, do: Callable[[Unit], Iterable[Result]], name_of: Callable[[Unit], str]
    ) -> None:
        """Fork them. Whoever calls this has no other thread, and nothing open that must not be.

        Raises:
            OSError: there can be no more processes.
        """
        self._name_of = name_of
        self._workers: list[_Worker[Unit]] = []
        self._waiting_bytes = 0
        try:
            with _without_interrupts():
                for _ in range(count):
                    self._fork(do)
        except BaseException:
            self.close()
            raise

    def _fork(self, do: Callable[[Unit], Iterable[Result]]) -> None:
        ours, theirs = Pipe()
        pid = os.fork()
        if not pid:
            others = [worker.connection for worker in self._workers]
            _serve_and_exit(theirs, do, [ours, *others])
        theirs.close()
        self._workers.append(_Worker(pid, ours))

    def close(self) -> None:
        """End them, whatever they do."""
        with _without_interrupts():
            for worker in self._workers:
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
            for worker in self._workers:
                worker.connection.close()
                with suppress(ChildProcessError):
                    os.waitpid(worker.pid, 0)
            self._workers.clear()

    def results(self, units: Iterator[Unit]) -> Iterator[tuple[Unit, Result]]:
        """Yield what comes of each unit, in the order of the units.

        Units are asked for as they are begun, a few before the first of them is through.

        Raises:
            SourceError: a process was ended from outside.
        """
        begun: deque[_Work[Unit]] = deque()
        while True:
            self._begin(units, begun)
            if not begun:
                return
            first = begun[0]
            is_waited_for = not first.waiting and not first.is_done
            self._receive(first, None if is_waited_for else 0)
            # Whoever is through goes on while what it made is looked at.
            self._begin(units, begun)
            if first.waiting:
                data = first.waiting.popleft()
                self._waiting_bytes -= len(data)
                yield first.unit, pickle.loads(data)  # noqa: S301  # our own process wrote it
            elif first.is_done:
                begun.popleft()

    def _begin(self, units: Iterator[Unit], begun: deque[_Work[Unit]]) -> None:
        for worker in self._workers:
            if worker.work is None and len(begun) < len(self._workers) + _AHEAD:
                for unit in units:
                    work = worker.work = _Work(unit)
                    begun.append(work)
                    with self._end_as_error(worker, work):
                        worker.connection.send(unit)
                    break

    def _receive(self, first: _Work[Unit], timeout_seconds: float | None) -> None:
        """Take results that are there, and wait for one so long."""
        has_room = self._waiting_bytes < _MAX_WAITING_BYTES
        # What waits for its turn may wait longer; what is in turn never does.
        busy = {
            worker.connection: (worker, worker.work)
            for worker in self._workers
            if worker.work is not None and (has_room or worker.work is first)
        }
        for connection in wait(list(busy), timeout_seconds):
            self._receive_from(*busy[connection])  # type: ignore[index]  # one of these

    def _receive_from(self, worker: _Worker[Unit], work: _Work[Unit]) -> None:
        with self._end_as_error(worker, work):
            message = worker.connection.recv_bytes()
        kind, data = message[:1], message[1:]
        if kind == _BROKEN:
            raise RuntimeError(f"{self._name_of(work.unit)}:\n{data.decode()}")
        if kind in (_RESULT, _LAST):
            work.waiting.append(data)
            self._waiting_bytes += len(data)
        if kind in (_LAST, _END):
            work.is_done, worker.work = True, None

    @contextmanager
    def _end_as_error(self, worker: _Worker[Unit], work: _Work[Unit]) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError):
            self._workers.remove(worker)
            worker.connection.close()
            raise SourceError(
                f"{self._name_of(work.unit)}: the process that read it was {_end_of(worker.pid)}; "
                "nothing was read further, and matches may be missing",
                "run again; where memory is short, with fewer --processes",
            ) from None


def fork_off(do: Callable[[], object]) -> int:
    """Do something in a process of its own, and return its number: somebody has to wait for it.

    Raises:
        OSError: there can be no more processes.
    """
    with _without_interrupts():
        pid = os.fork()
        if not pid:
            _do_and_exit(do)
    return pid


def _do_and_exit(do: Callable[[], object]) -> NoReturn:
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        gc.freeze()
        do()
        code = 0
    finally:
        os._exit(code)


def _end_of(pid: int) -> str:
    """Wait for a process, and return in words how it was ended."""
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:  # where SIGCHLD is ignored the system keeps nothing of it
        return "ended"
    return how_it_ended(os.waitstatus_to_exitcode(status))


def how_it_ended(code: int) -> str:
    """Return in words how a process was ended, by its exit code: below 0 it is a signal's."""
    how = f"by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"with code {code}"
    return f"ended {how}"


@contextmanager
def _without_interrupts() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve_and_exit(
    connection: Connection, do: Callable[[Unit], Iterable[Result]], others: Sequence[Connection]
) -> NoReturn:
    """Be one of the processes: never come back to what the parent was about to do."""
    code = 1
    try:
        # Ctrl-C reaches all processes of a terminal; the parent decides.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # With the parent's ends closed here, a parent that is gone is noticed.
        for other in others:
            other.close()
        gc.freeze()  # what the parent made stays as it is, and shared
        _serve(connection, do)
        code = 0
    except (EOFError, ConnectionError):
        code = 0  # the parent is gone, or has had enough
    finally:
        os._exit(code)


def _serve(connection: Connection, do: Callable[[Unit], Iterable[Result]]) -> None:
    while True:
        unit = connection.recv()
        try:
            last = b""
            for result in do(unit):
                if last:
                    connection.send_bytes(_RESULT + last)
                last = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
            # With its last result, since the next unit is sent as soon as a unit is through.
            connection.send_bytes(_LAST + last if last else _END)
        except ConnectionError:
            raise
        except Exception:  # whatever it is, the parent raises it
            connection.send_bytes(_BROKEN + traceback.format_exc().encode())
