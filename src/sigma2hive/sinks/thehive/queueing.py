"""A bounded queue of alerts for several threads, in order within one alert's identity.

Takes and gives alerts. Two pushes of one alert are never under way at the same time; different
alerts overtake each other.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from sigma2hive.model.alerts import Alert, Identity


@dataclass(slots=True)
class AlertQueue:
    """Holds at most `bound` alerts that wait; `put` waits for room."""

    bound: int
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _waiting: dict[Identity, deque[Alert]] = field(default_factory=dict)
    _ready: deque[Identity] = field(default_factory=deque)
    _under_way: set[Identity] = field(default_factory=set)
    _count: int = 0
    _is_closed: bool = False

    def put(self, alert: Alert) -> None:
        """Let the alert wait for a thread."""
        with self._changed:
            self._changed.wait_for(lambda: self._count < self.bound or self._is_closed)
            self._count += 1
            self._waiting.setdefault(alert.identity, deque()).append(alert)
            if alert.identity not in self._under_way and len(self._waiting[alert.identity]) == 1:
                self._ready.append(alert.identity)
            self._changed.notify_all()

    def take(self) -> Alert | None:
        """Return an alert to work on; None once the queue is closed and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or (self._is_closed and not self._count))
            if not self._ready:
                return None
            identity = self._ready.popleft()
            alert = self._waiting[identity].popleft()
            self._under_way.add(identity)
            self._count -= 1
            self._changed.notify_all()
            return alert

    def done(self, alert: Alert) -> None:
        """Say that an alert that was taken is dealt with."""
        with self._changed:
            self._under_way.discard(alert.identity)
            if self._waiting[alert.identity]:
                self._ready.append(alert.identity)
            else:
                del self._waiting[alert.identity]
            self._changed.notify_all()

    def close(self) -> None:
        """Take no more; what waits is still given out."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
