"""A service whose time is the test's: it starts the program with a clock that is told to go on.

Takes a site; gives a process, and lets hours pass for it, cycle by cycle.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.chaos import told
from tests.service.site import PATIENCE, Process, Site, at

_ROOT = Path(__file__).resolve().parents[2]


def live_by_told_time(site: Site, ahead: int = 0) -> None:
    """Let everything that the site starts from now on go by such a clock, so far ahead."""
    site.program = told.__name__
    site.variables |= {"PYTHONPATH": str(_ROOT), told.VARIABLE: str(ahead)}


class Hours:
    """Lets time pass for one service."""

    def __init__(self, site: Site) -> None:
        live_by_told_time(site)
        self._site = site
        self.ahead = 0
        self.process: Process = site.start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._came = threading.Condition()
        self._waits_since = -1
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self.process.wait_for(" rules of ")

    def go_on(self, seconds: int) -> None:
        """Let so much time pass at once, and wait until a cycle that began then has ended."""
        self.ahead += seconds
        # Whatever is started beside the service lives at the same time.
        self._site.variables[told.VARIABLE] = str(self.ahead)
        pipe = self.process.process.stdin
        assert pipe is not None
        pipe.write(f"{seconds}\n")
        pipe.flush()
        with self._came:
            self._came.wait_for(
                lambda: self._waits_since >= self.ahead or not self._reading.is_alive(), PATIENCE
            )
        assert self._waits_since >= self.ahead, "\n".join(self.process.lines)

    @property
    def now(self) -> float:
        """The service's time, in seconds."""
        return time.time() + self.ahead

    def dated(
        self, documents: Iterable[Mapping[str, Any]], when: float | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield documents taken now, by the service's time, of what happened then, or now too."""
        for document in documents:
            event = document["event"]
            if "ingested" in event:
                event = {**event, "ingested": _written(self.now)}
            yield {**document, "@timestamp": _written(when or self.now), "event": event}

    def _read(self) -> None:
        """Note the time that the service saw in the last cycle that has ended."""
        pipe = self.process.process.stdout
        assert pipe is not None
        woke = 0
        for line in pipe:
            word, _, ahead = line.partition(" ")
            with self._came:
                if word == "wakes":
                    woke = int(ahead)
                else:
                    self._waits_since = woke
                self._came.notify_all()
        with self._came:
            self._came.notify_all()


def _written(seconds: float) -> str:
    return at(time.time() - seconds)
