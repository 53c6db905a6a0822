"""What arrived at one sink, noted in the store: all that is known at a time in one step of it.

Takes receipts of several threads; the outbox has them when they are noted, and the desk is told. A
step waits for the disk. Meanwhile other threads send on, and what they bring is in the next one. A
crash before that sends it again, which changes nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sigma2hive.model.service import Receipt
from sigma2hive.runner.outbox.desk import Desk, Taken
from sigma2hive.runner.store.interface import Outbox


@dataclass(slots=True)
class Receipts:
    """Notes receipts of a sink's threads."""

    outbox: Outbox
    desk: Desk
    _pending: deque[tuple[Taken, Receipt]] = field(default_factory=deque, init=False)
    _writing: threading.Lock = field(default_factory=threading.Lock, init=False)
    _is_failing: bool = field(default=False, init=False)

    def add(
        self, taken: Taken, receipt: Receipt, wait_again: Callable[[Exception, int], bool]
    ) -> None:
        """Let it be noted, by this thread or by one that notes already.

        Where the store cannot be written, it waits until it can: nothing more is sent meanwhile.
        `wait_again` waits after so many attempts in vain, and says whether to give up, since the
        service ends.
        """
        self._pending.append((taken, receipt))
        while self._pending and self._writing.acquire(blocking=self._is_failing):
            try:
                if not self._write(wait_again):
                    return
            finally:
                self._writing.release()

    def _write(self, wait_again: Callable[[Exception, int], bool]) -> bool:
        """Note what there is; False where that was given up."""
        tries = 0
        while entries := list(self._pending):
            try:
                self.outbox.arrived([receipt for _, receipt in entries])
            except Exception as error:  # a full disk: what was sent waits to be noted
                self._is_failing = True
                if wait_again(error, tries):
                    return False
                tries += 1
                continue
            self._is_failing = False
            for taken, _ in entries:
                self._pending.popleft()
                self.desk.done(taken)
        return True
