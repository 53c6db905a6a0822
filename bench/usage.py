"""What a program costs: the resources of its whole process, as the system counts them.

Takes a command line; gives CPU and wall seconds, peak memory, and where its output lies. CPU
seconds are those of the process and of all processes that it waited for; peak memory is that of
the largest of them. The kernel also counts a child's memory before it became the program: keep
the measuring process small.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: ru_maxrss counts bytes on macOS, kilobytes elsewhere.
_MAXRSS_PER_MB = 1e6 if sys.platform == "darwin" else 1e3


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run took, with its exit code; `ended` is False where the time limit ended it."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    exit_code: int
    ended: bool

    @property
    def is_good(self) -> bool:
        """Whether the figures are those of a whole run."""
        return self.ended and self.exit_code == 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a program runs: its folder, its environment, and for how long at most."""

    folder: Path
    environment: Mapping[str, str]
    limit_seconds: float


def usage_of(command: Sequence[str], around: Surroundings) -> Usage:
    """Run a program to its end, with output into `stdout` and `stderr` in its folder."""
    with (
        (around.folder / "stdout").open("wb") as out,
        (around.folder / "stderr").open("wb") as err,
    ):
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=around.folder,
            env=dict(around.environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        late = threading.Event()
        timer = threading.Timer(around.limit_seconds, _end, (process.pid, late))
        timer.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            _end(process.pid, late)
            raise
        finally:
            timer.cancel()
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    return Usage(
        cpu_seconds=used.ru_utime + used.ru_stime,
        wall_seconds=wall,
        peak_mb=used.ru_maxrss / _MAXRSS_PER_MB,
        exit_code=process.returncode,
        ended=not late.is_set(),
    )


def _end(pid: int, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
