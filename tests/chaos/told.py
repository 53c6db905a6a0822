"""The program itself, by a clock that is told to go forward: hours pass in seconds.

    python -m tests.chaos.told run --live

Each line of standard input is a number of seconds by which the clock goes forward at once; in
between it goes as the machine's does. Standard output says "wakes S" and "waits S" around each of
the service's cycles, where S is how far the clock is ahead. It begins as far ahead as the
environment variable SIGMA2HIVE_TOLD_SECONDS says.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from sigma2hive.__main__ import main
from sigma2hive.model.times import NANOSECONDS

VARIABLE = "SIGMA2HIVE_TOLD_SECONDS"
#: How often what waits looks at the clock.
_LOOK_SECONDS = 0.05


class ToldClock:
    """The machine's clock, `ahead` seconds ahead; tells when the main thread waits."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead

    def now_ns(self) -> int:
        """Return nanoseconds since the Unix epoch."""
        return time.time_ns() + self.ahead * NANOSECONDS

    def wait(self, seconds: float, until: threading.Event) -> bool:
        """Wait so long by this clock, or until the event is set; return whether it is."""
        end_ns = self.now_ns() + int(max(seconds, 0) * NANOSECONDS)
        self._tell("waits")
        while not until.is_set() and (left_ns := end_ns - self.now_ns()) > 0:
            until.wait(min(left_ns / NANOSECONDS, _LOOK_SECONDS))
        self._tell("wakes")
        return until.is_set()

    def obey(self) -> None:
        """Go forward as standard input says."""
        for line in sys.stdin:
            self.ahead += int(line)

    def _tell(self, word: str) -> None:
        if threading.current_thread() is threading.main_thread():
            print(word, self.ahead, flush=True)


if __name__ == "__main__":
    clock = ToldClock(int(os.environ.get(VARIABLE, "0")))
    threading.Thread(target=clock.obey, daemon=True).start()
    main(clock)
