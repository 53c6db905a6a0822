"""What was asked of the double, so that tests can say what must have been sent.

Takes requests; gives plain values. Never keeps credentials: `user` says whose they were.
"""

from __future__ import annotations

import threading
from typing import Any

from tests.doubles.thehive.application import Raw, Understood

_KEPT_HEADERS = ("User-Agent", "Content-Type", "X-Organisation", "Accept-Encoding")


class Journal:
    """Every request since the start or the last reset, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[dict[str, Any]] = []

    def begin(self, raw: Raw, failure: str) -> dict[str, Any]:
        """Note a request before anything is done with it; `failure` is what strikes it, or ""."""
        entry: dict[str, Any] = {
            "method": raw.method,
            "path": raw.path,
            "query": dict(raw.query),
            "headers": {name: raw.headers[name] for name in _KEPT_HEADERS if name in raw.headers},
            "failure": failure,
            "status": None,
        }
        with self._lock:
            self._entries.append(entry)
        return entry

    def end(self, entry: dict[str, Any], understood: Understood, status: int) -> None:
        """Add what became clear, and what the double answered, whether or not it arrived."""
        caller = understood.caller
        files = understood.files or {}
        entry |= {
            "user": caller.login if caller else None,
            "organisation": caller.organisation if caller else None,
            "body": understood.json,
            "files": {
                name: [{"name": one.name, "size": len(one.content)} for one in those]
                for name, those in files.items()
            },
            "status": status,
        }

    def entries(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._entries)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
