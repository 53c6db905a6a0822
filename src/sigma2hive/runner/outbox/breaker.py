"""Whether a sink is tried at all: after failures in a row, only by one alert at a time.

Takes what became of attempts; says when the next one may be made. Pure; not for several threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sigma2hive.runner.outbox.backoff import Backoff


@dataclass(slots=True)
class Breaker:
    """Closed while all is well. `reason` says why it is open, "" where it is not.

    Open, it lets one probe through at `retry_ns` and, in vain, another one after a longer wait.
    """

    backoff: Backoff
    most_failures: int
    reason: str = ""
    retry_ns: int = 0
    _failures: int = 0
    _probes: int = field(default=0)

    @property
    def is_open(self) -> bool:
        """Whether only probes are let through."""
        return self.reason != ""

    def is_waiting(self, now_ns: int) -> bool:
        """Whether it is too early for a probe; a wait longer than any is of a clock set back."""
        return 0 < self.retry_ns - now_ns <= self.backoff.longest_ns

    def note_success(self) -> None:
        """Take note that the sink answers, and well."""
        self.reason, self._failures, self._probes = "", 0, 0

    def note_failure(self, reason: str, now_ns: int, *, is_probe: bool) -> None:
        """Take note of a failure that may be this alert's alone."""
        self._failures += 1
        if self.is_open and is_probe:
            self._keep_open(reason, now_ns, None)
        elif not self.is_open and self._failures >= self.most_failures:
            self._open(reason, now_ns, None)

    def note_pause(
        self, reason: str, now_ns: int, asked_seconds: float | None, *, is_probe: bool
    ) -> None:
        """Take note that the sink takes nothing; `asked_seconds` is when it wants to be asked."""
        if not self.is_open:
            self._open(reason, now_ns, asked_seconds)
        elif is_probe:
            self._keep_open(reason, now_ns, asked_seconds)
        elif asked_seconds is not None:
            self.retry_ns = max(self.retry_ns, now_ns + self.backoff.ns(0, asked_seconds))

    def _open(self, reason: str, now_ns: int, asked_seconds: float | None) -> None:
        self._probes = 0
        self._set(reason, now_ns, asked_seconds)

    def _keep_open(self, reason: str, now_ns: int, asked_seconds: float | None) -> None:
        self._probes += 1
        self._set(reason, now_ns, asked_seconds)

    def _set(self, reason: str, now_ns: int, asked_seconds: float | None) -> None:
        self.reason = reason or "no reason given"
        self.retry_ns = now_ns + self.backoff.ns(self._probes, asked_seconds)
