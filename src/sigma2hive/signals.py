"""What signals do before a service has handlers of its own, while the program and rules load.

Takes nothing; changes this process's handlers. A service that has not begun has nothing to finish:
SIGTERM ends it at once with 0, as it ends one that runs, and SIGHUP asks for rules that are about
to be loaded anyway.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

#: What signals did before. (`typing` is not imported: half of the time until signals are heard.)
_earlier: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}


def expect_service() -> None:
    """End in good order on SIGTERM, and take no notice of SIGHUP, until others handle them."""
    for number, handler in {signal.SIGTERM: _end, signal.SIGHUP: _go_on}.items():
        _earlier[number] = signal.signal(number, handler)


def expect_no_service() -> None:
    """Let signals do what they did before: a run that is cut off did not end in good order."""
    while _earlier:
        signal.signal(*_earlier.popitem())


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _go_on(_number: int, _frame: FrameType | None) -> None:
    """Do nothing. A handler, since what is ignored would be ignored by children as well."""
