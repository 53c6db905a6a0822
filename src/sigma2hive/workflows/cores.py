"""Work on units, shared among the cores that there are, with the results in the order of the units.

Takes units and what is to be done with one; gives what one process would give. Few units, one core
or threads that run already are no reason to fork. What only leaves files may be done meanwhile.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import BinaryIO, TypeVar

from sigma2hive.diagnostics import SourceError
from sigma2hive.processes import Processes, fork_off, usable_cores

Unit = TypeVar("Unit")
Result = TypeVar("Result")

#: What does something now or, while other things are done, in another process.
Later = Callable[[Callable[[], object]], None]
#: To fork, and to send back what was made, costs as much as a few units.
_WORTH_SHARING = 4


def can_be_shared() -> bool:
    """Whether there are several cores, and nothing that a fork would break."""
    can_fork = hasattr(os, "fork") and threading.active_count() == 1
    return can_fork and usable_cores() > 1


@contextmanager
def meanwhile() -> Iterator[Later]:
    """Give what does something in another process; its end is waited for when this ends.

    With one core it is done at once. `do` leaves files, and whether it could is nobody's concern.
    """
    pids: list[int] = []

    def later(do: Callable[[], object]) -> None:
        if can_be_shared():
            with suppress(OSError):
                pids.append(fork_off(do))
                return
        do()

    try:
        yield later
    finally:
        for pid in pids:
            _ended(pid, is_through=True)


@contextmanager
def begun(do: Callable[[], Result]) -> Iterator[Callable[[], Result]]:
    """Begin something in another process, and give what waits for its result, once.

    With one core, or where that process cannot be or fails, it is done when the result is asked
    for. `do` has no effects.
    """
    ends = None
    with suppress(OSError):
        ends = os.pipe() if can_be_shared() else None
    if ends is None:
        yield do
        return
    reading, writing = ends
    with os.fdopen(reading, "rb") as stream:
        try:
            pid = fork_off(lambda: _send(reading, writing, do))
        except OSError:
            pid = 0
        finally:
            os.close(writing)
        try:
            yield lambda: _received(stream, do)
        finally:
            if pid:
                _ended(pid, is_through=stream.closed)


def _ended(pid: int, *, is_through: bool) -> None:
    if not is_through:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    # Where SIGCHLD is ignored it waits, too, and then has nothing to tell.
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _send(reading: int, writing: int, do: Callable[[], object]) -> None:
    os.close(reading)  # with nobody left to read, writing fails instead of waiting
    with os.fdopen(writing, "wb") as stream:
        pickle.dump(do(), stream, pickle.HIGHEST_PROTOCOL)


def _received(stream: BinaryIO, do: Callable[[], Result]) -> Result:
    with stream:
        content = stream.read()
    try:
        # Only what is whole can be loaded; our own process wrote it.
        result: Result = pickle.loads(content)  # noqa: S301
    except (EOFError, pickle.UnpicklingError):
        return do()
    return result


def at_once(do: Callable[[], object]) -> None:
    """Do something now: what does it where nothing else waits."""
    do()


def shared(units: Sequence[Unit], do: Callable[[Unit], Result]) -> Iterator[Result]:
    """Yield what `do` makes of each unit, in their order; `do` has no effects."""
    done = 0
    if len(units) >= _WORTH_SHARING and can_be_shared():
        try:
            for result in _forked(units, do):
                done += 1
                yield result
        except (SourceError, OSError):
            pass  # one was killed, or there can be no more: what is left one process does
    yield from map(do, units[done:])


def _forked(units: Sequence[Unit], do: Callable[[Unit], Result]) -> Iterator[Result]:
    # A fork has the units already, so that it is told which one, not sent a copy of it.
    def only(number: int) -> Iterator[Result]:
        yield do(units[number])

    with closing(Processes(usable_cores(), only, lambda _: "rules")) as processes:
        for _, result in processes.results(iter(range(len(units)))):
            yield result
